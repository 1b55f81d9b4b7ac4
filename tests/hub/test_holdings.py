"""What each link is charged for, when it is given back, and who pays when an address holds too much."""

import functools
import json
import logging
import re
from typing import Any

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, suspend, sweep, visitor
from tests.support.waiting import until
from webipc.access.visitor import RefusedError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.stalls import PERIOD, Stalls
from webipc.core.frame import EncodedMessage, decode_frame, encode_frame, encode_message, sized
from webipc.core.link.held import MESSAGE_HELD, SEGMENT_HELD
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.holdings import FIRST_ROOM, FLAT_SCOPE, LEAST_AWAY, LINK_BYTES

KIB, MIB = 1_024, 1_048_576


def message(size: int) -> EncodedMessage:
    return sized(b'["send","c",["%b"]]' % (b"x" * (size - 17)), ())


def acknowledge(connection: Connection) -> None:
    """Have the page acknowledge everything."""
    connection.flush()
    connection.receive(decode_frame(encode_frame(connection.link.received + 1, connection.link.last, ())), 1, NOBODY)


async def test_an_idle_link_is_charged_its_flat_amount(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, "203.0.113.1") for _ in range(3)]
    assert hub.account.held == 3 * LINK_BYTES
    pages[0].post_here(message(1_000))
    assert hub.account.held == 3 * LINK_BYTES
    for page in pages:
        hub.end(page, "ended")
    assert hub.account.held == 0


