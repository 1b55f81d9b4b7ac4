"""The cookies of a browser: which are stored, which are sent, and when they go, by Python's own cookie jar.

`Secure` and `Path` count, `Max-Age=0` and a date that is over delete. `Domain` counts for a host with a dot. `SameSite`
and `HttpOnly` do not: all pages of a test are of the site, and no script reads cookies.
"""

from collections.abc import Iterable, Mapping
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.request import Request


class _Answer:
    """As much of a response as the jar reads."""

    def __init__(self, set_cookies: Iterable[str]) -> None:
        self._headers = Message()
        for each in set_cookies:
            # Each is one more header of this name.
            self._headers["Set-Cookie"] = each

    def info(self) -> Message:
        return self._headers


class Cookies:
    """What one browser has stored."""

    def __init__(self, origin: str, first: Mapping[str, str]) -> None:
        """`origin` is where the application is reached. `first` are there from the beginning, for all paths."""
        self._origin = origin
        self._jar = CookieJar()
        # As if the application had set them: so it can change and delete them.
        self.keep((f"{name}={value}; Path=/" for name, value in first.items()), "/")

    def header(self, path: str) -> str | None:
        """Return the `Cookie` header of a request for this path; None where no cookie is sent."""
        request = self._request(path)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def keep(self, set_cookies: Iterable[str], path: str) -> None:
        """Store what the `Set-Cookie` headers of the response to a request for this path say."""
        # The jar asks of it no more than this.
        answer = cast("HTTPResponse", _Answer(set_cookies))
        self._jar.extract_cookies(answer, self._request(path))

    def values(self) -> dict[str, str]:
        """Return the value of each cookie that has not expired, by its name."""
        self._jar.clear_expired_cookies()
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    def _request(self, path: str) -> Request:
        return Request(self._origin + path)  # noqa: S310 - nothing is opened: the jar wants to know the address
