"""What the beginning of a request tells: whether its head is whole, and which browser sends it."""

import pytest

from webipc.access.visitor import visitor_of
from webipc.cli.acceptor.heads import HEAD_BYTES, is_whole, principal_in

PLAIN, SECURE = "a" * 32, "b" * 32


def head(*cookies: str, name: str = "Cookie") -> bytes:
    lines = ["GET / HTTP/1.1", "Host: localhost", f"{name}: {'; '.join(cookies)}", "Accept: */*", "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "beginning", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n", b"PRI * HTTP/2.0\r\n"]
)
def test_a_head_without_its_end_is_not_whole(beginning: bytes) -> None:
    assert not is_whole(beginning)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe",
        # A handshake of TLS, which this port does not speak.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00",
        b"\r\nGET / HTTP/1.1",
        b"A" * HEAD_BYTES,
    ],
)
def test_there_is_nothing_to_wait_for_behind_a_whole_head_or_what_is_none(beginning: bytes) -> None:
    assert is_whole(beginning)


@pytest.mark.parametrize(
    "cookies, expected",
    [
        ([f"webipc_principal={PLAIN}"], PLAIN),
        ([f"__Host-webipc_principal={SECURE}"], SECURE),
        ([f"webipc_principal={PLAIN}", f"__Host-webipc_principal={SECURE}"], SECURE),
        (["a=b", f"webipc_principal={PLAIN}", "c=d"], PLAIN),
        ([f"webipc_principal={PLAIN}0"], None),
        ([f"webipc_principal={PLAIN.upper()}"], None),
        ([f"not_webipc_principal={PLAIN}"], None),
        (["webipc_principal="], None),
        ([], None),
    ],
)
def test_the_principal_is_that_of_the_cookie(cookies: list[str], expected: str | None) -> None:
    assert principal_in(head(*cookies)) == (expected.encode() if expected else None)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_it_is_the_principal_that_the_worker_will_read(scheme: str) -> None:
    name = "webipc_principal" if scheme == "http" else "__Host-webipc_principal"
    cookie = f"session=1; {name}={PLAIN}; theme=dark"
    scope = {"type": "http", "scheme": scheme, "client": None, "headers": [(b"cookie", cookie.encode())]}
    assert principal_in(head(cookie)) == visitor_of(scope).principal.encode()


def test_the_name_of_the_header_is_found_in_any_case() -> None:
    assert principal_in(head(f"webipc_principal={PLAIN}", name="cOOKIE")) == PLAIN.encode()


def test_a_cookie_in_the_body_or_in_another_header_is_none() -> None:
    cookie = f"cookie: webipc_principal={PLAIN}"
    assert principal_in(f"POST / HTTP/1.1\r\nHost: x\r\n\r\n\r\n{cookie}\r\n".encode()) is None
    assert principal_in(f"GET / HTTP/1.1\r\nX-Other: {cookie}\r\n\r\n".encode()) is None
