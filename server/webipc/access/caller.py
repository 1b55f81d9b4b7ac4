"""`Caller`: who brought a message. One for each attach, which is a socket, a synchronous request or a beacon.

It is passed on as an argument from the endpoint to the event. A message that is dispatched later, or a listener that is
found later, would otherwise see who has come meanwhile.
"""

from typing import Any, Final

from webipc.access.attach_scope import AttachScope
from webipc.access.visitor import RefusedError
from webipc.core.errors import CloseCode

ANOTHER_USER: Final = "another-user"
"""Why a link has ended that was named by another user than its own (PROTOCOL.md 6.1)."""


class AnotherUserError(RefusedError):
    """Who names a link is another user than the link's."""

    def __init__(self) -> None:
        super().__init__(CloseCode.UNAUTHORIZED, ANOTHER_USER)


class Caller:
    """What one attach brought, and who it was found to be. It never changes."""

    __slots__ = ("attach_scope", "identity", "user")

    def __init__(self, attach_scope: AttachScope, user: Any = None, identity: str | None = None) -> None:
        # What the client sent: headers, address, path.
        self.attach_scope = attach_scope
        # What the application calls this user; None for nobody.
        self.user = user
        # The text by which two users are compared; None for nobody.
        self.identity = identity

    def __repr__(self) -> str:
        # Without the headers: cookies and tokens are in them.
        return "<Caller>" if self.identity is None else "<Caller with an identity>"
