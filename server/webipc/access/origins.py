"""Which pages may talk to the server: the check of the `Origin` header (PROTOCOL.md section 2.5).

The secret of a link does not protect against a page of another site: it can make a link of its own, with the user's
cookies. So every endpoint checks the origin first.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

# For the log, behind a refusal: the page may be the developer's own.
REMEDY = "list it in IpcMain(origins=[...]) or by --origin, if it is yours"

NULL: Final = "null"
"""The origin of a page that hides its own, such as that of a sandboxed iframe, and of a page of `file:`."""

_HTTP_SCHEMES: Final = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Any scheme is possible: pages in the shell of an application have their own (Capacitor, Tauri, browser extensions).
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
# Pages of these have the origin `null`, or are none.
_NO_ORIGIN: Final = ("file", "data", *_HTTP_SCHEMES)
_HOST_AND_PORT: Final = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[^\x00-\x20\x7f/?#@:\[\]\\%*,]+)(?::(?P<port>[0-9]{1,5}))?"
)
_LARGEST_PORT: Final = 65_535
# Python's codec converts these as browsers did until 2016.
_CONVERTED_OTHERWISE: Final = re.compile("[ßς\u200c\u200d]")


class Origins:
    """The origins that are allowed."""

    def __init__(
        self,
        listed: Iterable[str] = (),
        more: Iterable[str] = (),
        *,
        allow_missing: bool = False,
        null_is_missing: bool = True,
    ) -> None:
        """`listed` and `more` are origins such as `https://app.example`. The server's own is always allowed.

        `allow_missing` allows requests without `Origin`, from programs that are not browsers. With `null_is_missing` it
        allows those with `null` too, from pages of `file:`. Any site can send `null`, from a sandboxed iframe; listed
        as `null`, it is allowed. Raises ValueError for a string that is not an origin, TypeError for a string instead
        of a list.
        """
        if isinstance(listed, str):
            raise TypeError(f"expected a list of origins, got a string: write [{listed!r}]")
        self._listed = frozenset(_parsed(origin) for origin in (*listed, *more))
        self._allow_missing = allow_missing
        self._allow_null = NULL in self._listed or (allow_missing and null_is_missing)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts of the listed origins, without ports."""
        found = (_HOST_AND_PORT.fullmatch(origin.partition("://")[2]) for origin in self._listed)
        return frozenset(match["host"] for match in found if match is not None)

    def allows(self, origin: str | None, scheme: str, host: str | None) -> bool:
        """Return whether a request is allowed. `origin` and `host` are its headers, `scheme` is that of its URL.

        An origin is compared as text: browsers write each in one way, and one in another spelling is not from a page.
        """
        if origin is None:
            return self._allow_missing
        if origin == NULL:
            return self._allow_null
        return origin in self._listed or (host is not None and origin == _own(scheme, host))

    def allows_embedding(self, site: str | None, referrer: str | None) -> bool:
        """Return whether the page that loads a script without `Origin` is allowed, as `<script src>` does.

        `site` and `referrer` are the headers `Sec-Fetch-Site` and `Referer`. A browser that does not send the first is
        stopped by `Cross-Origin-Resource-Policy`.
        """
        return site in (None, "same-origin", "none") or self._allows_hidden or self._lists_page(referrer)

    def resource_policy(self, origin: str | None, referrer: str | None) -> str:
        """Return the `Cross-Origin-Resource-Policy` of the response to a request with these headers."""
        others = self._allows_hidden or origin in self._listed or self._lists_page(referrer)
        return "cross-origin" if others else "same-origin"

    @property
    def _allows_hidden(self) -> bool:
        """Whether pages may come whose origin a request for a script does not show."""
        return self._allow_missing or self._allow_null

    def _lists_page(self, address: str | None) -> bool:
        return address is not None and "/".join(address.split("/", 3)[:3]) in self._listed

    def cors(self, origin: str | None) -> Mapping[str, str]:
        """Return the headers with which a page of a listed origin may read a response; none for any other origin."""
        if origin is None:
            return {}
        if origin not in self._listed:
            return {} if origin == NULL else {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }


def remedy_for(origin: str, scheme: str, host: str | None) -> str:
    """Return what the operator can do, for the log, where `allows` has said no to these."""
    if host is None or (own := _own(scheme, host)) is None:
        return REMEDY
    if _own(origin.partition("://")[0], host) == origin:
        # The page is of this server, and what ends TLS in front of it does not say so, or is not believed.
        return f"it came as {own}: a proxy has to send X-Forwarded-Proto, and to be named with --forwarded-allow-ips"
    return f"{REMEDY}; it was sent to {own}, and a proxy has to pass the Host header"


def _own(scheme: str, host: str) -> str | None:
    """Return the origin of the server itself, as the `Host` header names it. None for a header that is no host."""
    return _serialized(_HTTP_SCHEMES.get(scheme, scheme), host.lower())


def _parsed(origin: str) -> str:
    """Return a listed origin as browsers write it: lower case, ASCII, without the scheme's default port."""
    if origin == NULL:
        return NULL
    scheme, _, host = origin.lower().removesuffix("/").partition("://")
    serialized = None
    if _SCHEME.fullmatch(scheme) is not None and scheme not in _NO_ORIGIN:
        serialized = _serialized(scheme, host if host.isascii() else _ascii(host))
    if serialized is None:
        raise ValueError(f"expected an origin such as https://app.example, got {origin!r}{_advice(origin)}")
    return serialized


def _serialized(scheme: str, host_and_port: str) -> str | None:
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    port = None if match is None or match["port"] is None else int(match["port"])
    if match is None or (port is not None and port > _LARGEST_PORT):
        return None
    return f"{scheme}://{match['host']}" + (f":{port}" if port not in (None, _DEFAULT_PORTS.get(scheme)) else "")


def _ascii(host: str) -> str:
    """Return an international host name in the form that a browser sends; empty where that is not sure."""
    if _CONVERTED_OTHERWISE.search(host):
        return ""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _advice(origin: str) -> str:
    """Return what to write instead of a string that is not an origin; empty where nothing is known."""
    if "*" in origin:
        return ": there are no patterns, list each origin"
    if origin.startswith("file:"):
        return ": a page of a file has the origin null, which any site can send; there is allow_missing_origin=True"
    if not origin.isascii():
        return ": write its host name as a browser sends it, which begins with xn--"
    return ""
