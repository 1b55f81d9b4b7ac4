"""Answers to calls: a result, or what the caller may read of an exception (PROTOCOL.md section 4.2).

A page may belong to anyone. So the text of an exception crosses when it was raised for the caller (IpcError), when it
is the library's own refusal of the call, or in debug mode. Otherwise a reference crosses, by which the exception is
found in the log.
"""

import logging
import re
import secrets
import traceback
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from webipc.channels.complaint import ArgumentError, Misfit
from webipc.core import clone
from webipc.core.envelope.carriers import encode_carrier
from webipc.core.errors import CloneError, IpcError, LimitError, LocalError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link.sizes import check_size
from webipc.core.values import JSError
from webipc.logs.lines import escaped
from webipc.logs.refusals import REFUSALS

logger = logging.getLogger("webipc")

# A text is cut here: it must never be what makes a reply too large to be sent.
TEXT_LENGTH: Final = 10_000


class NoHandlerError(LocalError):
    """An `invoke` on a channel without a handler. The text is Electron's."""

    code = "no-handler"

    def __init__(self, channel: str) -> None:
        super().__init__(f"No handler registered for '{channel}'")
        self.channel = channel

    def __reduce__(self) -> tuple[type["NoHandlerError"], tuple[str]]:
        return type(self), (self.channel,)


class ReplyNeverSentError(LocalError):
    """A call ended without an answer: its handler was cancelled. The text is Electron's."""

    code = "reply-never-sent"

    def __init__(self, text: str = "reply was never sent") -> None:
        super().__init__(text)


# The library's own refusals of a call. Its other errors (a destroyed page, a reset link) are problems of the
# application's code, and are reported as any other exception of it.
_REFUSALS: Final = (NoHandlerError, ReplyNeverSentError, ArgumentError, CloneError, LimitError)
# Those that a page causes alone, as often as it calls.
_OF_THE_PAGE: Final = (NoHandlerError, ArgumentError)

# The codes of the statuses that say who may do something: the same as those of a refused connection and channel.
_WORDS: Final = {401: "unauthorized", 403: "forbidden"}

# In the repr of an object. It tells where the process keeps its objects, and nothing else.
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


class Replies:
    """Encodes answers, in the thread that has them."""

    def __init__(self, limits: Limits, *, debug: bool) -> None:
        """`debug`: whether callers read exceptions in full."""
        self._limits = limits
        self._debug = debug

    def result(self, call_id: int, value: Any) -> EncodedMessage:
        """Encode a result. Raises CloneError and LimitError."""
        message = encode_carrier(["result", call_id], value, self._limits, "result")
        check_size(message, self._limits)
        return message

    def refusal(self, call_id: int, error: Exception) -> EncodedMessage:
        """Encode an error of the library's own, which every page may read."""
        return encode_message(["error", call_id], clone.encode(_refused(error), self._limits, "error"))

    def error(self, call_id: int, channel: str, error: BaseException, page: object) -> EncodedMessage:
        """Encode what the caller may know of an exception, and log the rest. `page` is the web contents that calls."""
        reference = secrets.token_hex(8)
        value, record = error_reply(error, channel=channel, debug=self._debug, reference=reference)
        if record is not None and isinstance(error, _OF_THE_PAGE):
            # It is not an error of the program, and a traceback would show only webipc.
            level = logging.INFO if isinstance(error, ArgumentError) else logging.ERROR
            REFUSALS.log(page, level, record)
        elif record is not None:
            logger.error(record, exc_info=error)
        try:
            message = encode_message(["error", call_id], clone.encode(value, self._limits, "error"))
            check_size(message, self._limits)
        except (CloneError, LimitError):
            # The `data` of an IpcError may be anything. Its text and code are still worth having.
            logger.exception(_line(channel, "its error cannot be sent whole"))
            message = encode_message(["error", call_id], clone.encode(_plain(value), self._limits, "error"))
        return message


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    texts = {key: value[key] for key in ("message", "code", "reference", "detail") if isinstance(value.get(key), str)}
    return {key: text[:TEXT_LENGTH] for key, text in texts.items()}


