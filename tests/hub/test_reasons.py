"""Why a link has ended: a page that comes back later is told what it was told while connected (PROTOCOL.md 6.5).

One row for each way in which a link ends while its process lives.
"""

import asyncio
from collections.abc import Callable

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, hello, visitor
from webipc.access.visitor import RefusedError
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.core.frame import EncodedMessage, sized
from webipc.hub.hub import Hub
from webipc.link.calls.sync_calls import SyncCall
from webipc.link.connection import Connection
from webipc.link.timeouts import sweep

LIMITS = {"kept_bytes": 300, "message_bytes": 200, "part_bytes": 200}
MESSAGE = sized(b'["send","x",["' + b"y" * 100 + b'"]]', [])


def fill(hub: Hub, connection: Connection) -> None:
    for _ in range(3):
        connection.post_here(MESSAGE)


def lose(connection: Connection) -> None:
    assert connection.transport is not None
    connection.lost(connection.transport)


def fill_while_away(hub: Hub, connection: Connection) -> None:
    lose(connection)
    fill(hub, connection)


def expire(hub: Hub, connection: Connection) -> None:
    lose(connection)
    hub.clock.now = connection.lost_at + 61
    sweep(connection, 1.0)


def leave(hub: Hub, connection: Connection) -> None:
    connection.bye(0)


def leave_behind(hub: Hub, connection: Connection) -> None:
    connection.bye(3)
    assert connection.bye_deadline is not None
    hub.clock.now = connection.bye_deadline
    sweep(connection, 1.0)


def resume_with_a_gap(hub: Hub, connection: Connection) -> None:
    with pytest.raises(ResetError, match="gap"):
        hub.attaches.attach(again(connection, first=9), visitor("192.0.2.1"), NOBODY, Socket(2))


def close_code(code: int) -> Callable[[Hub, Connection], None]:
    """What the sessions of sockets do when the page has refused a frame, and when the page has sent what is wrong."""

    def end(hub: Hub, connection: Connection) -> None:
        hub.end(connection, "protocol") if code == CloseCode.NORMAL else connection.reset("protocol", CloseCode(code))

    return end


def evict_for_memory(hub: Hub, connection: Connection) -> None:
    connection.holdings.evict("overflow")


def evict_while_away(hub: Hub, connection: Connection) -> None:
    lose(connection)
    connection.holdings.evict("away")


def give_way(hub: Hub, connection: Connection) -> None:
    lose(connection)
    hub._links._evict(connection)


def end_with_the_parent(hub: Hub, connection: Connection) -> None:
    child = hub.attaches.attach(hello_below(connection), visitor("192.0.2.1"), NOBODY, Socket())
    connection.reset("overflow", CloseCode.OVERFLOW)
    with pytest.raises(ResetError, match="ended"):
        hub.attaches.attach(again(child), visitor("192.0.2.1"), NOBODY, Socket(2))


WAYS: dict[str, tuple[Callable[[Hub, Connection], None], str, int | None]] = {
    "it keeps too much": (fill, "overflow", 4008),
    "it keeps too much without a socket": (fill_while_away, "overflow", None),
    "all of an address hold too much": (evict_for_memory, "overflow", 4008),
    "all of an address hold too much, and it is away": (evict_while_away, "ended", None),
    "there are too many links": (give_way, "ended", None),
    "it was away for too long": (expire, "unknown-link", None),
    "it said goodbye": (leave, "ended", 1000),
    "it said goodbye, and messages are missing": (leave_behind, "ended", 1000),
    "it lacks what is gone": (resume_with_a_gap, "gap", 1000),
    "it has refused a frame": (close_code(1000), "protocol", 1000),
    "it has sent what is wrong": (close_code(4400), "protocol", 4400),
    "it has sent too much": (close_code(4413), "protocol", 4413),
    "the document that embeds it is over": (end_with_the_parent, "overflow", 4008),
}


def hello_below(connection: Connection) -> Hello:
    return Hello(
        link="c" * 32, secret="b" * 32, attempt=1, received=0, first=1, fresh=True, features=[],
        parent=connection.link_id,
    )  # fmt: skip


def again(connection: Connection, first: int = 1) -> Hello:
    """The hello of the page that comes back."""
    return Hello(link=connection.link_id, secret="b" * 32, attempt=2, received=0, first=first, fresh=False, features=[])


@pytest.mark.parametrize("end, reason, code", WAYS.values(), ids=WAYS)
async def test_a_page_is_told_why_its_link_has_ended(
    make_hub: MakeHub, end: Callable[[Hub, Connection], None], reason: str, code: int | None
) -> None:
    hub = make_hub(**LIMITS)
    socket = Socket()
    connection = hub.attaches.attach(hello(), visitor("192.0.2.1"), NOBODY, socket)
    blocked = blocked_in(connection)
    end(hub, connection)
    assert connection.ended
    assert socket.code == code
    with pytest.raises(ResetError) as told:
        hub.attaches.attach(again(connection), visitor("192.0.2.1"), NOBODY, Socket(2))
    assert told.value.reason == reason
    with pytest.raises(ResetError) as told:
        hub.attaches.identify(again(connection), visitor("192.0.2.1"), NOBODY)
    assert told.value.reason == reason
    # A page that is blocked in `sendSync` at that moment.
    with pytest.raises(ResetError) as told:
        await blocked.wait(lambda: None)
    assert told.value.reason == reason


def blocked_in(connection: Connection) -> SyncCall:
    def never(*args: object) -> EncodedMessage:
        raise AssertionError

    call = SyncCall(1, "blocked", connection.around, never, never)
    connection.syncs.begin(call)
    # Its request is under way, as far as the page knows; the server has seen its end.
    call.asked()
    call.left()
    return call


async def test_a_handler_that_waits_for_its_page_gets_the_reason(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = hub.attaches.attach(hello(), visitor("192.0.2.1"), NOBODY, Socket())
    waiting = hub.loop.create_task(connection.outgoing_calls.invoke("webipc:reload"))
    await asyncio.sleep(0)
    connection.reset("overflow", CloseCode.OVERFLOW)
    with pytest.raises(ResetError) as told:
        await waiting
    assert told.value.reason == "overflow"


async def test_a_page_that_is_blocked_when_the_server_ends_asks_the_next_one(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = hub.attaches.attach(hello(), visitor("192.0.2.1"), NOBODY, Socket())
    waiting = hub.loop.create_task(blocked_in(connection).wait(lambda: None))
    await hub.stop()
    assert await waiting is None


async def test_another_secret_is_refused_and_told_nothing(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = hub.attaches.attach(hello(), visitor("192.0.2.1"), NOBODY, Socket())
    other = Hello(link=connection.link_id, secret="d" * 32, attempt=2, received=0, first=1, fresh=False, features=[])
    with pytest.raises(RefusedError):
        hub.attaches.identify(other, visitor("192.0.2.1"), NOBODY)
