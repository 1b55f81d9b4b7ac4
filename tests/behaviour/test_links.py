"""Links on real sockets of a real uvicorn: who owns one, how it is resumed, acknowledged and kept alive, how many
there may be, and when it is given up.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import pytest
import uvloop

from tests.support.deaf_page import DeafPage
from tests.support.raw_sockets import (
    Site,
    address_of,
    be_fast,
    beacon,
    closing,
    connections_of,
    greeted,
    hello,
    post,
    socket,
)
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc import Limits


@pytest.fixture
def limits() -> Limits:
    """Replaced by a test that waits for a limit. All others have the defaults, which a busy machine does not reach."""
    return Limits()


@pytest.fixture
def site(limits: Limits) -> Site:
    return Site(limits=limits)


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, ws=request.param) as served:
        yield served


def test_a_document_whose_hello_overtakes_the_bye_of_the_one_before_it_gets_its_tab(server: Live, site: Site) -> None:
    with greeted(server, link="d" * 32) as before, socket(server) as after:
        (contents,) = site.ipc_main.get_all_web_contents()
        after.send(hello(link="e" * 32, token=contents._tab.token))
        before.send('[0,0,["bye",0]]')
        assert json.loads(after.recv(PATIENCE))[2][1]["webContentsId"] == contents.id


def test_a_second_document_with_the_token_of_an_open_one_gets_another_tab(server: Live, site: Site) -> None:
    with greeted(server, link="d" * 32), socket(server) as duplicate:
        (contents,) = site.ipc_main.get_all_web_contents()
        duplicate.send(hello(link="e" * 32, token=contents._tab.token))
        assert json.loads(duplicate.recv(PATIENCE))[2][1]["webContentsId"] != contents.id


def test_the_higher_attempt_owns_the_link(server: Live) -> None:
    with greeted(server) as older:
        with greeted(server, attempt=2) as newer:
            assert closing(older)[0] == 4409
            newer.send('[1,0,["invoke",1,"echo",["newer"]]]')
            assert '"newer"' in str(newer.recv(PATIENCE))
        with socket(server) as late:
            late.send(hello(attempt=1))
            assert closing(late)[0] == 4409


@pytest.mark.parametrize(
    "process, reason, logged",
    [
        (None, "unknown-link", "a link that this process does not know"),
        ("own", "unknown-link", "a link that this process does not know"),
        ("5f2c1b7e90a1d3f4", "another-process", "the server was restarted, or several processes serve this address"),
    ],
)
def test_a_link_that_is_not_fresh_and_not_known_is_reset(
    server: Live, caplog: pytest.LogCaptureFixture, process: str | None, reason: str, logged: str
) -> None:
    with socket(server) as first:
        first.send(hello())
        own = json.loads(first.recv(PATIENCE))[2][1]["process"]
    caplog.set_level(logging.INFO, "webipc")
    with socket(server) as opened:
        peer = address_of(opened)
        claims = {} if process is None else {"process": own if process == "own" else process}
        opened.send(hello(link="a" * 32, fresh=False, **claims))
        assert json.loads(opened.recv(PATIENCE)) == [0, 0, ["reset", {"reason": reason}]]
        assert closing(opened)[0] == 4410
    (line,) = [record.getMessage() for record in caplog.records if "resumes a link" in record.getMessage()]
    assert line.startswith(f"{peer} ")
    assert logged in line


def away(site: Site, count: int) -> None:
    """Wait until this many links have no socket."""
    wait_until(
        lambda: sum(1 for connection in connections_of(site.ipc_main) if connection.transport is None) == count,
        f"{count} links have no socket",
    )


def test_a_full_server_drops_the_link_that_is_longest_without_a_socket_for_a_new_one() -> None:
    site = Site(max_links=3)
    with live(site.app) as server, greeted(server, link="a" * 32) as other:
        for count, link in enumerate(("b" * 32, "c" * 32), 1):
            with greeted(server, link=link):
                pass
            away(site, count)
        with greeted(server, link="d" * 32), greeted(server, link="c" * 32, attempt=2, fresh=False):
            with socket(server) as late:
                late.send(hello(link="b" * 32, attempt=2, fresh=False))
                assert json.loads(late.recv(PATIENCE))[2] == ["reset", {"reason": "ended"}]
            other.send('[1,0,["invoke",1,"echo",["still here"]]]')
            assert "still here" in str(other.recv(PATIENCE))


def test_beyond_max_unattached_links_the_link_longest_without_a_socket_is_dropped() -> None:
    site = Site(max_unattached_links=2)
    links = [digit * 32 for digit in "abcd"]
    with live(site.app) as server, greeted(server, link="9" * 32) as other:
        for count, link in enumerate(links[:2], 1):
            with greeted(server, link=link):
                pass
            away(site, count)
        # A link with a socket does not count.
        with greeted(server, link=links[2]):
            assert {connection.link_id for connection in connections_of(site.ipc_main)} == {"9" * 32, *links[:3]}
        wait_until(
            lambda: {connection.link_id for connection in connections_of(site.ipc_main)} == {"9" * 32, *links[1:3]},
            "the first link is dropped",
        )
        # A link that only a request has named displaces none that had a socket.
        assert post(server, "/ipc/beacon", beacon(link=links[3], fresh=True))[0] == 204
        assert {connection.link_id for connection in connections_of(site.ipc_main)} == {"9" * 32, *links[1:]}
        with greeted(server, link=links[2], attempt=2, fresh=False):
            other.send('[1,0,["invoke",1,"echo",["still here"]]]')
            assert "still here" in str(other.recv(PATIENCE))


def test_a_hello_with_numbers_that_cannot_be_is_reset(server: Live) -> None:
    for link, fields in (("b" * 32, {"received": 5}), ("c" * 32, {"first": 3})):
        with greeted(server, link=link), socket(server) as back:
            back.send(hello(link=link, attempt=2, fresh=False, **fields))
            assert json.loads(back.recv(PATIENCE))[2] == ["reset", {"reason": "gap"}]


def test_many_messages_are_acknowledged_at_once(server: Live) -> None:
    with greeted(server) as opened:
        messages = ",".join('["send","say",[1]]' for _ in range(64))
        opened.send(f"[1,0,{messages}]")
        assert json.loads(opened.recv(PATIENCE)) == [1, 64]


def test_a_single_message_is_acknowledged_after_a_second(server: Live) -> None:
    with greeted(server) as opened:
        opened.send('[1,0,["send","say",[1]]]')
        assert json.loads(opened.recv(PATIENCE)) == [1, 1]


def test_the_server_sends_heartbeats_and_closes_a_silent_socket() -> None:
    site = Site(limits=Limits(heartbeat_ms=50, silence_ms=300))
    # With `webipc run` a client that answers pings is not silent: test_signs_of_life.py.
    with live(site.app, ws=STOCK) as server, greeted(server) as opened:
        assert json.loads(opened.recv(PATIENCE)) == [1, 0]
        assert closing(opened)[0] == 1001
        with greeted(server, attempt=2, fresh=False):
            assert len(site.ipc_main.get_all_web_contents()) == 1


@pytest.mark.parametrize("ws", [pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def test_a_client_that_stops_reading_is_dropped(ws: Any) -> None:
    site = Site(limits=Limits(silence_ms=1_500, unread_ms=400, close_ms=100, grace_ms=200, goodbye_ms=100))
    site.ipc_main.handle("large", lambda event: "x" * 1_000_000)
    with live(site.app, ws=ws) as server, greeted(server) as opened:
        be_fast(*connections_of(site.ipc_main))
        full: list[bool] = []

        def look() -> None:
            transports = [connection.transport for connection in connections_of(site.ipc_main)]
            if any(transport is not None and transport.blocked for transport in transports):
                full.append(True)
            elif server.loop is not None:
                server.loop.call_later(0.001, look)

        # In the server's own thread: this one may be so late that the link is gone.
        server.call(look)
        calls = [["invoke", call_id, "large", []] for call_id in range(1, 101, 2)]
        opened.send(json.dumps([1, 0, *calls]))

        wait_until(lambda: full, "the write buffer is full")
        hub = site.ipc_main._provider.hub
        assert hub is not None
        wait_until(
            # Where one task reads all sockets, it stays.
            lambda: not (connections_of(site.ipc_main) or server.running_requests or len(hub.tasks) > (ws is DIRECT)),
            "the link, its tasks and its ASGI call have ended",
        )
        if ws is DIRECT:
            # uvicorn's own class keeps the connection until its write buffer is empty.
            wait_until(lambda: not server.open_connections, "the connection is ended")
        with suppress(OSError):
            opened.socket.shutdown(SHUT_RDWR)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_page_that_reads_nothing_is_told_of_an_overflow_at_once_when_it_comes_back(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    site = Site(limits=Limits(kept_bytes=16_000_000, close_ms=60_000))
    with live(site.app, new_loop=new_loop) as server, DeafPage(server):
        (contents,) = site.ipc_main.get_all_web_contents()
        (connection,) = connections_of(site.ipc_main)

        def send_too_much() -> None:
            for _ in range(20):
                contents.send("large", b"x" * 1_000_000)

        server.call(lambda: contents.send("large", b"x" * 8_000_000))
        wait_until(lambda: connection.transport is not None and connection.transport.blocked, "nothing more is taken")
        server.call(send_too_much)
        # Not after the time that a close frame has, which stands behind what was written.
        wait_until(lambda: not server.open_connections, "the connection has ended")
        with socket(server) as back:
            back.send(hello(link=connection.link_id, attempt=2, fresh=False))
            assert json.loads(back.recv(PATIENCE))[2] == ["reset", {"reason": "overflow"}]
            assert closing(back) == (4410, "overflow")


def test_a_probe_is_answered() -> None:
    site = Site(limits=Limits(answer_server_ms=1))
    with live(site.app) as server, greeted(server) as opened:
        wait_until(site.ipc_main.get_all_web_contents, "the page has a tab")
        opened.send('[1,0,["invoke",1,"echo",[1]]]')
        assert json.loads(opened.recv(PATIENCE))[:2] == [1, 1]

        def answered() -> bool:
            # A server that has just sent a frame does not answer: the frame was a sign of life.
            opened.send("[2,1]")
            try:
                return bool(json.loads(opened.recv(0.05)) == [2, 1])
            except TimeoutError:
                return False

        wait_until(answered, "a bare frame is answered with a bare frame")


def test_a_socket_may_have_a_path_of_its_own(server: Live) -> None:
    with socket(server, path="/ipc/socket/12") as opened:
        opened.send(hello())
        _, _, (kind, _) = json.loads(opened.recv(PATIENCE))
        assert kind == "welcome"


def test_a_large_message_travels_in_parts_both_ways(server: Live) -> None:
    from webipc.core import clone
    from webipc.core.frame import decode_frame, encode_message
    from webipc.core.link import Link, Side

    value = bytes(range(256)) * 20_000
    link = Link(Side.RENDERER)
    with greeted(server) as opened:
        link.attach(1, 0)
        link.post(encode_message(["invoke", 1, "echo"], clone.encode([value])))
        arrived: Sequence[Any] = []
        while not arrived:
            while (frame := link.take_frame()) is not None:
                opened.send(frame)
            if link.ack_due:
                opened.send(link.bare_frame())
            arrived = link.receive(decode_frame(opened.recv(PATIENCE)), 1)
        assert bytes(arrived[0].segments[0]) == value
