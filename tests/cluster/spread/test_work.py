"""What is said to some pages costs a worker as much as there are of them, however many tabs it has."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.hubs import NOBODY, visitor
from tests.support.several_workers import Ear, OneWorker, quiet, workers
from tests.support.work import lines_of
from webipc.access.caller import Caller
from webipc.access.visitor import Visitor
from webipc.cluster.bus.all_kinds import REAUTHENTICATE, SHOUT
from webipc.cluster.bus.bus import Said, SaidToAll

MANY = 2_000
MESSAGE = [b'["send","news",["hello"]]']
SLACK = 50
"""Lines of Python by which a dictionary that has grown may differ."""


@pytest.fixture
async def two() -> AsyncIterator[list[OneWorker]]:
    async with workers(2) as made:
        yield made


def fill(worker: OneWorker, group: str | None = None) -> None:
    """Let a worker have many tabs, each of its own browser and user."""
    for number in range(MANY):
        name = f"{number:032x}"
        other = Visitor("http://localhost", "192.0.2.1:1", "192.0.2.1", name)
        tab = worker.hub.tabs.adopt(1 << 40 | number, number + 1, other, Caller(NOBODY.attach_scope, name, name))
        worker.hub.groups.users.add(name, tab)
        if group is not None:
            worker.hub.groups.named.add(group, tab)


def cost(worker: OneWorker, kind: str, head: dict[str, Any]) -> int:
    """Return the work of taking one entry of the stream, which another worker has said."""
    rows = MESSAGE if kind == SHOUT else []
    return lines_of(lambda: worker.shared.received_by_all(SaidToAll(1, 1, Said("f" * 16, kind, head, rows))))


@pytest.mark.parametrize("whom", ["contents", "principal", "user", "group", "reauthenticate"])
async def test_entry_for_one_page_costs_the_same_among_many_tabs(two: list[OneWorker], whom: str) -> None:
    a, _ = two
    async with a.browser("ada").open() as page:
        ear = Ear(page)
        tab = a.tab(page)
        a.ipc_main.group("room").add(tab)
        which = {"contents": tab.id, "principal": tab.principal, "user": "ada", "group": "room"}.get(whom)
        kind, head = (REAUTHENTICATE, {"user": "ada"}) if which is None else (SHOUT, {"to": {whom: which}})
        # What is made once is made.
        cost(a, kind, head)
        await quiet()
        alone = cost(a, kind, head)
        await quiet()
        fill(a)
        assert cost(a, kind, head) <= alone + SLACK
        await quiet()
        assert len(ear.heard) == (0 if which is None else 3)


@pytest.mark.parametrize("whom", ["principal", "user", "group"])
async def test_tab_that_comes_catches_up_at_the_same_cost_in_a_large_group(two: list[OneWorker], whom: str) -> None:
    a, _ = two
    broadcasts = a.shared.spread.broadcasts
    async with a.browser("ada").open() as page, page.open_frame() as frame:
        ear, other = Ear(page), Ear(frame)
        tab = a.hub.tabs.from_id(a.tab(page).id)
        assert tab is not None
        a.ipc_main.group("room").add(tab.contents)
        which = {"principal": tab.principal, "user": "ada", "group": "room"}[whom]
        entries = [Said("f" * 16, SHOUT, {"to": {whom: which}}, MESSAGE)] * 10
        broadcasts._replay(tab, entries)
        alone = lines_of(lambda: broadcasts._replay(tab, entries))
        fill(a, "room")
        assert lines_of(lambda: broadcasts._replay(tab, entries)) <= alone + 10 * SLACK
        await quiet()
        assert len(ear.heard) == 30
        assert other.heard == []


async def test_browser_is_known_by_the_principal_that_its_tab_has_now(two: list[OneWorker]) -> None:
    """A tab whose first request has shown no cookie is known by the one that a later request shows."""
    a, _ = two
    tabs = a.hub.tabs
    first = Visitor("http://localhost", "192.0.2.1:1", "192.0.2.1", "1" * 32, "set it")
    tab = tabs.adopt(1 << 40, 1, first, NOBODY)
    other = tabs.adopt(1 << 40 | 1, 2, visitor("192.0.2.1"), NOBODY)
    assert list(tabs.of_principal("1" * 32)) == [tab]
    tabs.take_in(tab, visitor("192.0.2.1"))
    assert list(tabs.of_principal("1" * 32)) == []
    assert list(tabs.of_principal("0" * 32)) == [other, tab]
    tabs.release(other)
    tabs.destroy(tab)
    assert not tabs._of_principals


async def test_single_process_keeps_no_tabs_by_principal(make_hub: Any) -> None:
    tabs = make_hub().tabs
    tabs.adopt(1, 1, visitor("192.0.2.1"), NOBODY)
    assert not tabs._of_principals