async def test_kept_messages_are_charged_as_what_they_take_and_given_back(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1", Socket(blocked=True))
    for _ in range(1_000):
        page.post_here(message(100))
    assert page.link.held == 1_000 * (100 + MESSAGE_HELD)
    assert LINK_BYTES + page.link.held <= hub.account.held <= LINK_BYTES + 2 * page.link.held
    page.transport.blocked = False  # type: ignore[union-attr] # it is connected
    acknowledge(page)
    sweep(hub)
    assert (page.link.held, hub.account.held) == (0, LINK_BYTES)
    assert page.link.room == FIRST_ROOM


async def test_room_is_asked_for_rarely(make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1", Socket(blocked=True))
    asked = 0
    more = page.holdings.__class__.more

    def counted(self: Any, held: int) -> int:
        nonlocal asked
        asked += 1
        return more(self, held)

    monkeypatch.setattr(page.holdings.__class__, "more", counted)
    for _ in range(10_000):
        page.post_here(message(100))
    assert asked <= 5 + 10_000 * 300 // (64 * KIB)


@pytest.mark.parametrize(
    "kept, held",
    [
        (sized(b"x" * 100, ()), 100 + MESSAGE_HELD),
        (sized(b"x" * 100, [b"y" * 50] * 3), 250 + MESSAGE_HELD + 3 * SEGMENT_HELD),
        (sized(b"x" * 20_000, ()), 20_000 + MESSAGE_HELD),
    ],
)
async def test_segments_count(make_hub: MakeHub, kept: EncodedMessage, held: int) -> None:
    page = connect(make_hub(), "203.0.113.1", Socket(blocked=True))
    page.post_here(kept)
    page.post_here(message(100))
    assert page.link.held == held + 100 + MESSAGE_HELD
    page.transport.blocked = False  # type: ignore[union-attr] # it is connected
    page.link.take_frame()
    page.receive(decode_frame(encode_frame(1, 1, ())), 1, NOBODY)
    assert page.link.held == 100 + MESSAGE_HELD


async def test_pages_that_read_nothing_cost_their_own_address_only(
    make_hub: MakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub(memory=16 * MIB)
    neighbour = connect(hub, "198.51.100.1", Socket(blocked=True))
    for _ in range(3_000):
        neighbour.post_here(message(1_000))
    sockets = [Socket(blocked=True) for _ in range(8)]
    pages = [connect(hub, "203.0.113.1", socket) for socket in sockets]
    with caplog.at_level(logging.WARNING, logger="webipc"):
        for _ in range(60_000):
            for page in pages:
                page.post_here(message(1_000))
    assert all(page.ended for page in pages)
    assert {socket.code for socket in sockets} == {4008}
    assert not neighbour.ended
    assert hub.account.held <= 16 * MIB
    (line,) = caplog.messages
    assert re.fullmatch(
        r"page #\d of 203.0.113.1 held \d+ KiB \(its address 6\.\d MiB of 16 MiB\): its link is reset, overflow", line
    )
    assert hub.stats()["evicted"] == {"overflow": 8}


async def test_the_page_that_holds_most_pays_and_not_its_neighbour_behind_the_same_address(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB)
    quiet = connect(hub, "203.0.113.1", Socket(blocked=True))
    quiet.post_here(message(100_000))
    flooded = connect(hub, "203.0.113.1", Socket(blocked=True))
    while not flooded.ended:
        flooded.post_here(message(10_000))
        assert hub.account.held <= 2 * MIB + 64 * KIB
    assert not quiet.ended


async def test_a_suspended_page_pays_before_one_with_a_socket(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB)
    suspended = suspend(hub, "203.0.113.1")
    suspended.post_here(message(300_000))
    page = connect(hub, "203.0.113.1", Socket(blocked=True))
    while not suspended.ended:
        page.post_here(message(10_000))
    assert not page.ended
    assert page.link.held > MIB


async def test_a_suspended_page_may_keep_less_while_memory_is_scarce(make_hub: MakeHub) -> None:
    hub = make_hub(memory=64 * MIB)
    suspended = suspend(hub, "203.0.113.1")
    for number in range(6):
        hub.account.purse(f"198.51.100.{number}", suspended.holdings).take(10 * MIB, lasting=True)
    suspended.post_here(message(LEAST_AWAY - 1_000))
    assert not suspended.ended
    while not suspended.ended:
        suspended.post_here(message(100_000))
    assert suspended.link.last < 2 + 64 * MIB * 2 * (4 / 64) // 100_000
    for payer in list(hub.account._payers.values()):
        for purse in list(payer.purses):
            purse.give(purse.lasting, lasting=True)


async def test_parts_are_charged_until_their_message_is_complete(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    part = encode_message(["part", 2 * MIB])
    piece = sized(part.json, [b"x" * MIB])
    page.receive(decode_frame(encode_frame(1, 0, [piece])), 1, NOBODY)
    assert hub.account.held == LINK_BYTES + MIB * 9 // 8
    hub.end(page, "ended")
    assert hub.account.held == 0


async def test_a_broadcast_is_charged_once_until_the_slowest_page_has_it(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, f"203.0.113.{number}") for number in range(100)]
    hub.broadcast("news", ("x" * 100_000,))
    for page in pages:
        page.flush()
    flat = 100 * LINK_BYTES
    assert flat + 100_000 <= hub.account.held <= flat + 200_000
    for page in pages[1:]:
        acknowledge(page)
    sweep(hub)
    assert hub.account.held >= flat + 100_000
    acknowledge(pages[0])
    sweep(hub)
    assert hub.account.held == flat


async def test_who_falls_behind_with_broadcasts_is_reset_as_before(make_hub: MakeHub) -> None:
    hub = make_hub(kept_bytes=MIB)
    slow, quick = connect(hub, "203.0.113.1", Socket(blocked=True)), connect(hub, "203.0.113.2")
    for _ in range(11):
        hub.broadcast("news", ("x" * 100_000,))
        acknowledge(quick)
    assert slow.ended
    assert not quick.ended


async def test_the_answer_of_a_send_sync_is_charged_while_it_is_kept(make_hub: MakeHub) -> None:
    ipc_main = IpcMainImpl()

    @ipc_main.on("ask")
    def ask(event: Any) -> None:
        event.return_value = "x" * 1_000_000

    hub = make_hub(ipc_main=ipc_main)
    page = connect(hub, "203.0.113.1")
    page.receive(decode_frame(b'[1,0,["sync",1,"ask",[]]]'.decode()), None, NOBODY)
    await page.syncs.get(1).wait(lambda: None)
    assert hub.account.held > LINK_BYTES + 1_000_000
    page.receive(decode_frame('[2,0,["sync-done",1]]'), None, NOBODY)
    assert hub.account.held == LINK_BYTES
    page.receive(decode_frame('[3,0,["sync",3,"ask",[]]]'), None, NOBODY)
    await page.syncs.get(3).wait(lambda: None)
    hub.end(page, "ended")
    assert hub.account.held == 0


async def asked(hub: Hub, page: Connection, size: int) -> Any:
    """Have a page ask for an answer of this size; return the message that it gets."""
    hub._router._ipc_main.on("ask", lambda event: setattr(event, "return_value", "x" * size))
    page.receive(decode_frame('[1,0,["sync",1,"ask",[]]]'), None, NOBODY)
    answer = await page.syncs.get(1).wait(lambda: None)
    assert answer is not None
    return json.loads(answer.json)


async def test_of_a_send_sync_whose_answer_has_no_room_only_the_call_fails(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB, ipc_main=IpcMainImpl())
    page, neighbour = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.1", Socket(blocked=True))
    neighbour.post_here(message(500_000))
    kind, call_id, error = await asked(hub, page, 4_500_000)
    assert (kind, call_id, error["code"]) == ("error", 1, "buffer-full")
    assert error["message"].startswith("Error: the answer of sendSync('ask') takes 4500")
    assert not page.ended
    assert not neighbour.ended
    assert hub.account.held < MIB
    page.receive(decode_frame('[2,0,["sync-done",1]]'), None, NOBODY)
    hub.end(neighbour, "ended")
    assert hub.account.held == LINK_BYTES


async def test_who_holds_more_gives_way_for_the_answer_of_a_send_sync(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB, ipc_main=IpcMainImpl())
    page, neighbour = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.1", Socket(blocked=True))
    for _ in range(18):
        neighbour.post_here(message(100_000))
    assert not neighbour.ended
    kind, _, value = await asked(hub, page, 750_000)
    assert (kind, len(value)) == ("result", 750_000)
    assert (page.ended, neighbour.ended) == (False, True)


async def test_a_call_that_ends_with_its_link_while_room_is_made_holds_nothing(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB, ipc_main=IpcMainImpl())
    parent = connect(hub, "203.0.113.1", Socket(blocked=True))
    claims = hello()
    object.__setattr__(claims, "parent", parent.link_id)
    page = hub.attaches.attach(claims, visitor("203.0.113.1"), NOBODY, Socket())
    for _ in range(18):
        parent.post_here(message(100_000))
    hub._router._ipc_main.on("ask", lambda event: setattr(event, "return_value", "x" * 750_000))
    assert (page.ended, page.document.parent) == (False, parent.document)
    page.receive(decode_frame('[1,0,["sync",1,"ask",[]]]'), None, NOBODY)
    await until(lambda: page.ended)
    await until(lambda: hub.account.held == 0)


async def test_the_write_buffer_of_a_blocked_socket_is_charged(make_hub: MakeHub) -> None:
    hub = make_hub()
    socket = Socket(blocked=True)
    page = connect(hub, "203.0.113.1", socket)
    for buffered in (70_000, 1_000_000, 300):
        socket.buffered = buffered
        sweep(hub)
        assert hub.account.held == LINK_BYTES + buffered
    socket.blocked = False
    sweep(hub)
    assert hub.account.held == LINK_BYTES
    socket.blocked = True
    sweep(hub)
    hub.end(page, "ended")
    assert hub.account.held == 0


async def test_what_a_page_says_of_itself_is_cut(make_hub: MakeHub) -> None:
    hub = make_hub()
    claims = hello()
    object.__setattr__(claims, "url", "http://localhost/" + "x" * 10_000)
    object.__setattr__(claims, "name", "y" * 10_000)
    document = hub.attaches.attach(claims, visitor("203.0.113.1"), NOBODY, Socket()).document
    assert (len(document.url), len(document.name)) == (2_048, 256)


async def test_stats_tell_who_holds_most(make_hub: MakeHub) -> None:
    hub = make_hub(memory=64 * MIB, max_links=100)
    for number in range(1, 8):
        for _ in range(number):
            connect(hub, f"203.0.113.{number}")
    suspend(hub, "203.0.113.7")
    hub.attaches.identify(hello(), visitor("203.0.113.7"), NOBODY)
    stats = hub.stats()
    # A number of the machine.
    assert stats.pop("stall_ms") >= 0
    assert stats == {
        "memory": {
            "limit": 64 * MIB,
            "held": 30 * LINK_BYTES,
            "largest": [
                ("203.0.113.7", 9 * LINK_BYTES),
                *((f"203.0.113.{number}", number * LINK_BYTES) for number in (6, 5, 4, 3)),
            ],
        },
        "kept": {"messages": 0, "bytes": 0, "held": 0},
        "links": {"open": 30, "away": 1, "by_request": 1, "limit": 100},
        "connections": {"open": 0, "unfinished": 0, "limit": 0},
        "threads": {"running": 0, "waiting": 0},
        "refused": {},
        "evicted": {},
        "paused": 0,
    }


async def test_stats_count_a_link_once_whose_socket_and_request_are_not_read(make_hub: MakeHub) -> None:
    hub = make_hub()
    socket = Socket()
    page, _ = connect(hub, "203.0.113.1", socket), connect(hub, "203.0.113.2")
    socket.is_paused = True
    assert hub.stats()["paused"] == 1
    page.holdings.paused = 2
    assert hub.stats()["paused"] == 1
    socket.is_paused = False
    assert hub.stats()["paused"] == 1
    page.holdings.paused = 0
    assert hub.stats()["paused"] == 0


async def test_stats_tell_how_long_the_event_loop_was_not_free(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("webipc.hub.hub.Stalls", functools.partial(Stalls, clock=lambda: now[0]))
    hub = make_hub()
    now[0] += PERIOD + 1.5
    assert hub.stats()["stall_ms"] == 1500
    now[0] = PERIOD
    # The timer is due, and called in time.
    await until(lambda: bool(hub._stalls._delays))
    assert hub.stats()["stall_ms"] == 0


async def test_a_scope_that_is_larger_than_a_browsers_is_charged_while_its_socket_is_there(make_hub: MakeHub) -> None:
    hub = make_hub()
    socket = Socket()
    page = connect(hub, "203.0.113.1", socket)
    for size in (FLAT_SCOPE, 60_000, 20_000):
        page.holdings.scope(size)
        assert hub.account.held == LINK_BYTES + size - FLAT_SCOPE
    page.lost(socket)
    assert hub.account.held == LINK_BYTES
    page.holdings.scope(60_000)
    hub.end(page, "ended")
    assert hub.account.held == 0
    page.holdings.scope(60_000)
    assert hub.account.held == 0


async def test_sockets_with_large_headers_cost_their_own_payer(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB)
    other = connect(hub, "203.0.113.2")
    with pytest.raises(RefusedError, match="its share of the server's memory"):  # noqa: PT012 - any of them may raise
        for _ in range(100):
            connect(hub, "203.0.113.1").holdings.scope(65_536)
    assert hub.account.held <= 2 * MIB + 2 * 65_536
    assert not other.ended
