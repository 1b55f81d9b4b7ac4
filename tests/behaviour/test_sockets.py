"""Real sockets against a real uvicorn: what a peer may send, what it may not, and what is not touched by it."""

import json
import logging
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, closing, greeted, hello, socket
from tests.support.serving import DIRECT, STOCK, Live, live, wait_until
from webipc import Limits
from webipc.core.frame import encode_body
from webipc.endpoints import websocket_transport
from webipc.version import SUBPROTOCOL

BEACON_TYPE = "application/vnd.webipc.v1"


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


def address_of(opened: ClientConnection) -> str:
    """Return where a socket comes from, as the log names it."""
    host, port = opened.local_address[:2]
    return f"{host}:{port}"


def post(server: Live, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Post a body; return the status and the answer."""
    usual = {"Content-Type": BEACON_TYPE, "Origin": server.url}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"{server.url}{path}", data=body, headers=usual | names, method="POST")
    try:
        with urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


BAD_FRAMES: dict[str, tuple[str | bytes, int]] = {
    "not JSON": ("{", 4400),
    "not an array": ("{}", 4400),
    "too short": ("[1]", 4400),
    "a number that is none": ('["1",0]', 4400),
    "a negative number": ("[-1,0]", 4400),
    "a number left out": ('[2,0,["send","say",[]]]', 4400),
    "an acknowledgement of nothing": ("[1,5]", 4400),
    "an unknown kind": ('[1,0,["shout","say",[]]]', 4400),
    "a channel that is no string": ('[1,0,["send",5,[]]]', 4400),
    "arguments that are no array": ('[1,0,["send","say",{}]]', 4400),
    "an id that is none": ('[1,0,["invoke",0,"echo",[]]]', 4400),
    "an id of the server's": ('[1,0,["invoke",2,"echo",[]]]', 4400),
    "an id used again": ('[1,0,["invoke",3,"echo",[1]],["invoke",1,"echo",[1]]]', 4400),
    "a fixup that points outside": ('[1,0,["send","say",[1],[["u",[7]]]]]', 4400),
    "a fixup at itself": ('[1,0,["send","say",[null],[["@",[0],[0]]]]]', 4400),
    "two fixups at one place": ('[1,0,["send","say",[null],[["u",[0]],["u",[0]]]]]', 4400),
    "a port that was never sent": ('[1,0,["port",1,1,[]]]', 4400),
    "a list of ports of the wrong parity": ('[1,0,["post","say",1,[2]]]', 4400),
    "a hello again": (hello(attempt=2), 4400),
    "a frame that is too large": ('[1,0,["send","say",["' + "x" * 1_200_000 + '"]]]', 4413),
    "a channel that is too long": ('[1,0,["send","' + "x" * 5000 + '",[]]]', 4413),
    "a binary frame that is too short": (b"\x01", 4400),
    "a binary frame whose JSON is longer than it": (struct.pack("<I", 1000) + b"[1,0,[]]", 4400),
    "a part that is larger than any message": (
        struct.pack("<I", 31) + b'[1,0,["part",999999999999],[[1]]]'[:31],
        4400,
    ),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_ends_its_own_link_alone(
    name: str, server: Live, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    frame, code = BAD_FRAMES[name]
    with greeted(server, link="a" * 32) as other, greeted(server) as bad:
        peer = address_of(bad)
        bad.send(frame)
        got, reason = closing(bad)
        assert got == code
        assert reason
        other.send('[1,0,["send","say",["still here"]]]')
        wait_until(lambda: site.said == [["still here"]], "the other page's message arrives")
        (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
        assert peer in line
        assert reason.rstrip("…") in line
    with socket(server) as again:
        again.send(hello(attempt=2, fresh=False))
        assert json.loads(again.recv(5))[2] == ["reset", {"reason": "ended"}]
        assert closing(again)[0] == 4410


@pytest.mark.parametrize(
    "frame",
    [
        '{"hush": ',
        '["hush",0]',
        '[1,0,["send",["hush"],[]]]',
        '[1,0,["send","say",{"hush":"hush"}]]',
        '[1,0,["shout","say",["hush"]]]',
        '[1,0,["send","say",["hush"],[["n",[0]]]]]',
        '[1,0,["send","say",["hush"],[["f",[0]]]]]',
        '[1,0,["send","say",["hush"],[["d",[0]]]]]',
        '[1,0,["send","say",[["hush","hush"]],[["r",[0]]]]]',
        '[1,0,["send","say",[{"hush":"hush"}],[["e",[0],"Error"]]]]',
        '[5,0,["send","say",["hush"]]]',
        '[0,0,["hello",{"secret":"hush"}]]',
        f'[1,0,["send","say",["{"hush" * 300_000}"]]]',
    ],
)
def test_neither_secrets_nor_what_messages_say_are_in_the_log_or_in_a_reason(
    frame: str, server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "5ec2e7" + "0" * 26
    with greeted(server, secret=secret) as bad:
        bad.send(frame)
        assert "hush" not in closing(bad)[1]
    said = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert said
    assert not [line for line in said if "hush" in line or secret in line]


def test_messages_before_the_bad_one_are_heard(server: Live, site: Site) -> None:
    with greeted(server) as bad:
        bad.send('[1,0,["send","say",["good"]],["send","say",[null],[["u",[9]]]]]')
        assert closing(bad)[0] == 4400
    wait_until(lambda: site.said == [["good"]], "the good message arrives")


def test_nothing_may_come_before_hello(server: Live) -> None:
    with socket(server) as opened:
        opened.send('[1,0,["send","say",[]]]')
        assert closing(opened)[0] == 4400


@pytest.mark.parametrize("limits", [Limits(hello_ms=300)])
def test_a_hello_that_does_not_come_is_not_waited_for(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    told = "expected hello within 300 ms of opening the socket, nothing came"
    with socket(server) as opened:
        assert closing(opened) == (4408, told)
        (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert re.fullmatch(rf"127\.0\.0\.1:\d+ at {re.escape(server.url)} was refused: {told}", line)


@pytest.mark.parametrize("origin", ["http://evil.example", None, "null", "http://127.0.0.1"])
def test_another_origin_is_refused_after_the_handshake(server: Live, site: Site, origin: str | None) -> None:
    with socket(server, origin=origin) as opened:
        assert opened.subprotocol == SUBPROTOCOL
        assert closing(opened)[0] == 4403
    assert site.ipc_main.get_all_web_contents() == []


def test_another_version_is_refused_with_both_versions(server: Live) -> None:
    with socket(server, subprotocol="webipc.v9") as opened:
        assert opened.subprotocol == "webipc.v9"
        code, reason = closing(opened)
        assert code == 4406
        assert "webipc.v9" in reason
        assert SUBPROTOCOL in reason


def test_another_secret_does_not_get_the_link(server: Live) -> None:
    with greeted(server) as owner, socket(server) as thief:
        thief.send(hello(secret="2" * 32, attempt=9))
        assert closing(thief)[0] == 4403
        owner.send('[1,0,["invoke",1,"echo",["mine"]]]')
        assert '"mine"' in str(owner.recv(5))


REFUSED_SOCKETS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "another origin": ({"origin": "http://evil.example"}, None, "origin http://evil.example is not allowed (list it"),
    "another version": ({"subprotocol": "webipc.v9"}, None, "the page offers webipc.v9"),
    "a message before hello": ({}, '[1,0,["send","say",[]]]', "expected hello as the first frame"),
    "another secret": ({}, hello(secret="2" * 32, attempt=2), "the secret is not this link's"),
    "an attempt that was": ({}, hello(), "attempt 1 is not larger"),
}


@pytest.mark.parametrize("name", REFUSED_SOCKETS)
def test_the_log_says_which_socket_was_refused_and_why(
    name: str, server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    options, first, told = REFUSED_SOCKETS[name]
    with greeted(server), socket(server, **options) as refused:
        if first is not None:
            refused.send(first)
        closing(refused)
        (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert re.match(r"127\.0\.0\.1:\d+ at http://", line)
    assert told in line
    assert "2" * 32 not in line


@pytest.mark.parametrize(
    "body, headers, told",
    [
        (
            b"",
            {"Origin": "http://evil.example"},
            "at http://evil.example was refused: origin http://evil.example is not",
        ),
        (b"", {"Content_Type": "text/plain"}, "was refused: expected the content type application/vnd.webipc.v1"),
        (b"\xff\xff\xff\xff", {}, "sent a beacon that is wrong: "),
        (bytes(200_000), {}, "sent a beacon that is wrong: a beacon of more than"),
    ],
)
def test_the_log_says_which_request_was_refused_and_why(
    server: Live, caplog: pytest.LogCaptureFixture, body: bytes, headers: dict[str, str], told: str
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    post(server, "/ipc/beacon", body, **headers)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert line.startswith("127.0.0.1:")
    assert told in line


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
    wait_until(lambda: sum(1 for page in pages_of(site) if page.transport is None) == count, f"{count} pages are away")


def pages_of(site: Site) -> list[Any]:
    hub = site.ipc_main._provider.hub
    return [] if hub is None else list(hub._links)


def test_a_full_server_says_try_later_to_a_socket_and_to_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    site = Site(max_links=1)
    with live(site.app) as server, greeted(server) as first:
        with socket(server) as second:
            second.send(hello(link="a" * 32))
            assert closing(second) == (4503, "the server holds its 1 links")
        status, answer = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]]]', link="b" * 32, fresh=True))
        assert (status, json.loads(answer)) == (503, {"code": 4503, "reason": "the server holds its 1 links"})
        first.send('[1,0,["invoke",1,"echo",["still here"]]]')
        assert "still here" in str(first.recv(5))
    refusals = [record.getMessage() for record in caplog.records if "was refused" in record.getMessage()]
    assert len(refusals) == 2
    assert all(server.url in line and "the server holds its 1 links" in line for line in refusals)
    assert site.said == []


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
            assert {page.link_id for page in pages_of(site)} == {"9" * 32, *links[:3]}
        wait_until(lambda: {page.link_id for page in pages_of(site)} == {"9" * 32, *links[1:3]}, "the first is gone")
        # A link that only a request has touched counts as well.
        assert post(server, "/ipc/beacon", beacon(link=links[3], fresh=True))[0] == 204
        assert {page.link_id for page in pages_of(site)} == {"9" * 32, *links[2:]}
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
            lambda: any(page.transport and page.transport.blocked for page in pages_of(site)), "the peer is full"
        )
        hub = site.ipc_main._provider.hub
        assert hub is not None
        wait_until(lambda: not (pages_of(site) or hub.tasks or server.running_requests), "nothing serves it any more")
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


def beacon(*frames: str, **fields: Any) -> bytes:
    """Return the body of a beacon."""
    return encode_body([hello(**{"attempt": 0, "fresh": False} | fields), *frames])


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_a_beacon_brings_what_the_socket_did_not_and_ends_the_link(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        opened.send('[1,0,["send","say",[1]]]')
        wait_until(lambda: site.said, "the first message arrives")
        opened.close()
    status, _ = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]],["send","say",[2]]]', '[0,0,["bye",2]]'))
    assert status == 204
    wait_until(lambda: site.said == [[1], [2]], "the second message arrives, and the first only once")
    (contents,) = site.ipc_main.get_all_web_contents()
    assert contents.main_frame is None
    wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")


def test_a_beacon_that_is_faster_than_the_socket_waits_for_it(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        assert post(server, "/ipc/beacon", beacon('[0,0,["bye",1]]'))[0] == 204
        (contents,) = site.ipc_main.get_all_web_contents()
        assert contents.main_frame is not None
        opened.send('[1,0,["send","say",["late"]]]')
        wait_until(lambda: contents.main_frame is None, "the link ends with the last message")
    wait_until(lambda: site.said == [["late"]], "the late message is heard")


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_what_never_comes_is_waited_for_no_longer_than_the_limit(
    server: Live, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with greeted(server):
        post(server, "/ipc/beacon", beacon('[0,0,["bye",7]]'))
        wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")
    assert "7 of its last messages did not arrive" in caplog.text


def test_a_socket_may_have_a_path_of_its_own(server: Live) -> None:
    with socket(server, path="/ipc/socket/12") as opened:
        opened.send(hello())
        _, _, (kind, _) = json.loads(opened.recv(5))
        assert kind == "welcome"


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_a_page_that_leaves_before_its_first_welcome_is_heard(server: Live, site: Site) -> None:
    body = encode_body([hello(attempt=0), '[1,0,["send","say",["first and last"]]]', '[0,0,["bye",1]]'])
    assert post(server, "/ipc/beacon", body)[0] == 204
    wait_until(lambda: site.said == [["first and last"]], "the message arrives")
    assert site.frames == [(True, False)]
    wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")


def test_a_beacon_that_is_too_large_is_not_read_to_its_end(server: Live) -> None:
    status, answer = post(server, "/ipc/beacon", bytes(200_000))
    assert (status, json.loads(answer)["code"]) == (413, 4413)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/json"}, 415),
    ],
)
def test_a_beacon_of_another_site_or_type_is_refused(
    server: Live, site: Site, headers: dict[str, str], status: int
) -> None:
    with greeted(server):
        got, answer = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]]]'), **headers)
        assert got == status
        assert set(json.loads(answer)) == {"code", "reason"}
    assert site.said == []


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"\xff\xff\xff\xff", 400),
        (encode_body(['[1,0,["send","say",[1]]]']), 400),
        (beacon('[9,0,["send","say",[1]]]'), 400),
        (beacon(secret="3" * 32), 403),
        (beacon(link="9" * 32), 204),
        (encode_body([hello(), '[0,0,["bye",0]]']), 204),
    ],
)
def test_a_beacon_that_is_wrong_is_told_so(server: Live, body: bytes, status: int) -> None:
    with greeted(server):
        got, answer = post(server, "/ipc/beacon", body)
        assert got == status
        assert status == 204 or json.loads(answer)["code"] in (4400, 4403)


def test_the_preflight_of_a_listed_origin_is_answered_and_of_no_other() -> None:
    site = Site(origins=["https://app.example"])
    with live(site.app) as server:
        for origin, allowed in (("https://app.example", True), ("https://evil.example", False)):
            request = Request(f"{server.url}/ipc/beacon", headers={"Origin": origin}, method="OPTIONS")
            try:
                with urlopen(request, timeout=5) as response:
                    headers = response.headers
            except HTTPError as error:
                headers = error.headers
            assert (headers.get("Access-Control-Allow-Origin") == origin) is allowed
            assert headers.get("Vary") == "Origin"


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
