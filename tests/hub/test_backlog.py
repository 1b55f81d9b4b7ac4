"""Threads that send faster than the event loop takes: they wait, and in the end get an error."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect
from webipc import MessageChannelMain
from webipc.budget import backlog
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import BufferFullError
from webipc.core.frame import decode_frame
from webipc.electron.document import Outlet
from webipc.electron.message_port_main import TransferError
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.outlet import encode_send
from webipc.ports.ends import PortMessage

MIB = 1_048_576
TEXT = "x" * 100_000

Post = Callable[[], object]


def outlet_of(hub: Hub) -> tuple[Socket, Outlet]:
    socket = Socket()
    connection = connect(hub, "203.0.113.1", socket)
    assert connection.document.outlet is not None
    return socket, connection.document.outlet


async def test_what_threads_send_while_the_loop_is_busy_is_bounded(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "SECONDS", 0.1)
    hub = make_hub(memory=8 * MIB)
    _, outlet = outlet_of(hub)
    message = encode_send("news", ("x" * 100_000,), hub.limits)
    sent: list[int] = []
    refused: list[BufferFullError] = []

    def send() -> None:
        try:
            for number in range(100):
                outlet.post(message)
                sent.append(number)
        except BufferFullError as error:
            refused.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    # The event loop itself waits for the thread, so that nothing is taken.
    thread.join()
    assert len(sent) == 10
    assert hub._around.backlog.held <= MIB
    assert (refused[0].limit, refused[0].allowed) == ("memory", MIB)
    await asyncio.sleep(0)
    assert hub._around.backlog.held == 0


async def test_a_thread_goes_on_when_the_loop_takes_what_it_has_sent(make_hub: MakeHub) -> None:
    hub = make_hub(memory=8 * MIB)
    outlet_of(hub)

    def send() -> None:
        for number in range(60):
            hub.broadcast("news", (number, "x" * 100_000))

    sending = asyncio.create_task(asyncio.to_thread(send))
    for _ in range(5):
        # Busy, now and then.
        time.sleep(0.01)  # noqa: ASYNC251
        await asyncio.sleep(0.01)
        for connection in hub._links:
            connection.flush()
            connection.link._forget(connection.link.last)
    await sending
    await asyncio.sleep(0)
    assert hub._around.backlog.held == 0


async def test_a_message_that_is_larger_than_the_bound_is_sent_alone(make_hub: MakeHub) -> None:
    hub = make_hub(memory=8 * MIB)
    _, outlet = outlet_of(hub)
    message = encode_send("news", ("x" * (2 * MIB),), hub.limits)
    await asyncio.to_thread(outlet.post, message)
    assert hub._around.backlog.held == 0


# --- every way from a thread into the event loop ----------------------------------------------------------------------


def by_send(page: Connection, hub: Hub) -> Post:
    return lambda: page.document.living_outlet().send("news", (TEXT,))


def by_broadcast(page: Connection, hub: Hub) -> Post:
    return lambda: hub.broadcast("news", (TEXT,))


def by_post_message(page: Connection, hub: Hub) -> Post:
    page.features = ["ports"]
    return lambda: page.document.frame.post_message("news", TEXT)


def by_port(page: Connection, hub: Hub) -> Post:
    channel = MessageChannelMain()
    page.document.living_outlet().post_ported("port", PortMessage.encode(None, ends=(channel.port2.neuter(),)))
    return lambda: channel.port1.post_message(TEXT)


def by_return_value(page: Connection, hub: Hub) -> Post:
    events: list[Any] = []
    ipc_main = hub._router._ipc_main
    ipc_main.on("ask", events.append)
    for number in range(100):
        page.receive(decode_frame(f'[{page.link.received + 1},0,["sync",{2 * number + 1},"ask",[]]]'), None, NOBODY)
    return lambda: setattr(events.pop(), "return_value", TEXT)


WAYS = [by_send, by_broadcast, by_post_message, by_port, by_return_value]


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_into_the_loop_is_bounded_and_counted_until_the_loop_has_taken_it(
    way: Callable[[Connection, Hub], Post], make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "SECONDS", 0.1)
    hub = make_hub(memory=8 * MIB, ipc_main=IpcMainImpl())
    page = connect(hub, "203.0.113.1")
    post = way(page, hub)
    await asyncio.sleep(0.01)
    sent = 0
    refused: list[BufferFullError] = []

    def send() -> None:
        nonlocal sent
        try:
            for _ in range(100):
                post()
                sent += 1
        except BufferFullError as error:
            refused.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    # The event loop itself waits for the thread, so that nothing is taken.
    thread.join()
    assert 6 <= sent <= 10
    assert (refused[0].limit, refused[0].allowed) == ("memory", MIB)
    assert hub._around.backlog.held <= MIB
    await asyncio.sleep(0.01)
    assert hub._around.backlog.held == 0
    # In the event loop's own thread nothing waits.
    post()


@pytest.fixture
async def port(make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch) -> tuple[MessageChannelMain, Hub]:
    """A port of a page, whose other end is `port1`, while the backlog is full."""
    monkeypatch.setattr(backlog, "SECONDS", 0.05)
    hub = make_hub(memory=8 * MIB)
    channel = MessageChannelMain()
    carried = PortMessage.encode(None, ends=(channel.port2.neuter(),))
    connect(hub, "203.0.113.1").document.living_outlet().post_ported("port", carried)
    hub._around.backlog.admit(2 * MIB)
    return channel, hub


async def test_a_port_is_not_transferred_by_a_message_that_is_refused(port: tuple[MessageChannelMain, Hub]) -> None:
    other = MessageChannelMain()
    with pytest.raises(BufferFullError):
        await asyncio.to_thread(port[0].port1.post_message, 1, [other.port1])
    assert not other.port1.is_neutered


async def test_what_is_dropped_is_not_counted_any_more(port: tuple[MessageChannelMain, Hub]) -> None:
    channel, hub = port
    hub._around.backlog.leave(2 * MIB)
    closed, transferred = MessageChannelMain(), MessageChannelMain()
    end = channel.port1._end
    assert end is not None
    assert end.peer is not None
    message = await asyncio.to_thread(end.peer.admit, PortMessage.encode(TEXT))
    assert hub._around.backlog.held > 100_000
    # The channel is closed while the thread waits.
    channel.port1.close()
    end.post(message)
    assert hub._around.backlog.held == 0
    transferred.port1.neuter()
    with pytest.raises(TransferError):
        closed.port1.post_message(1, [transferred.port1])