def error_reply(
    error: BaseException, *, channel: str, debug: bool, reference: str
) -> tuple[dict[str, Any], str | None]:
    """Return the value of the `error` message that answers a call, and the line for the log.

    The line is None when there is nothing to report: an IpcError is an answer like any other. The caller logs it with
    the traceback (`exc_info=error`). `reference` is a random text by which the entry is found in the log; it is used in
    production alone. Raises nothing, whatever the exception's own methods do. The `data` of an IpcError may be a value
    that cannot be sent: then encoding the reply raises.
    """
    told = _of_http(error) if isinstance(error, HTTPException) else error
    if isinstance(told, IpcError):
        value = _told(told)
    elif isinstance(error, _REFUSALS):
        return _refused(error), _line(channel, _one_line(text_of(error)))
    elif not debug:
        text = f"Internal error (reference {reference})"
        value = {"message": text, "detail": text, "code": "internal", "reference": reference}
        return value, _line(channel, f"the caller reads only reference {reference}. {_HINT}")
    else:
        value = _with_text(type(error).__name__, text_of(error))
    if debug:
        value["cause"] = _cause(error)
    return value, None if isinstance(told, IpcError) else _line(channel, _one_line(text_of(error)))


_HINT: Final = "To tell the caller more, raise webipc.IpcError, or use IpcMain(debug=True) while developing"


def text_of(error: BaseException) -> str:
    """Return the text of an exception, even of one whose `__str__` raises."""
    try:
        return str(error)[:TEXT_LENGTH]
    except Exception as failure:  # noqa: BLE001 - foreign code
        return f"(its text cannot be shown: __str__ raised {type(failure).__name__})"


def _of_http(error: HTTPException) -> IpcError:
    """Return what FastAPI would answer a request with: the status, and the detail, which may be any value."""
    status, detail = str(error.status_code), error.detail
    code = _WORDS.get(error.status_code, status)
    if isinstance(detail, str):
        return IpcError(detail, code=code)
    known = {str(each.value): each.phrase for each in HTTPStatus}
    return IpcError(known.get(status, f"HTTP {status}"), code=code, data=detail)


def _told(error: IpcError) -> dict[str, Any]:
    value = _with_text("Error", text_of(error))
    # A subclass may leave out super().__init__(), or set a code for all of its kind.
    if error.code != IpcError.code:
        value["code"] = str(error.code)
    data = getattr(error, "data", None)
    if data is not None:
        value["data"] = data
    return value


def _refused(error: Exception) -> dict[str, Any]:
    """Return a refusal as Electron words it: one text has no `Error: ` before it."""
    text = _ADDRESS.sub("", text_of(error))
    value = _with_text("Error", text)
    if isinstance(error, ReplyNeverSentError):
        value["message"] = text
    value["code"] = getattr(error, "code", "webipc")
    if isinstance(error, ArgumentError):
        value["detail"] = _ADDRESS.sub("", error.detail)[:TEXT_LENGTH]
        value["data"] = {"errors": [_entry(misfit) for misfit in error.errors]}
    return value


def _entry(misfit: Misfit) -> dict[str, str]:
    return {name: _ADDRESS.sub("", text)[:TEXT_LENGTH] for name, text in misfit._asdict().items()}


def _with_text(name: str, text: str) -> dict[str, Any]:
    return {"message": _to_string(name, text), "detail": text}


def _to_string(name: str, text: str) -> str:
    """Return what JavaScript's `toString()` gives for an error."""
    return f"{name}: {text}" if text else name


def _cause(error: BaseException) -> JSError:
    """Return an error for the page's console, whose stack is Python's traceback."""
    try:
        stack = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - foreign code
        stack = f"{type(error).__name__}: (its traceback cannot be shown)"
    # The end of a traceback is where it happened.
    return JSError("Error", _to_string(type(error).__name__, text_of(error)), stack[-TEXT_LENGTH:])


def _line(channel: str, rest: str) -> str:
    # The channel of a call without a handler is input of the page: no line breaks from there.
    return f"Error occurred in handler for '{_one_line(channel)}': {rest}"


def _one_line(text: str) -> str:
    return escaped(text, 200)
