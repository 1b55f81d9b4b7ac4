"""One link as a page has it: who it is, what is numbered on it, and what waits on it. It ends with its document.

For `webipc.testing`: the core in the role RENDERER, without any browser around it. Must not know how bytes leave, nor
what a message means. Twin: js-client/src/link/page-link.ts
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from webipc.core.calls import Calls
from webipc.core.errors import LinkEndedError, ResetError
from webipc.core.frame import EncodedMessage, encode_control
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.ports.link_ports import LinkPorts

# A call that waits: its channel, and where its answer goes.
Call = tuple[str, "asyncio.Future[Any]"]

# What a page can take beyond the first kinds (PROTOCOL.md 6.1).
FEATURES = ["ports"]


class PageLink:
    """What ends with a document: its link, its calls and its ports."""

    def __init__(self, limits: Limits, wake: Callable[[], None]) -> None:
        """`wake` is called when there is something to send."""
        self.link_id = secrets.token_hex(16)
        self.secret = secrets.token_hex(16)
        self.attempt = 0
        # A server has welcomed this link: whoever does not know it now has forgotten it.
        self.known = False
        self.link = Link(Side.RENDERER, limits)
        self.calls: Calls[Call] = Calls(Side.RENDERER, limits)
        self._limits = limits
        self._wake = wake
        self._ports: LinkPorts | None = None
        self._ended = False

    @property
    def ports(self) -> LinkPorts:
        """The ports of the link. Made when they are needed: a page may be made before its event loop."""
        if self._ports is None:
            self._ports = LinkPorts(Side.RENDERER, self._limits, asyncio.get_running_loop(), self._post_of_port)
            if self._ended:
                self._ports.end()
        return self._ports

    def post(self, message: EncodedMessage) -> int:
        """Number and keep a message; return its number. Raises LinkEndedError and BufferFullError."""
        if self._ended:
            raise LinkEndedError
        seq = self.link.post(message)
        self._wake()
        return seq

    def _post_of_port(self, message: EncodedMessage) -> None:
        if not self._ended:
            self.post(message)

    def hello(self, attempt: int, claims: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the fields of `hello`; `attempt` is 0 in the body of a request.

        `claims`: what the page says about itself (PROTOCOL.md 6.1), such as `token`; each may be None.
        """
        fields = {
            "link": self.link_id,
            "secret": self.secret,
            "attempt": attempt,
            "received": self.link.received,
            "first": self.link.first,
            "fresh": self.link.fresh and not self.known,
            "features": FEATURES,
            **claims,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def body(self, call_id: int, claims: Mapping[str, str | None]) -> list[str | bytes]:
        """Return the frames of a synchronous request: who asks, all that is kept, and what is waited for."""
        # First, because it says whether anything had left before this moment.
        hello = encode_control(self.link.received, "hello", self.hello(0, claims))
        return [hello, *self.link.backlog(), encode_control(self.link.received, "await", call_id)]

    def end(self, reason: str) -> None:
        """End the link; whoever waits for an answer is told, and so are the ports' other ends."""
        self._ended = True
        self.link.end()
        if self._ports is not None:
            self._ports.end()
        for _, (_, answer) in self.calls.fail_all():
            if not answer.done():
                answer.set_exception(ResetError(reason))
