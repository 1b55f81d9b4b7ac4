"""What a frame and a turn of a port cost the event loop in steps, where values have many ways through their cycles."""

import asyncio
import contextlib
import json
import threading
from typing import Any

import pytest

import webipc.core.clone.reach
from tests.support.held_up import Site, page_of
from tests.support.posting_page import PostingPage
from tests.support.waiting import until
from webipc import MessagePortMain
from webipc.core.clone import decode
from webipc.core.clone.reach import most_looks
from webipc.core.errors import UnreadableError
from webipc.core.link.steps import FEW_BYTES, MANY_STEPS, is_light, steps_of

SIZES = {"five that refer to each other": 5, "six, which are too many": 6}


def rings(count: int) -> tuple[Any, list[Any]]:
    """Return arrays that all refer to each other, as skeleton and fixups."""
    rows = [[None] * (count - 1) for _ in range(count)]
    others = [[other for other in range(count) if other != row] for row in range(count)]
    return rows, [["@", [1, row, at], [1, to]] for row in range(count) for at, to in enumerate(others[row])]


def frame_of(page: PostingPage, count: int, messages: int, *, escaped: bool = False) -> str:
    rows, fixups = rings(count)
    one = json.dumps(["send", "say", ["name", rows], fixups], separators=(",", ":"))
    text = f"[{page.link.received + 1},0,{','.join([one] * messages)}]"
    return text.replace('"@"', '"\\u0040"') if escaped else text


@pytest.fixture
async def site() -> Any:
    made = Site()
    yield made
    made.end()
    if made.ipc_main._provider.hub is not None:
        await made.ipc_main._provider.end()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many containers were counted: in the event loop, and elsewhere."""
    here = threading.get_ident()
    counted = [0, 0]
    enter = webipc.core.clone.reach._Walk._enter

    def noted(walk: Any, container: Any) -> bool:
        parts = walk._parts.get(id(container))
        counted[threading.get_ident() != here] += 1 + (len(parts[1]) if parts else 0)
        return enter(walk, container)

    monkeypatch.setattr(webipc.core.clone.reach._Walk, "_enter", noted)
    return counted


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("messages", [20, 128])
@pytest.mark.parametrize("escaped", [False, True])
async def test_a_frame_of_cycles_costs_the_event_loop_no_more_than_one_frame_may(
    site: Site, size: int, messages: int, escaped: bool, looks: list[int]
) -> None:
    page, other = await page_of(site), await page_of(site, "c" * 32)
    gate = site.hold_up()
    page.write(frame_of(page, size, messages, escaped=escaped))
    other.post("invoke", 1, "echo", value=["served"])
    other.flush()
    await until(lambda: other.results)
    assert looks[0] <= MANY_STEPS + most_looks(size * size)
    gate.set()
    (connection,) = [each for each in site.hub._links if each.link_id == "a" * 32]
    await until(lambda: connection.link.received == messages and connection.unpacking is None)
    page.write(f'[{messages + 1},0,["send","say",["last"]]]')
    await until(lambda: site.said[-1:] == ["last"])
    assert looks[1] > 0
    # Each is judged for itself, however many come together.
    assert len(site.said) == 1 + (messages if size == SIZES["five that refer to each other"] else 0)
    assert page.closes == []


async def test_messages_that_have_waited_in_a_port_are_decoded_in_many_turns(site: Site, looks: list[int]) -> None:
    page = await page_of(site)
    ports: list[MessagePortMain] = []
    site.ipc_main.once("port", lambda event, message: ports.extend(event.ports))
    page.post_ported("post", "port", value=None, ports=[1])
    page.flush()
    await until(lambda: ports)
    rows, fixups = rings(5)
    one = json.dumps(["port", 1, [None, rows], [], fixups])
    for _ in range(20):
        page.write(f"[{page.link.last + 1},0,{','.join([one] * 10)}]")
        page.link.first += 10
    (connection,) = site.hub._links
    await until(lambda: connection.link.received == 201 and connection.unpacking is None)
    assert looks == [0, 0]
    heard: list[int] = []
    turns: list[int] = []
    ports[0].on("message", lambda event: heard.append(looks[0]))
    ports[0].start()
    while len(heard) < 200:
        before = looks[0]
        await asyncio.sleep(0)
        turns.append(looks[0] - before)
    assert max(turns) <= MANY_STEPS + most_looks(25)
    assert len([done for done in turns if done]) >= 10


def test_steps_are_those_of_all_fixups_and_of_the_looks_that_references_allow() -> None:
    assert steps_of([]) == 0
    assert steps_of([["d", [0]]] * 10) == 80
    assert steps_of([["d", [0]], ["@", [1], [0]], ["@", [2], [0]]]) == 24 + most_looks(2)
    assert steps_of([None, [], [["@"]], "@"]) == 32


@pytest.mark.parametrize(
    "data, light",
    [
        ("x" * 2_048, True),
        ('["@"]' + "x" * 2_040, True),
        ('["@"]' + "x" * 2_048, False),
        ('["\\u0040"]' + "x" * 2_048, False),
        ("x" * 16_384, True),
        ("x" * 16_385, False),
        (b"x" * 2_049, False),
    ],
)
def test_a_frame_is_light_by_its_size_where_it_has_no_references(data: Any, light: bool) -> None:
    assert is_light(data, len(data)) is light


def ring_of_pairs(levels: int) -> tuple[Any, list[Any]]:
    """Return pairs whose places both lead to the next level, the last to the first."""
    rows = [[None, None] for _ in range(levels)]
    return rows, [["@", [1, row, at], [1, (row + 1) % levels]] for row in range(levels) for at in range(2)]


@pytest.mark.parametrize("size", range(2, 40))
@pytest.mark.parametrize("shape", [rings, ring_of_pairs])
def test_there_are_at_most_eight_looks_for_each_byte(shape: Any, size: int, looks: list[int]) -> None:
    rows, fixups = shape(size)
    text = json.dumps([["send", "say", ["name", rows], fixups]], separators=(",", ":"))
    with contextlib.suppress(UnreadableError):
        decode(["name", rows], fixups, [])
    assert looks[0] <= 8 * len(text)
    assert looks[0] * FEW_BYTES / len(text) <= MANY_STEPS
