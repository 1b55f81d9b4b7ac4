"""A connection that is alive is kept, whatever its page does, and one that is dead is noticed (PROTOCOL.md 7).

The client of these tests is like a browser whose page runs no script: its library answers pings in a thread of its own,
until 16 frames wait that the test has not read. Then it reads nothing, as Chromium does from 100 kB on.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.client_frames import BINARY, PING, header
from tests.support.deaf_page import DeafPage
from tests.support.hubs import MakeHub, Socket, connect, sweep
from tests.support.raw_sockets import Site, be_fast, closing, connections_of, greeted
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from tests.support.vanishing import vanish
from webipc import Limits

SILENCE = 0.9
LIMITS = Limits(heartbeat_ms=100, silence_ms=900, probe_ms=300, close_ms=300, grace_ms=2_000, goodbye_ms=2_000)

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a peer, and drops its packets")


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
def site(limits: Limits) -> Site:
    site = Site(limits=limits)
    site.ipc_main.on("push", lambda event, count, size: [event.reply("pushed", n, "x" * size) for n in range(count)])
    return site


@pytest.fixture
def server(site: Site) -> Iterator[Live]:
    with live(site.app, ws=DIRECT, new_loop=uvloop.new_event_loop) as served:
        yield served


@contextmanager
def unread(server: Live) -> Iterator[ClientConnection]:
    """Connect a page that the test does not let read; closing such a socket would take its client ten seconds."""
    with greeted(server) as page:
        page.close_timeout = 0
        yield page


def is_connected(site: Site) -> bool:
    """Return whether the only link has a socket."""
    return [connection.transport is not None for connection in connections_of(site.ipc_main)] == [True]


def stays_connected(site: Site, seconds: float = 2 * SILENCE) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert is_connected(site)
        time.sleep(0.05)


def pushes(page: ClientConnection, count: int) -> list[int]:
    """Read until so many pushes have come; return their numbers."""
    numbers: list[int] = []
    while len(numbers) < count:
        seq, _, *messages = json.loads(page.recv(PATIENCE))
        numbers += [message[2][0] for message in messages]
        page.send(f"[2,{seq + len(messages) - 1}]")
    return numbers


# --- pages that are alive ---------------------------------------------------------------------------------------------


def test_a_page_that_runs_no_script_keeps_its_socket(server: Live, site: Site) -> None:
    with unread(server) as page:
        stays_connected(site)
        page.send('[1,0,["send","push",[5,10]]]')
        wait_until(lambda: connections_of(site.ipc_main)[0].link.kept_count == 5, "pushes")
        stays_connected(site)
        assert pushes(page, 5) == list(range(5))


@needs_linux
def test_a_page_that_reads_nothing_keeps_its_socket_and_gets_everything_afterwards(server: Live, site: Site) -> None:
    with unread(server) as page:
        wait_until(lambda: connections_of(site.ipc_main), "the page has a link")
        be_fast(*connections_of(site.ipc_main))
        page.send('[1,0,["send","push",[100,100000]]]')
        wait_until(lambda: connections_of(site.ipc_main)[0].transport.blocked, "the write buffer is full")  # type: ignore[union-attr]
        stays_connected(site)
        assert pushes(page, 100) == list(range(100))


def test_every_byte_of_a_frame_that_comes_slowly_is_a_sign_of_life(server: Live, site: Site) -> None:
    with DeafPage(server) as page:
        page.send_raw(header(BINARY, 90_000) + bytes(4))
        end = time.monotonic() + 2 * SILENCE
        while time.monotonic() < end:
            page.send_raw(bytes(10))
            assert is_connected(site)
            time.sleep(SILENCE / 6)


def test_pings_of_a_client_are_signs_of_life(server: Live, site: Site) -> None:
    with DeafPage(server) as page:
        end = time.monotonic() + 2 * SILENCE
        while time.monotonic() < end:
            page.send_raw(header(PING, 0) + bytes(4))
            assert is_connected(site)
            time.sleep(SILENCE / 6)


# --- pages that are not -----------------------------------------------------------------------------------------------


def test_a_client_that_answers_nothing_is_noticed_in_time(server: Live, site: Site) -> None:
    began = time.monotonic()
    with DeafPage(server):
        wait_until(lambda: not is_connected(site), "the socket is given up")
        # Times are exact to half of the shortest one.
        assert time.monotonic() - began >= SILENCE - LIMITS.heartbeat_ms / 2000
        wait_until(lambda: not server.open_connections, "the connection is gone")


@needs_linux
@pytest.mark.parametrize("count", [0, 3, 100])
def test_a_client_that_has_vanished_is_noticed_whatever_it_has_not_read(server: Live, site: Site, count: int) -> None:
    with unread(server) as page:
        page.send(f'[1,0,["send","push",[{count},100000]]]')
        wait_until(lambda: connections_of(site.ipc_main)[0].link.received == 1, "the message")
        vanish(page.socket)
        wait_until(lambda: not is_connected(site), "the socket is given up")
        wait_until(lambda: not server.open_connections, "the connection is gone")


@pytest.mark.parametrize("limits", [Limits(heartbeat_ms=100, silence_ms=600, unread_ms=1_500, close_ms=300)])
def test_a_page_that_reads_nothing_is_given_up_in_the_end(server: Live, site: Site) -> None:
    with unread(server) as page:
        began = time.monotonic()
        page.send('[1,0,["send","push",[100,100000]]]')
        wait_until(lambda: not is_connected(site), "the socket is given up")
        assert time.monotonic() - began >= 1.5 - LIMITS.heartbeat_ms / 2000
        wait_until(lambda: not server.open_connections, "the connection is gone")
        with pytest.raises(ConnectionClosed):
            pushes(page, 100)


def test_where_the_server_tells_of_frames_alone_a_page_that_sends_none_is_dropped() -> None:
    site = Site(limits=LIMITS)
    with live(site.app, ws=STOCK) as server, greeted(server) as page:
        assert closing(page)[0] == 1001


# --- what the server does not read ------------------------------------------------------------------------------------


async def test_a_socket_that_the_server_does_not_read_is_not_doubted_and_has_all_its_time_afterwards(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    socket = Socket()
    page = connect(hub, "203.0.113.1", socket)
    socket.is_paused = True
    for _ in range(100):
        hub.clock.now += 10
        sweep(hub)
    assert page.transport is socket
    socket.is_paused = False
    hub.clock.now += 39
    sweep(hub)
    assert page.transport is socket
    hub.clock.now += 1
    sweep(hub)
    assert page.transport is None
    assert socket.code == 1001


async def test_pings_are_sent_only_to_a_page_that_does_not_answer_heartbeats(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    began = hub.clock.now
    pinged: list[float] = []
    socket = Socket()
    socket.hears_bytes = True
    monkeypatch.setattr(socket, "ping", lambda: pinged.append(hub.clock.now - began))
    page = connect(hub, "203.0.113.1", socket)
    for _ in range(1_000):
        hub.clock.now += 0.5
        page.last_sent = hub.loop.time() - (hub.clock.now - began) % 15 - 0.01
        sweep(hub)
        socket.heard = hub.clock.now
    assert pinged == []
    socket.heard = hub.clock.now
    began = hub.clock.now
    while page.transport is socket:
        hub.clock.now += 0.5
        sweep(hub)
    assert pinged == [15.0, 30.0]
