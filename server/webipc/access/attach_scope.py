"""`AttachScope`: the ASGI scope of one attach, kept for as long as its socket in as few bytes as it takes.

An idle page costs what its socket keeps, and a browser's headers in a list of pairs take three times their bytes. What
belongs to the call that has ended (`extensions`, `subprotocols`) is not kept.
"""

import copy
from itertools import chain
from typing import Any, Final

# Of the call and of its server, not of the client.
_LEFT_OUT: Final = frozenset({"headers", "extensions", "subprotocols", "asgi"})
# May stand in no header (RFC 9110 5.5), so it separates them.
_SEPARATOR: Final = b"\n"
_AUTHORIZATION: Final = b"authorization"


class AttachScope:
    """A scope that can be read again as it came. The server and the middleware may go on changing the scope."""

    __slots__ = ("_headers", "_rest", "moment")

    def __init__(self, scope: Any, moment: int = 0) -> None:
        """`scope` is an ASGI scope of type `http` or `websocket`, as the application's middleware has left it.

        `moment` says when that was, by what counts moments (identity/asked_again.py).
        """
        self.moment = moment
        headers = scope["headers"]
        joined = _SEPARATOR.join(chain.from_iterable(headers))
        # One value with a line feed in it, which only a test client sends, would be taken for two.
        fits = joined.count(_SEPARATOR) == max(0, 2 * len(headers) - 1)
        self._headers: bytes | list[tuple[bytes, bytes]] = joined if fits else [(name, text) for name, text in headers]
        names = tuple([name for name in scope if name not in _LEFT_OUT])
        self._rest = (_names_of.setdefault(names, names), *[scope[name] for name in names])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers in their order, names in lower case, a new list each time."""
        if not isinstance(self._headers, bytes):
            return list(self._headers)
        parts = self._headers.split(_SEPARATOR) if self._headers else []
        return list(zip(parts[::2], parts[1::2], strict=True))

    @property
    def size(self) -> int:
        """How many bytes of it the client has chosen, about: the headers and the address."""
        headers = self._headers
        size = len(headers) if isinstance(headers, bytes) else sum(len(name) + len(text) for name, text in headers)
        return size + sum(len(part) for part in self._rest[1:] if isinstance(part, str | bytes))

    def get(self, name: str) -> Any:
        """Return one value of the scope, such as that of "user"; None where there is none."""
        names, *values = self._rest
        return values[names.index(name)] if name in names else None

    def show_token(self, token: str) -> bool:
        """Show a token that came inside of a frame as `Authorization: Bearer`, where that header always is.

        Returns False, and changes nothing, where the client or a proxy has sent that header: then its word counts. An
        attach that is asked about once more shows its token already.
        """
        headers = self.headers
        shown = (_AUTHORIZATION, f"Bearer {token}".encode())
        if any(name == _AUTHORIZATION for name, _ in headers):
            return shown in headers
        if isinstance(self._headers, bytes):
            self._headers = _SEPARATOR.join([*filter(None, [self._headers]), *shown])
        else:
            self._headers.append(shown)
        return True

    def scope(self) -> dict[str, Any]:
        """Return the scope, a new one each time: `starlette.requests.HTTPConnection` takes it.

        A session that is a dict, as that of SessionMiddleware, is a copy. What is written to it would otherwise be seen
        by the next message, and that behind a request be set as a cookie, which a socket cannot do.
        """
        names, *values = self._rest
        scope = {**dict(zip(names, values, strict=True)), "headers": self.headers}
        session = scope.get("session")
        if isinstance(session, dict):
            scope["session"] = copy.copy(session)
        return scope


# The names are the same for all sockets of an application, so all share one tuple.
_names_of: dict[tuple[str, ...], tuple[str, ...]] = {}
