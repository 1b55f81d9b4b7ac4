"""A parked tab goes on at the worker to which one of its pages comes: once, whole, and behind its listeners."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.logged import troubles
from tests.support.moved import LIMITS, VISITOR
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import settled, until
from tests.support.wanderer import Wanderer, take
from webipc import WebContents
from webipc.access.visitor import RefusedError
from webipc.cluster.bus.bus import BusError, Position, SaidToAll
from webipc.cluster.bus.directory import Home, Over, Parked, key_of
from webipc.cluster.bus.rows import decode_rows, encode_rows
from webipc.cluster.moves import parking
from webipc.cluster.moves.snapshot import FORMAT
from webipc.core.errors import ResetError


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3, limits=LIMITS) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "BATCH_SECONDS", 0.01)


async def parked(page: Wanderer, worker: OneWorker) -> int:
    """Let a page begin at a worker, which then ends in good order. Return the id of its tab."""
    connection = await page.come(worker)
    contents_id = connection.document.tab.id
    await worker.hub.drain(20.0, asyncio.Event())
    await quiet()
    page.lose()
    return contents_id


async def place_of(page: Wanderer, worker: OneWorker) -> Any:
    return await worker.bus.directory.find(key_of(page.id), None, None)


async def test_attaches_that_come_at_once_share_one_taking(three: list[OneWorker]) -> None:
    old, new, _ = three
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    await page.come(old)
    await frame.come(old)
    contents_id = await parked(page, old)
    frame.lose()
    taking = new.shared.taking
    # Each of them learns that the tab is here, and has not to ask where it is.
    assert await asyncio.gather(*(taking.take(contents_id, VISITOR) for _ in range(3))) == [True] * 3
    await asyncio.gather(*(take(new, one.hello()) for one in (page, frame, page)))
    assert new.shared.stats()["takes"] == 1
    assert len(new.hub.tabs.all()) == 1
    assert len(list(new.hub.links)) == 2


async def test_one_of_two_workers_gets_it_and_the_other_learns_which(three: list[OneWorker]) -> None:
    old, one, other = three
    page = Wanderer(1)
    await parked(page, old)
    hello = page.hello()
    homes = await asyncio.gather(
        *(worker.shared.place(hello, VISITOR, is_relayed=False) for worker in (one, other)),
    )
    assert sorted(home or "" for home in homes) in (["", one.shared.worker], ["", other.shared.worker])
    assert one.shared.stats()["takes"] + other.shared.stats()["takes"] == 1


async def test_listeners_for_new_tabs_run_before_any_message_and_say_that_it_was_adopted(
    three: list[OneWorker],
) -> None:
    old, new, _ = three
    order: list[Any] = []
    for worker, name in ((old, "old"), (new, "new")):

        @worker.ipc_main.web_contents_created
        async def created(event: Any, contents: WebContents, name: str = name) -> None:
            order.append((name, event.adopted, contents.id))
            contents.on("frame-created", lambda event, details: order.append(("frame", event.adopted)))
            contents.ipc.on("say", lambda event, value: order.append(value))
            # Those behind it begin all the same.
            await asyncio.sleep(0)

        @worker.ipc_main.web_contents_created
        def created_too(event: Any, contents: WebContents, name: str = name) -> None:
            order.append((name, "second"))

    page = Wanderer(1)
    page.post("send", "say", value=["kept"])
    contents_id = await parked(page, old)
    await page.come(new)
    page.write()
    await quiet()
    assert order == [
        ("old", False, contents_id),
        ("old", "second"),
        ("frame", False),
        ("new", True, contents_id),
        ("new", "second"),
        ("frame", True),
        "kept",
    ]


async def test_attach_waits_for_the_listeners_of_a_tab_that_has_just_come(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, _ = three
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    await page.come(old)
    await frame.come(old)
    await parked(page, old)
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(new.hub.births, "announce", lambda tab: begun)
    comes = asyncio.ensure_future(take(new, page.hello()))
    await until(lambda: page.id in new.hub.links)
    # Another page of it, and the next document of it.
    others = [take(new, frame.hello()), take(new, Wanderer(3, opener=page).hello())]
    waits = [asyncio.ensure_future(other) for other in others]
    await settled()
    assert not any(task.done() for task in (comes, *waits))
    begun.set_result(None)
    await asyncio.gather(comes, *waits)


async def test_reload_with_the_token_of_before_stays_in_the_tab(three: list[OneWorker]) -> None:
    old, new, other = three
    page, reloaded = Wanderer(1), Wanderer(2)
    contents_id = await parked(page, old)
    reloaded.opener = page
    connection = await reloaded.come(new)
    assert connection.document.tab.id == contents_id
    # And once more, with the oldest token.
    await new.hub.drain(20.0, asyncio.Event())
    again = Wanderer(3, opener=page)
    connection = await again.come(other)
    assert connection.document.tab.id == contents_id


async def test_tab_between_two_documents_is_taken_by_its_next_one(three: list[OneWorker]) -> None:
    old, new, _ = three
    page, reloaded = Wanderer(1), Wanderer(2)
    created: list[bool] = []
    new.ipc_main.web_contents_created(lambda event, contents: created.append(event.adopted))
    connection = await page.come(old)
    contents_id = connection.document.tab.id
    connection.bye(0)
    await quiet()
    await old.hub.drain(20.0, asyncio.Event())
    reloaded.opener = page
    connection = await reloaded.come(new)
    assert connection.document.tab.id == contents_id
    assert created == [True]


async def test_broadcasts_of_the_time_in_which_it_was_nowhere_arrive_once(three: list[OneWorker]) -> None:
    old, new, other = three
    page = Wanderer(1)
    await page.come(old)
    for worker, value in ((old, "old 1"), (other, "other 1"), (new, "new 1")):
        worker.ipc_main.broadcast("news", value)
        await quiet()
    page.write()
    await old.hub.drain(20.0, asyncio.Event())
    page.take()
    page.lose()
    for worker, value in ((old, "old 2"), (other, "other 2"), (new, "new 2")):
        worker.ipc_main.broadcast("news", value)
    # Not read back when the tab comes.
    connection = await page.come(new)
    other.ipc_main.broadcast("news", "other 3")
    await quiet()
    heard = page.heard()
    assert heard[:3] == ["old 1", "other 1", "new 1"]
    assert sorted(heard[3:]) == ["new 2", "old 2", "other 2", "other 3"]
    assert connection.document.tab.id


async def test_broadcast_that_its_old_home_had_said_and_not_read_back_arrives_once(three: list[OneWorker]) -> None:
    old, new, _ = three
    page = Wanderer(1)
    connection = await page.come(old)
    old.ipc_main.broadcast("news", "old 1")
    # In the turn in which it was said: its old home has read nothing of the stream.
    old.shared.parking._leaving.begin(connection.document.tab, [connection])
    assert old.bus.position.number == 0
    await quiet()
    assert new.bus.position.number == 1
    page.lose()
    await page.come(new)
    await quiet()
    assert page.heard() == ["old 1"]


async def test_position_of_a_tab_has_the_name_of_its_stream_with_it(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, _ = three
    page = Wanderer(1)
    monkeypatch.setattr(type(old.bus), "position", Position(0, 0, "a stream"))
    await parked(page, old)
    asked: list[Position] = []

    async def since(position: Position) -> list[SaidToAll] | None:
        asked.append(position)
        return []

    monkeypatch.setattr(new.bus, "since", since)
    await page.come(new)
    assert asked == [Position(0, 0, "a stream")]


# --- what cannot go on


async def _parked_as(format_: int, worker: OneWorker, contents_id: int, *pages: Wanderer) -> None:
    """Let a worker take a parked tab, and park it in another format."""
    taken = await worker.bus.directory.take(contents_id)
    assert taken is not None
    head, *rows = decode_rows(taken.snapshot)
    other = json.dumps({**json.loads(head), "format": format_}).encode()
    links = [key_of(page.id) for page in pages]
    await worker.bus.directory.park(contents_id, encode_rows([other, *rows]), links, 60.0)


async def test_tab_of_another_format_is_told_that_its_owner_is_lost_and_nothing_is_left(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    old, new, other = three
    page = Wanderer(1)
    frame = Wanderer(2, above=page)
    await page.come(old)
    await frame.come(old)
    contents_id = await parked(page, old)
    await _parked_as(9, other, contents_id, page, frame)
    with pytest.raises(ResetError) as caught:
        await take(new, page.hello())
    assert caught.value.reason == "owner-lost"
    assert any("expected a snapshot of format 1, got 9" in line for line in troubles(caplog))
    assert [await place_of(one, new) for one in (page, frame)] == [None, None]
    assert (new.hub.tabs.all(), list(new.hub.links), new.hub.account.held) == ([], [], 0)
    assert await new.bus.directory.where(contents_id) is None


async def test_tab_without_room_is_parked_again_and_goes_on_elsewhere(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, full, other = three
    page = Wanderer(1)
    contents_id = await parked(page, old)
    monkeypatch.setattr(full.hub.links, "make_room", _refuse)
    with pytest.raises(RefusedError):
        await take(full, page.hello())
    assert await place_of(page, other) == Parked(contents_id, format=FORMAT)
    assert (full.hub.tabs.all(), full.shared.stats()["takes_failed"]) == ([], 1)
    await page.come(other)
    assert await place_of(page, full) == Home(other.shared.worker)


def _refuse(*_: Any, **__: Any) -> None:
    raise RefusedError(4503, "full")  # type: ignore[arg-type] # as TRY_LATER


async def test_tab_without_room_anywhere_is_told_that_its_owner_is_lost(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, full, _ = three
    page = Wanderer(1)
    await parked(page, old)
    monkeypatch.setattr(full.hub.links, "make_room", _refuse)

    async def failing(*_: Any) -> None:
        raise BusError("away")

    monkeypatch.setattr(full.bus.directory, "park", failing)
    with pytest.raises(ResetError) as caught:
        await take(full, page.hello())
    assert caught.value.reason == "owner-lost"
    assert await place_of(page, full) is None


async def test_tab_stays_parked_while_the_bus_cannot_be_reached(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old, new, _ = three
    page = Wanderer(1)
    contents_id = await parked(page, old)

    async def failing(*_: Any) -> None:
        raise BusError("away")

    with monkeypatch.context() as patch, caplog.at_level(logging.INFO, "webipc"):
        patch.setattr(new.bus.directory, "take", failing)
        with pytest.raises(RefusedError):
            await take(new, page.hello())
    assert await place_of(page, new) == Parked(contents_id, format=FORMAT)
    await page.come(new)


async def test_attach_that_is_given_up_does_not_end_the_taking(three: list[OneWorker]) -> None:
    old, new, _ = three
    page = Wanderer(1)
    contents_id = await parked(page, old)
    comes = asyncio.ensure_future(new.shared.taking.take(contents_id, VISITOR))
    await asyncio.sleep(0)
    comes.cancel()
    await until(lambda: page.id in new.hub.links)
    assert await place_of(page, new) == Home(new.shared.worker)


async def test_link_that_ended_before_the_move_stays_ended(three: list[OneWorker]) -> None:
    old, new, _ = three
    page, gone = Wanderer(1), Wanderer(2)
    gone.opener = page
    await gone.come(old)
    gone.connection.bye(0)
    await quiet()
    await parked(page, old)
    await page.come(new)
    assert await place_of(gone, new) == Over()
    with pytest.raises(ResetError) as caught:
        await take(new, gone.hello())
    assert caught.value.reason == "ended"
