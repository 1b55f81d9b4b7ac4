"""The scope of an attach is kept in few bytes, and is read again as it came."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from webipc.access.attach_scope import AttachScope

# As Chromium sends them with a WebSocket.
BROWSER = [
    (b"host", b"app.example:8000"),
    (b"connection", b"Upgrade"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    ),
    (b"upgrade", b"websocket"),
    (b"origin", b"http://app.example:8000"),
    (b"sec-websocket-version", b"13"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"en-GB,en-US;q=0.9,en;q=0.8"),
    (b"cookie", b"webipc_principal=0123456789abcdef0123456789abcdef; session=eyJ1c2VyIjogNX0"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
    (b"sec-websocket-protocol", b"webipc.v1"),
]


def scope(headers: list[tuple[bytes, bytes]], **more: Any) -> dict[str, Any]:
    return {
        "type": "websocket",
        "scheme": "ws",
        "path": "/ipc/socket",
        "query_string": b"a=1",
        "client": ("203.0.113.9", 50_000),
        "headers": headers,
        "extensions": {},
        "subprotocols": ["webipc.v1"],
        "state": {"database": object()},
        **more,
    }


def test_a_connection_has_the_headers_cookies_path_and_client_of_the_attach() -> None:
    first = scope(BROWSER, user="ada")
    connection = HTTPConnection(AttachScope(first).scope() | {"type": "http"})
    assert connection.headers.raw == BROWSER
    assert connection.cookies["session"] == "eyJ1c2VyIjogNX0"
    assert (connection.url.path, connection.query_params["a"]) == ("/ipc/socket", "1")
    assert connection.client is not None
    assert (connection.client.host, connection.client.port) == ("203.0.113.9", 50_000)
    assert connection.scope["user"] == "ada"
    assert connection.scope["state"] is first["state"]


def test_what_belongs_to_the_call_alone_is_left_out() -> None:
    assert AttachScope(scope([])).scope().keys() == scope([]).keys() - {"extensions", "subprotocols"}


def test_each_reading_is_a_new_one_and_later_changes_are_not_seen() -> None:
    first = scope(list(BROWSER))
    kept = AttachScope(first)
    first["headers"].clear()
    first["path"] = "/elsewhere"
    read = kept.scope()
    read["headers"].clear()
    read["path"] = "/changed"
    assert kept.scope()["headers"] == BROWSER
    assert kept.scope()["path"] == "/ipc/socket"


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=9))
def test_any_headers_are_read_as_they_came(headers: list[tuple[bytes, bytes]]) -> None:
    assert AttachScope(scope(headers)).headers == headers


@pytest.mark.parametrize("headers", [[(b"a\nb", b"c")], [(b"a", b"\n")], [(b"", b"")], []])
def test_a_line_feed_in_a_header_is_no_separator(headers: list[tuple[bytes, bytes]]) -> None:
    assert AttachScope(scope(headers)).headers == headers


@pytest.mark.parametrize("headers", [BROWSER, [], [(b"a\nb", b"c")]])
def test_a_token_is_shown_behind_the_headers_that_came(headers: list[tuple[bytes, bytes]]) -> None:
    kept = AttachScope(scope(headers))
    size = kept.size
    assert kept.show_token("abc.def")
    assert kept.headers == [*headers, (b"authorization", b"Bearer abc.def")]
    assert kept.size >= size + len(b"authorizationBearer abc.def")
    assert "abc.def" not in repr(kept)


def test_a_token_does_not_replace_the_header_of_a_proxy() -> None:
    headers = [(b"host", b"a"), (b"authorization", b"Basic eDp5")]
    kept = AttachScope(scope(headers))
    assert not kept.show_token("abc.def")
    assert kept.headers == headers


def test_a_token_that_is_shown_already_is_no_header_of_a_proxy() -> None:
    kept = AttachScope(scope(BROWSER))
    assert [kept.show_token("abc.def") for _ in range(2)] == [True, True]
    assert kept.headers.count((b"authorization", b"Bearer abc.def")) == 1


def test_one_value_is_read_without_the_others() -> None:
    kept = AttachScope(scope(BROWSER, user="ada"))
    assert (kept.get("user"), kept.get("path"), kept.get("nothing")) == ("ada", "/ipc/socket", None)


def test_its_size_is_what_the_client_has_chosen() -> None:
    small, large = AttachScope(scope([])).size, AttachScope(scope([(b"cookie", b"x" * 50_000)])).size
    assert 50_000 <= large - small <= 50_100
    assert AttachScope(scope([], path="/" * 50_000)).size - small >= 49_900
    assert AttachScope(scope([(b"a\n", b"x" * 50_000)])).size - small == 50_002
    assert AttachScope(scope(BROWSER)).size < 2_000


def test_a_browsers_headers_take_little_more_than_their_bytes() -> None:
    scopes = [scope([(bytes(bytearray(name)), bytes(bytearray(text))) for name, text in BROWSER]) for _ in range(200)]
    tracemalloc.start()
    kept = [AttachScope(each) for each in scopes]
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    assert size < sum(len(name) + len(text) for name, text in BROWSER) + 400


class StoredSession:
    """A session of a middleware that keeps it elsewhere: an object of its own kind."""


class MarkedSession(dict[str, Any]):
    """A session that notes whether it was changed, as that of Starlette."""

    modified = False


def test_a_session_that_is_a_dict_is_a_copy_each_time() -> None:
    session = MarkedSession(name="ada")
    kept = AttachScope(scope(BROWSER, session=session))
    written = kept.scope()["session"]
    written["name"] = "eve"
    written.modified = True
    assert (session, session.modified, kept.scope()["session"]) == ({"name": "ada"}, False, {"name": "ada"})
    assert type(written) is MarkedSession


def test_a_session_of_another_kind_is_seen_as_it_is() -> None:
    session = StoredSession()
    assert AttachScope(scope(BROWSER, session=session)).scope()["session"] is session
