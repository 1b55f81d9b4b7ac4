"""Threads that send faster than the event loop takes: they wait, and in the end get an error."""

import asyncio
import threading
import time

import pytest

from tests.support.hubs import MakeHub, Socket, connect
from webipc.budget import backlog
from webipc.core.errors import BufferFullError
from webipc.electron.document import Outlet
from webipc.hub.hub import Hub
from webipc.link.outlet import encode_send

MIB = 1_048_576


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
    assert len(sent) == 6
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
