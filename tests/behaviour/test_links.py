"""Links on real sockets of a real uvicorn: who owns one, how it is resumed, acknowledged and kept alive, how many
there may be, and when it is given up.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import pytest

from tests.support.raw_sockets import Site, address_of, beacon, closing, connections_of, greeted, hello, post, socket
from tests.support.serving import DIRECT, STOCK, Live, live, wait_until
from webipc import Limits
from webipc.endpoints import websocket_transport


@pytest.fixture
def limits() -> Limits:
    """What a test sets lower when it waits for a limit. No other test may meet one on a machine that is busy."""
    return Limits()


@pytest.fixture
def site(limits: Limits) -> Site:
    return Site(limits=limits)


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, ws=request.param) as served:
        yield served


def test_a_document_that_is_faster_than_the_end_of_the_one_before_it_keeps_the_tab(server: Live, site: Site) -> None:
    with greeted(server, link="d" * 32) as before, socket(server) as after:
        (contents,) = site.ipc_main.get_all_web_contents()
        after.send(hello(link="e" * 32, token=contents._tab.token))
        before.send('[0,0,["bye",0]]')
        assert json.loads(after.recv(5))[2][1]["webContentsId"] == contents.id


def test_a_token_that_two_living_documents_show_is_one_tabs_and_anothers(server: Live, site: Site) -> None:
    with greeted(server, link="d" * 32), socket(server) as duplicate:
        (contents,) = site.ipc_main.get_all_web_contents()
        duplicate.send(hello(link="e" * 32, token=contents._tab.token))
        assert json.loads(duplicate.recv(5))[2][1]["webContentsId"] != contents.id


def test_the_higher_attempt_owns_the_link(server: Live) -> None:
    with greeted(server) as older:
        with greeted(server, attempt=2) as newer:
            assert closing(older)[0] == 4409
            newer.send('[1,0,["invoke",1,"echo",["newer"]]]')
            assert '"newer"' in str(newer.recv(5))
        with socket(server) as late:
            late.send(hello(attempt=1))
            assert closing(late)[0] == 4409


@pytest.mark.parametrize(
    "process, reason, told",
    [
        (None, "unknown-link", "a link that this process does not know"),
        ("own", "unknown-link", "a link that this process does not know"),
        ("5f2c1b7e90a1d3f4", "another-process", "the server was restarted, or several processes serve this address"),
    ],
)
def test_a_link_that_is_not_fresh_is_reset_where_nobody_knows_it(
    server: Live, caplog: pytest.LogCaptureFixture, process: str | None, reason: str, told: str
) -> None:
    with socket(server) as first:
        first.send(hello())
        own = json.loads(first.recv(5))[2][1]["process"]
    caplog.set_level(logging.INFO, "webipc")
    with socket(server) as opened:
        peer = address_of(opened)
        claims = {} if process is None else {"process": own if process == "own" else process}
        opened.send(hello(link="a" * 32, fresh=False, **claims))
        assert json.loads(opened.recv(5)) == [0, 0, ["reset", {"reason": reason}]]
        assert closing(opened)[0] == 4410
    (line,) = [record.getMessage() for record in caplog.records if "resumes a link" in record.getMessage()]
    assert line.startswith(f"{peer} ")
    assert told in line


def away(site: Site, count: int) -> None:
    """Wait until the server knows that this many pages have no socket."""
    wait_until(
        lambda: sum(1 for page in connections_of(site) if page.transport is None) == count, f"{count} pages are away"
    )


def test_a_full_server_lets_the_longest_away_go_for_a_newcomer() -> None:
    site = Site(max_links=3)
    with live(site.app) as server, greeted(server, link="a" * 32) as connected:
        for count, link in enumerate(("b" * 32, "c" * 32), 1):
            with greeted(server, link=link):
                pass
            away(site, count)
        with greeted(server, link="d" * 32), greeted(server, link="c" * 32, attempt=2, fresh=False):
            with socket(server) as late:
                late.send(hello(link="b" * 32, attempt=2, fresh=False))
                assert json.loads(late.recv(5))[2] == ["reset", {"reason": "ended"}]
            connected.send('[1,0,["invoke",1,"echo",["still here"]]]')
            assert "still here" in str(connected.recv(5))


def test_beyond_max_unattached_links_the_longest_away_goes() -> None:
    site = Site(max_unattached_links=2)
    links = [digit * 32 for digit in "abcd"]
    with live(site.app) as server, greeted(server, link="9" * 32) as connected:
        for count, link in enumerate(links[:2], 1):
            with greeted(server, link=link):
                pass
            away(site, count)
        # Nobody has to go for a page with a socket: there is room for it.
        with greeted(server, link=links[2]):
            assert {page.link_id for page in connections_of(site)} == {"9" * 32, *links[:3]}
        wait_until(
            lambda: {page.link_id for page in connections_of(site)} == {"9" * 32, *links[1:3]}, "the first is gone"
        )
        # A link that only a request has touched counts as well.
        assert post(server, "/ipc/beacon", beacon(link=links[3], fresh=True))[0] == 204
        assert {page.link_id for page in connections_of(site)} == {"9" * 32, *links[2:]}
        with greeted(server, link=links[2], attempt=2, fresh=False):
            connected.send('[1,0,["invoke",1,"echo",["still here"]]]')
            assert "still here" in str(connected.recv(5))


def test_a_page_that_claims_what_it_cannot_have_is_reset(server: Live) -> None:
    for link, fields in (("b" * 32, {"received": 5}), ("c" * 32, {"first": 3})):
        with greeted(server, link=link), socket(server) as back:
            back.send(hello(link=link, attempt=2, fresh=False, **fields))
            assert json.loads(back.recv(5))[2] == ["reset", {"reason": "gap"}]


def test_many_messages_are_acknowledged_without_being_asked(server: Live) -> None:
    with greeted(server) as opened:
        messages = ",".join('["send","say",[1]]' for _ in range(64))
        opened.send(f"[1,0,{messages}]")
        assert json.loads(opened.recv(5)) == [1, 64]


def test_a_single_message_is_acknowledged_after_a_second(server: Live) -> None:
    with greeted(server) as opened:
        opened.send('[1,0,["send","say",[1]]]')
        assert json.loads(opened.recv(5)) == [1, 1]


def test_the_server_beats_and_drops_a_silent_socket() -> None:
    site = Site(limits=Limits(heartbeat_ms=50, silence_ms=300))
    with live(site.app) as server, greeted(server) as opened:
        assert json.loads(opened.recv(5)) == [1, 0]
        assert closing(opened)[0] == 1001
        with greeted(server, attempt=2, fresh=False):
            assert len(site.ipc_main.get_all_web_contents()) == 1


@pytest.mark.parametrize("ws", [pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def test_a_peer_that_takes_nothing_any_more_is_not_served_for_ever(ws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_transport, "CLOSE_SECONDS", 0.1)
    site = Site(limits=Limits(silence_ms=200, grace_ms=200, goodbye_ms=100))
    site.ipc_main.handle("large", lambda event: "x" * 1_000_000)
    with live(site.app, ws=ws) as server, greeted(server) as opened:
        calls = [["invoke", call_id, "large", []] for call_id in range(1, 101, 2)]
        opened.send(json.dumps([1, 0, *calls]))
        wait_until(
            lambda: any(page.transport and page.transport.blocked for page in connections_of(site)), "the peer is full"
        )
        hub = site.ipc_main._provider.hub
        assert hub is not None
        wait_until(
            lambda: not (connections_of(site) or hub.tasks or server.running_requests), "nothing serves it any more"
        )
        if ws is DIRECT:
            # What else is there belongs to the server.
            wait_until(lambda: not server.open_connections, "the connection is ended")
        with suppress(OSError):
            opened.socket.shutdown(SHUT_RDWR)


def test_a_probe_is_answered() -> None:
    site = Site(limits=Limits(answer_server_ms=1))
    with live(site.app) as server, greeted(server) as opened:
        wait_until(site.ipc_main.get_all_web_contents, "the page is there")
        opened.send('[1,0,["invoke",1,"echo",[1]]]')
        assert json.loads(opened.recv(5))[:2] == [1, 1]

        def answered() -> bool:
            # A server that has just sent something owes no answer: that was a sign of life.
            opened.send("[2,1]")
            try:
                return bool(json.loads(opened.recv(0.05)) == [2, 1])
            except TimeoutError:
                return False

        wait_until(answered, "a bare frame is answered with a bare frame")


def test_a_socket_may_have_a_path_of_its_own(server: Live) -> None:
    with socket(server, path="/ipc/socket/12") as opened:
        opened.send(hello())
        _, _, (kind, _) = json.loads(opened.recv(5))
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
        while (frame := link.take_frame()) is not None:
            opened.send(frame)
        arrived: list[Any] = []
        while not arrived:
            arrived = link.receive(decode_frame(opened.recv(5)), 1)
        assert bytes(arrived[0].segments[0]) == value
