"""Sockets, frames and requests that a real uvicorn with webipc refuses: the close code or status, and the log line."""

import json
import logging
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.raw_sockets import Site, address_of, beacon, closing, greeted, hello, post, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc import Limits
from webipc.version import SUBPROTOCOL


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
        assert json.loads(again.recv(PATIENCE))[2] == ["reset", {"reason": "protocol"}]
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
def test_neither_secrets_nor_values_of_messages_are_in_the_log_or_in_a_reason(
    frame: str, server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "5ec2e7" + "0" * 26
    with greeted(server, secret=secret) as bad:
        bad.send(frame)
        assert "hush" not in closing(bad)[1]
    lines = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert lines
    assert not [line for line in lines if "hush" in line or secret in line]


def test_messages_before_the_bad_one_are_dispatched(server: Live, site: Site) -> None:
    with greeted(server) as bad:
        bad.send('[1,0,["send","say",["good"]],["send","say",[null],[["u",[9]]]]]')
        assert closing(bad)[0] == 4400
    wait_until(lambda: site.said == [["good"]], "the good message arrives")


def test_a_message_before_hello_is_refused(server: Live) -> None:
    with socket(server) as opened:
        opened.send('[1,0,["send","say",[]]]')
        assert closing(opened)[0] == 4400


@pytest.mark.parametrize("limits", [Limits(hello_ms=300)])
def test_a_socket_without_hello_is_closed_after_a_timeout(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    reason = "expected hello within 300 ms of opening the socket, nothing came"
    with socket(server) as opened:
        assert closing(opened) == (4408, reason)
        (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert re.fullmatch(rf"127\.0\.0\.1:\d+ at {re.escape(server.url)} was refused: {reason}", line)


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
    with greeted(server) as owner, socket(server) as other:
        other.send(hello(secret="2" * 32, attempt=9))
        assert closing(other)[0] == 4403
        owner.send('[1,0,["invoke",1,"echo",["mine"]]]')
        assert '"mine"' in str(owner.recv(PATIENCE))


REFUSED_SOCKETS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "another origin": ({"origin": "http://evil.example"}, None, "origin http://evil.example is not allowed (list it"),
    "another version": ({"subprotocol": "webipc.v9"}, None, "the page offers webipc.v9"),
    "a message before hello": ({}, '[1,0,["send","say",[]]]', "expected hello as the first frame"),
    "another secret": ({}, hello(secret="2" * 32, attempt=2), "the secret is not this link's"),
    "an attempt that was": ({}, hello(), "attempt 1 is not larger"),
}


@pytest.mark.parametrize("name", REFUSED_SOCKETS)
def test_the_log_has_the_refused_socket_and_the_reason(
    name: str, server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    options, first, logged = REFUSED_SOCKETS[name]
    with greeted(server), socket(server, **options) as refused:
        if first is not None:
            refused.send(first)
        closing(refused)
        (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert re.match(r"127\.0\.0\.1:\d+ at http://", line)
    assert logged in line
    assert "2" * 32 not in line


@pytest.mark.parametrize(
    "body, headers, logged",
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
def test_the_log_has_the_refused_request_and_the_reason(
    server: Live, caplog: pytest.LogCaptureFixture, body: bytes, headers: dict[str, str], logged: str
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    post(server, "/ipc/beacon", body, **headers)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "webipc"]
    assert line.startswith("127.0.0.1:")
    assert logged in line


def test_a_full_server_refuses_a_socket_and_a_request_with_try_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    site = Site(max_links=1)
    with live(site.app) as server, greeted(server) as first:
        with socket(server) as second:
            second.send(hello(link="a" * 32))
            assert closing(second) == (4503, "the server holds its 1 links")
        status, answer = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]]]', link="b" * 32, fresh=True))
        assert (status, json.loads(answer)) == (503, {"code": 4503, "reason": "the server holds its 1 links"})
        first.send('[1,0,["invoke",1,"echo",["still here"]]]')
        assert "still here" in str(first.recv(PATIENCE))
    refusals = [record.getMessage() for record in caplog.records if "was refused" in record.getMessage()]
    assert len(refusals) == 2
    assert all(server.url in line and "the server holds its 1 links" in line for line in refusals)
    assert site.said == []
