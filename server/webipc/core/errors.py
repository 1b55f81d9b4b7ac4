"""The one hierarchy of errors, and the close codes that tell the peer about them.

    WebipcError                   everything that webipc raises on purpose
      LocalError                  this side misused the library
        CloneError                a value that structured clone does not copy
        LimitError                a limit of PROTOCOL.md section 9
          BufferFullError         no room to keep another message
        DestroyedError            the page or the object is gone
        FeatureError              the peer is older than what was to be sent
        LinkEndedError            the link is over
      RemoteError                 the peer did it
        ProtocolError             the peer broke PROTOCOL.md
        UnreadableError           a value that this side cannot take: its message fails alone
        UnansweredError           nothing has answered a sendSync
        ResetError                the link ended before the answer came
      IpcError                    raised by an application, for the caller in the page

Programs decide by class and `code`; the texts are for people and may change.
Twin: js-client/src/core/errors.ts
"""

from enum import Enum, IntEnum
from typing import Any, ClassVar, Final

REASON_BYTES: Final = 123
# The reason with which a server refuses a page whose user is another than that of its link (PROTOCOL.md 6.1).
ANOTHER_USER: Final = "another-user"


class CloseCode(IntEnum):
    """The close codes that webipc names (PROTOCOL.md section 8)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    ABNORMAL = 1006
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    OVERFLOW = 4008
    PROTOCOL_ERROR = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    VERSION = 4406
    HELLO_TIMEOUT = 4408
    SUPERSEDED = 4409
    RESET = 4410
    ASK_AGAIN = 4411
    TOO_LARGE = 4413
    TRY_LATER = 4503


class AfterClose(Enum):
    """What a page does after its socket was closed."""

    NOTHING = "NOTHING"
    RECONNECT = "RECONNECT"
    NEW_LINK = "NEW_LINK"
    GIVE_UP = "GIVE_UP"


# 4409 is not listed: a page with a newer socket never asks about the older one, so a page that asks has to reconnect.
_AFTER_CLOSE: Final = {
    CloseCode.NORMAL: AfterClose.NOTHING,
    1002: AfterClose.NEW_LINK,
    1003: AfterClose.NEW_LINK,
    1007: AfterClose.NEW_LINK,
    1009: AfterClose.NEW_LINK,
    CloseCode.OVERFLOW: AfterClose.NEW_LINK,
    CloseCode.PROTOCOL_ERROR: AfterClose.NEW_LINK,
    CloseCode.RESET: AfterClose.NEW_LINK,
    CloseCode.TOO_LARGE: AfterClose.NEW_LINK,
    CloseCode.UNAUTHORIZED: AfterClose.GIVE_UP,
    CloseCode.FORBIDDEN: AfterClose.GIVE_UP,
    CloseCode.VERSION: AfterClose.GIVE_UP,
}


def after_close(code: int) -> AfterClose:
    """Return what a page does after its current socket was closed with `code`; it reconnects after any unlisted one."""
    return _AFTER_CLOSE.get(code, AfterClose.RECONNECT)


def reset_reason(code: int, text: str) -> str:
    """Return the reason of a reset (PROTOCOL.md 6.5), where there is only a close code with its text."""
    if code == CloseCode.UNAUTHORIZED:
        return ANOTHER_USER if text == ANOTHER_USER else "unauthorized"
    if code == CloseCode.RESET:
        return text or "ended"
    if code == CloseCode.OVERFLOW:
        return "overflow"
    return "protocol" if after_close(code) is AfterClose.NEW_LINK else text


def fit_reason(text: str) -> str:
    """Return the longest beginning of `text` that fits into a close frame: 123 bytes of UTF-8, no character cut in two.

    A lone surrogate, which UTF-8 cannot hold, becomes a question mark.
    """
    return text.encode("utf-8", "replace")[:REASON_BYTES].decode("utf-8", "ignore")


class WebipcError(Exception):
    """The base class of everything that webipc raises on purpose."""

    code: str = "webipc"


class LocalError(WebipcError):
    """This side misused the library; nothing was sent."""

    code = "local"


class CloneError(LocalError):
    """A value that structured clone does not copy stands somewhere in what was to be sent.

    The first sentence is Electron's own text, to the letter.
    """

    code = "not-cloneable"
    TEXT: ClassVar[str] = "An object could not be cloned."

    def __init__(self, path: str, reason: str) -> None:
        """`path` leads to the value, such as `args[1].user.save`; `reason` says what it is, and perhaps the remedy."""
        super().__init__(f"{self.TEXT} {path}: {reason}")
        # Where the value stands, in the notation of JavaScript.
        self.path = path
        # What stands there.
        self.reason = reason

    def __reduce__(self) -> tuple[type["CloneError"], tuple[str, str]]:
        return type(self), (self.path, self.reason)


class LimitError(LocalError):
    """What was to be sent exceeds a limit of PROTOCOL.md section 9."""

    code = "limit"

    def __init__(self, limit: str, actual: int, allowed: int) -> None:
        """`limit` is the name of the limit; `actual` and `allowed` are in its unit."""
        super().__init__(f"{limit}: at most {allowed} allowed, {actual} found; send less at once, or raise the limit")
        self.limit = limit
        # How much there was; a lower bound where counting ended at the limit.
        self.actual = actual
        self.allowed = allowed

    def __reduce__(self) -> tuple[type["LimitError"], tuple[str, int, int]]:
        return type(self), (self.limit, self.actual, self.allowed)


class BufferFullError(LimitError):
    """No room to keep another message until the peer acknowledges earlier ones."""

    code = "buffer-full"


class DestroyedError(LocalError, TypeError):
    """The page or the object is gone. Electron throws a TypeError with this text, so this is one too."""

    code = "destroyed"

    def __init__(self, text: str = "Object has been destroyed") -> None:
        super().__init__(text)


class FeatureError(LocalError):
    """The peer is older than what was to be sent."""

    code = "no-feature"

    def __init__(self, feature: str) -> None:
        """`feature` as `hello` and `welcome` name it."""
        super().__init__(f"The other side does not know '{feature}': use a newer version there")
        self.feature = feature

    def __reduce__(self) -> tuple[type["FeatureError"], tuple[str]]:
        return type(self), (self.feature,)


class LinkEndedError(LocalError):
    """The link is over; what was to be sent on it was not numbered."""

    code = "link-ended"

    def __init__(self, text: str = "The link has ended; nothing more can be sent on it") -> None:
        super().__init__(text)


class RemoteError(WebipcError):
    """The cause lies with the peer."""

    code = "remote"


class ProtocolError(RemoteError):
    """The peer sent what PROTOCOL.md forbids. The socket is closed with `close_code`, and the link is over."""

    code = "protocol"

    def __init__(self, detail: str, close_code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        """`detail` says what was expected and what was received; it becomes the reason of the close frame."""
        super().__init__(detail)
        self.detail = detail
        self.close_code = close_code

    def __reduce__(self) -> tuple[type["ProtocolError"], tuple[str, CloseCode]]:
        return type(self), (self.detail, self.close_code)


class UnreadableError(RemoteError):
    """A value that PROTOCOL.md allows, and that this side cannot take (section 5).

    Its message fails alone, and the link goes on: a call is answered with this error, the answer of a call raises it,
    and any other message is dropped. A page raises it for a RegExp that its engine does not compile, for example; both
    sides for arrays and objects in cycles with too many ways through them.
    """

    code = "unreadable"


class UnansweredError(RemoteError):
    """A `sendSync` was not answered, after every retry: its listener may have run, or not."""

    code = "unknown-outcome"

    def __init__(self, channel: str) -> None:
        """`channel` of the call."""
        super().__init__(f"sendSync('{channel}') was not answered, as the server could not be reached: it may have run")
        self.channel = channel

    def __reduce__(self) -> tuple[type["UnansweredError"], tuple[str]]:
        return type(self), (self.channel,)


class ResetError(RemoteError):
    """The link ended before the answer came.

    `code` is `not-sent` when the call had never been handed to a transport, so that it is safe to repeat it, and
    `unknown-outcome` when the peer may have run it (PROTOCOL.md section 6.5).
    """

    def __init__(self, reason: str, code: str = "unknown-outcome") -> None:
        """`reason` is one of the reasons of `reset`, such as `unknown-link`."""
        outcome = "it was not sent" if code == "not-sent" else "it may have run"
        super().__init__(f"The link was reset ({reason}): {outcome}")
        self.reason = reason
        self.code = code

    def __reduce__(self) -> tuple[type["ResetError"], tuple[str, str]]:
        return type(self), (self.reason, self.code)


class IpcError(WebipcError):
    """Raised by a handler to tell its caller in the page what is wrong.

    Only the text of this error is sent to the page unchanged; that of any other exception is sent in debug mode alone,
    because the user of a page need not be trusted.

        raise IpcError("No such row", code="no-row", data={"id": row_id})
    """

    def __init__(self, message: str, *, code: str | None = None, data: Any = None) -> None:
        """The page's error has the message in its text, and as properties `code` and `data` (any value)."""
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.data = data
