"""How large the first frame of a socket may be, and what is kept of it (PROTOCOL.md 6.1 and 9)."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.raw_sockets import Site, closing, connections_of, hello, post, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live
from webipc import Limits
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import binary_form, encode_body
from webipc.endpoints.hello import hello_of

LIMITS = Limits()


@pytest.fixture(scope="module", params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def lasting(request: pytest.FixtureRequest) -> Iterator[tuple[Live, Site]]:
    site = Site(limits=Limits(goodbye_ms=0))
    with live(site.app, ws=request.param) as server:
        yield server, site


def sized(size: int, letter: str = "x") -> str:
    """Return a hello of a new link that has this size in bytes, or a byte less."""
    empty = len(hello(url="").encode())
    url = letter * ((size - empty) // len(letter.encode()))
    return json.dumps(json.loads(hello(link=secrets.token_hex(16), url=url)), ensure_ascii=False)


@pytest.mark.parametrize("letter", ["x", "ü"])
@pytest.mark.parametrize("form", ["text", "binary"])
def test_a_first_frame_that_is_as_large_as_it_may_be_is_accepted(
    letter: str, form: str, lasting: tuple[Live, Site]
) -> None:
    data: Any = sized(LIMITS.hello_bytes - 9, letter)
    with socket(lasting[0]) as opened:
        opened.send(data if form == "text" else binary_form(data))
        assert json.loads(opened.recv(PATIENCE))[2][0] == "welcome"


@pytest.mark.parametrize("size", [LIMITS.hello_bytes + 1, 1_000_000])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_larger_first_frame_is_refused(letter: str, size: int, lasting: tuple[Live, Site]) -> None:
    server, site = lasting
    before = len(connections_of(site.ipc_main))
    with socket(server) as opened:
        opened.send(sized(size + 1, letter))
        code, reason = closing(opened)
        assert code == 4413
        assert reason.startswith("expected a first frame of at most 65536 bytes (hello_bytes), got ")
    assert len(connections_of(site.ipc_main)) == before


def test_of_a_hello_so_much_is_kept_as_is_promised(lasting: tuple[Live, Site]) -> None:
    server, site = lasting
    with socket(server) as opened:
        opened.send(hello(link="3" * 32, url="http://a/" + "u" * 5000, name="n" * 1000, version="v" * 100))
        assert json.loads(opened.recv(PATIENCE))[2][0] == "welcome"
        (connection,) = [each for each in connections_of(site.ipc_main) if each.link_id == "3" * 32]
        frame = connection.document.frame
        assert (len(frame.url), len(frame.name)) == (2048, 256)
        assert frame.url.startswith("http://a/uuu")


def test_a_client_of_the_first_version_which_sends_its_whole_address_is_let_in(lasting: tuple[Live, Site]) -> None:
    url = "http://a/#" + "u" * 60_000
    with socket(lasting[0]) as opened:
        opened.send(hello(link="5" * 32, url=url))
        assert json.loads(opened.recv(PATIENCE))[2][0] == "welcome"
    status, _ = post(lasting[0], "/ipc/beacon", encode_body([hello(link="6" * 32, attempt=0, url=url)]))
    assert status == 204
    of_both = [each for each in connections_of(lasting[1].ipc_main) if each.link_id in {"5" * 32, "6" * 32}]
    assert [len(each.document.frame.url) for each in of_both] == [2048, 2048]


def test_the_hello_of_a_body_is_shortened_too(lasting: tuple[Live, Site]) -> None:
    server, site = lasting
    first = hello(link="4" * 32, attempt=0, url="http://a/" + "u" * 5000)
    status, _ = post(server, "/ipc/beacon", encode_body([first]))
    assert status == 204
    (connection,) = [each for each in connections_of(site.ipc_main) if each.link_id == "4" * 32]
    assert len(connection.document.frame.url) == 2048


def test_features_beyond_the_first_and_long_names_are_forgotten() -> None:
    names = ["x" * 33, *(f"f{number}" for number in range(50))]
    assert hello_of(hello(features=names), LIMITS).features == [f"f{number}" for number in range(15)]


def test_texts_that_are_short_stay_as_they_are() -> None:
    kept = hello_of(hello(url="http://a/", name="b", version="0.1.0", process="c", features=["ports"]), LIMITS)
    assert (kept.url, kept.name, kept.version, kept.process) == ("http://a/", "b", "0.1.0", "c")
    assert kept.features == ["ports"]
    assert hello_of(hello(), LIMITS).url is None


@pytest.mark.parametrize("frame", ["[1,0]", '[0,0,["bye",0]]'])
def test_another_first_frame_is_a_violation(frame: str) -> None:
    with pytest.raises(ProtocolError, match="expected hello"):
        hello_of(frame, LIMITS)


def test_a_limit_of_its_own_is_respected() -> None:
    with pytest.raises(ProtocolError, match="at most 100 bytes") as caught:
        hello_of(hello(), Limits(hello_bytes=100))
    assert caught.value.close_code == CloseCode.TOO_LARGE
