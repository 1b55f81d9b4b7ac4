"""A socket that the server closes is gone within `close_ms`, whatever its client reads, answers or still says."""

import time
from collections.abc import Callable, Iterator

import pytest
import uvloop

from tests.support.client_frames import CLOSE, ENDS, TEXT, TEXT_BEGINS, frame
from tests.support.deaf_page import DeafPage
from tests.support.raw_sockets import Site, connections_of, hello
from tests.support.serving import DIRECT, Live, live, wait_until
from webipc import Limits

SECONDS = 0.5
WRONG = '["send"]'

Prepare = Callable[[DeafPage, Site], bytes]
"""Brings about what the close meets, and returns the frames for which the server closes the socket."""


@pytest.fixture
def limits() -> Limits:
    # Nothing but the time of the close frame is short.
    return Limits(close_ms=int(1000 * SECONDS))


@pytest.fixture
def site(limits: Limits) -> Site:
    site = Site(limits=limits)
    site.ipc_main.on("push", lambda event, count, size: [event.reply("pushed", "x" * size) for _ in range(count)])
    return site


@pytest.fixture(params=[uvloop.new_event_loop, None], ids=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, ws=DIRECT, new_loop=request.param) as served:
        yield served


def text(said: str) -> bytes:
    return frame(TEXT, said.encode())


def nothing_unread(page: DeafPage, site: Site) -> bytes:
    return text(f"[1,0,{WRONG}]")


def little_unread(page: DeafPage, site: Site) -> bytes:
    """Less than a write buffer waits, so the close frame is handed over."""
    page.send('[1,0,["send","push",[20,1000]]]')
    wait_until(lambda: connections_of(site.ipc_main)[0].link.next > 20, "pushes")
    return text(f"[2,0,{WRONG}]")


def much_unread(page: DeafPage, site: Site) -> bytes:
    page.send('[1,0,["send","push",[40,100000]]]')
    wait_until(lambda: connections_of(site.ipc_main)[0].transport.blocked, "the write buffer is full")  # type: ignore[union-attr]
    return text(f"[2,0,{WRONG}]")


def in_fragments(page: DeafPage, site: Site) -> bytes:
    return frame(TEXT_BEGINS, b"[1,0,") + frame(ENDS, WRONG.encode() + b"]")


def closed_by_the_client_with_much_unread(page: DeafPage, site: Site) -> bytes:
    much_unread(page, site)
    return frame(CLOSE, b"\x03\xe8")


def reset_by_the_server(page: DeafPage, site: Site) -> bytes:
    return text(hello(attempt=99))


@pytest.mark.parametrize(
    "prepare",
    [
        nothing_unread,
        little_unread,
        much_unread,
        in_fragments,
        closed_by_the_client_with_much_unread,
        reset_by_the_server,
    ],
)
def test_a_client_that_reads_nothing_is_gone_in_time(server: Live, site: Site, prepare: Prepare) -> None:
    with DeafPage(server) as page:
        last = prepare(page, site)
        # Before it is sent: the server may have read it before this thread runs again.
        began = time.monotonic()
        page.send_raw(last)
        wait_until(lambda: not server.open_connections, "the connection is gone")
        assert time.monotonic() - began >= SECONDS - 0.1


@pytest.mark.parametrize("limits", [Limits(close_ms=60_000)])
def test_a_client_that_does_not_read_is_heard_until_then(server: Live) -> None:
    with DeafPage(server) as page:
        page.send(f"[1,0,{WRONG}]")
        for _ in range(200):
            # Together more than both kernels hold of what is not read.
            page.send_raw(frame(TEXT, b"x" * 50_000))
        page.send_raw(frame(CLOSE, b"\x11\x30"))
        wait_until(lambda: not server.open_connections, "the connection is gone")
