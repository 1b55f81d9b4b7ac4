"""Which pages may talk to the server: the check of the `Origin` header (PROTOCOL.md section 2.5).

The secret of a link does not protect against a page of another site: it can make a link of its own, with the user's
cookies. So every endpoint checks the origin first.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

# For the log, behind a refusal: the page may be the developer's own.
REMEDY = "list it in IpcMain(origins=[...]) or by --origin, if it is yours"

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


class Origins:
    """The origins that are allowed."""

    def __init__(self, listed: Iterable[str] = (), more: Iterable[str] = (), *, allow_missing: bool = False) -> None:
        """`listed` and `more` are origins such as `https://app.example`. The server's own is always allowed.

        `allow_missing` allows requests without `Origin`, or with `null`: from programs that are not browsers, and from
        pages of `file:`. Raises ValueError for a string that is not an origin, TypeError for a string instead of a
        list.
        """
        if isinstance(listed, str):
            raise TypeError(f"expected a list of origins, got a string: write [{listed!r}]")
        self._listed = frozenset(_normal(origin) for origin in (*listed, *more))
        self._allow_missing = allow_missing

    def allows(self, origin: str | None, scheme: str, host: str | None) -> bool:
        """Return whether a request is allowed. `origin` and `host` are its headers, `scheme` is that of its URL."""
        if origin is None or origin == "null":
            return self._allow_missing
        try:
            normal = _normal(origin)
        except ValueError:
            return False
        return normal in self._listed or (host is not None and normal == _own(scheme, host))

    def cors(self, origin: str | None) -> Mapping[str, str]:
        """Return the headers with which a page of a listed origin may read a response; none for any other origin."""
        if origin is None or origin == "null":
            return {}
        try:
            if _normal(origin) not in self._listed:
                return {"Vary": "Origin"}
        except ValueError:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }


def _own(scheme: str, host: str) -> str | None:
    try:
        return _normal(f"{_HTTP_SCHEMES.get(scheme, scheme)}://{host}")
    except ValueError:
        return None


def _normal(origin: str) -> str:
    """Return scheme, host and port in one spelling: lower case, without the scheme's default port."""
    parts = urlsplit(origin)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.username
    ):
        raise ValueError(f"expected an origin such as https://app.example, got {origin!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")
