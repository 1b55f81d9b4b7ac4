"""A process that stands still for longer than every limit, because it is stopped or a handler blocks its event loop,
gives up none of its pages for that.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, connections_of, greeted, hello, post, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc import IpcMainEvent, Limits
from webipc.core.frame import encode_body, encode_control

LIMITS = Limits(heartbeat_ms=100, silence_ms=600, grace_ms=1_000, hello_ms=1_000, sync_ms=1_000)
STANDSTILL = 1.6


@pytest.fixture
def site() -> Site:
    return Site(limits=LIMITS)


@pytest.fixture(params=[(DIRECT, uvloop.new_event_loop), (STOCK, None)], ids=["uvloop", "stock"])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    ws, new_loop = request.param
    with live(site.app, ws=ws, new_loop=new_loop) as served:
        yield served


def stand_still(server: Live) -> None:
    """Block the event loop, as a handler does that does not await."""
    server.call(lambda: time.sleep(STANDSTILL))


@contextmanager
def answering(page: ClientConnection) -> Iterator[Callable[[], list[str | bytes]]]:
    """Answer each frame with a bare one, as an idle page does. Yields what returns the frames that have come."""
    came: list[str | bytes] = []
    is_over = threading.Event()

    def answer() -> None:
        while not is_over.is_set():
            try:
                came.append(page.recv(0.05))
                page.send("[1,0]")
            except TimeoutError:
                continue
            except ConnectionClosed as closed:
                came.append(repr(closed.rcvd))
                return

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield lambda: list(came)
    finally:
        is_over.set()
        thread.join()


@pytest.mark.usefixtures("standstills_are_logged")
def test_a_page_that_is_alive_keeps_its_socket(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "webipc")
    with greeted(server) as page, answering(page) as came:
        wait_until(came, "a heartbeat")
        stand_still(server)
        before = len(came())
        # More than `silence_ms` of heartbeats.
        wait_until(lambda: len(came()) >= before + 6 or "Close" in str(came()[-1]), "heartbeats")
        assert set(came()) == {"[1,0]"}
    lines = [record.getMessage() for record in caplog.records if "stood still" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(("the process stood still for 1 s", "the process stood still for 2 s"))


def test_a_page_that_has_lost_its_socket_keeps_its_link(server: Live, site: Site) -> None:
    with greeted(server):
        pass
    wait_until(lambda: connections_of(site.ipc_main)[0].transport is None, "the socket is lost")
    stand_still(server)
    with greeted(server, attempt=2, fresh=False):
        assert len(connections_of(site.ipc_main)) == 1


def test_a_hello_that_came_meanwhile_is_taken(server: Live) -> None:
    with socket(server) as page:
        threading.Timer(STANDSTILL / 2, page.send, (hello(),)).start()
        stand_still(server)
        assert json.loads(page.recv(PATIENCE))[2][0] == "welcome"


def test_a_page_that_waits_in_send_sync_has_its_time(server: Live, site: Site) -> None:
    asked: list[IpcMainEvent] = []
    site.ipc_main.on("ask", asked.append)
    answers: list[tuple[int, bytes]] = []
    body = encode_body([hello(attempt=0), '[1,0,["sync",1,"ask",[]]]', encode_control(0, "await", 1)])
    asking = threading.Thread(target=lambda: answers.append(post(server, "/ipc/sync", body)))
    asking.start()
    wait_until(lambda: asked, "the call")
    stand_still(server)
    server.call(lambda: setattr(asked.pop(), "return_value", "in time"))
    asking.join()
    assert answers[0][0] == 200
    assert b"in time" in answers[0][1]
