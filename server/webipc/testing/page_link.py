"""One link on the page's side: its ids, its numbered messages, its pending calls and its ports.

The core in the role RENDERER, for `webipc.testing`. It ends with its document, does not send bytes, and does not
interpret messages. Twin: js-client/src/link/page-link.ts
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from webipc.core.calls import Calls
from webipc.core.errors import LinkEndedError, ResetError
from webipc.core.frame import EncodedMessage, encode_control
from webipc.core.frame.json_text import load_array
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.ports.link_ports import LinkPorts

# A pending call: its channel, and the future of its answer.
Call = tuple[str, "asyncio.Future[Any]"]

# What may stand behind `Authorization: Bearer` (RFC 6750), and how long it may be (PROTOCOL.md 6.1).
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_TOKEN_LENGTH: Final = 8_192

# The features that the page supports (PROTOCOL.md 6.1).
FEATURES = ["ports", "doubles"]


class PageLink:
    """The link, the calls and the ports of one document."""

    def __init__(self, limits: Limits, wake: Callable[[], None]) -> None:
        """`wake` is called when a message is ready to be sent."""
        self.link_id = secrets.token_hex(16)
        self.secret = secrets.token_hex(16)
        self.attempt = 0
        # Whether a server has welcomed this link. One that does not know it after that has lost it.
        self.known = False
        self.link = Link(Side.RENDERER, limits)
        # Our server writes numbers as it is promised of pages here.
        self.link.load = load_array
        self.calls: Calls[Call] = Calls(Side.RENDERER, limits)
        self._limits = limits
        self._wake = wake
        self._ports: LinkPorts | None = None
        # Nothing is sent or received any more.
        self.ended = False

    @property
    def ports(self) -> LinkPorts:
        """The ports of the link, created at first use: a page may be created outside of an event loop."""
        if self._ports is None:
            self._ports = LinkPorts(Side.RENDERER, self._limits, asyncio.get_running_loop(), self._post_of_port)
            if self.ended:
                self._ports.end()
        return self._ports

    def post(self, message: EncodedMessage) -> int:
        """Number a message and keep it until it is acknowledged; return its number.

        Raises LinkEndedError and BufferFullError.
        """
        if self.ended:
            raise LinkEndedError
        seq = self.link.post(message)
        self._wake()
        return seq

    def _post_of_port(self, message: EncodedMessage) -> None:
        if not self.ended:
            self.post(message)

    def hello(self, attempt: int, claims: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the fields of `hello` (PROTOCOL.md 6.1); `attempt` is 0 in the body of a request.

        `claims` are the fields that describe the document, such as `token`; those that are None are left out.
        """
        fields = {
            "link": self.link_id,
            "secret": self.secret,
            "attempt": attempt,
            "received": self.link.received,
            "first": self.link.first,
            "last": self.link.last,
            "fresh": self.link.fresh and not self.known,
            "features": FEATURES,
            **claims,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def body(self, call_id: int, claims: Mapping[str, str | None]) -> list[str | bytes]:
        """Return the frames of a synchronous request: `hello`, all messages that are kept, and `await`."""
        # Before the backlog, because `fresh` says whether any message was sent before now.
        hello = encode_control(self.link.received, "hello", self.hello(0, claims))
        return [hello, *self.link.backlog(), encode_control(self.link.received, "await", call_id)]

    def end(self, reason: str) -> None:
        """End the link: pending calls fail with ResetError, and the other ends of its ports close."""
        self.ended = True
        self.link.end()
        if self._ports is not None:
            self._ports.end()
        for _, (_, answer) in self.calls.fail_all():
            if not answer.done():
                answer.set_exception(ResetError(reason))


def checked_token(token: str | None) -> str | None:
    """Return a bearer token that may be sent. Raises ValueError, whose text does not show it."""
    if token is not None and (len(token) > _TOKEN_LENGTH or _TOKEN.fullmatch(token) is None):
        raise ValueError(
            f"expected a bearer token: letters, digits and -._~+/ with = at the end, at most {_TOKEN_LENGTH:,} "
            f"characters; got a text of {len(token):,} that is none"
        )
    return token
