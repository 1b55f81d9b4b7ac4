"""Whether a page may use a channel: the guard `IpcMain(authorize=may)`, which comes before everything else.

It is called at the moment when a message would run, and before its channel is looked up, so that a page learns nothing
of channels that it may not use. What becomes of a refused message is decided in router.py and invoke_job.py.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any, Final

from webipc.channels.signature import callable_of, name_of
from webipc.concurrency.fatal import FATAL
from webipc.core.errors import IpcError
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent
from webipc.logs.lines import escaped
from webipc.logs.refusals import REFUSALS

Authorize = Callable[[IpcMainEvent | IpcMainInvokeEvent, str], bool]

_EXPECTED: Final = "expected a plain function for authorize, such as def may(event, channel) -> bool"


class ForbiddenError(IpcError):
    """A page may not use a channel. The caller reads it, in production too."""

    code = "forbidden"

    def __init__(self, channel: str) -> None:
        super().__init__(f"'{channel}' is forbidden for this page: sign in as a user who may use it")
        self.channel = channel

    def __reduce__(self) -> tuple[type["ForbiddenError"], tuple[str]]:
        return type(self), (self.channel,)


class Authorization:
    """Asks the guard of an application."""

    __slots__ = ("_may",)

    def __init__(self, may: Authorize) -> None:
        """`may` was checked by `checked_authorize`."""
        self._may = may

    def require(self, event: IpcMainEvent | IpcMainInvokeEvent, channel: str) -> None:
        """Raise ForbiddenError, with a line in the log, unless the guard returns True and nothing else."""
        try:
            answer: object = self._may(event, channel)
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the message is refused, and it is logged
            self._log(event, channel, logging.ERROR, "authorize has raised", error)
        else:
            # A coroutine, or a user in the place of a decision, is true as well.
            if answer is True:
                return
            if answer is False:
                self._log(event, channel, logging.INFO, "authorize does not allow it")
            else:
                _close(answer)
                text = f"authorize must return True or False, and has returned an object of {type(answer).__name__}"
                self._log(event, channel, logging.ERROR, text)
        raise ForbiddenError(channel)

    @staticmethod
    def _log(
        event: IpcMainEvent | IpcMainInvokeEvent,
        channel: str,
        level: int,
        reason: str,
        error: BaseException | None = None,
    ) -> None:
        text = f"A message for '{escaped(channel, 200)}' of {event.sender!r} is refused: {reason}"
        REFUSALS.log_once(event.sender, level, text, error)


def checked_authorize(authorize: Any) -> Authorization | None:
    """Return the setting `authorize`. Raises TypeError, with advice, where it could not decide."""
    if authorize is None:
        return None
    if not callable(authorize):
        raise TypeError(f"{_EXPECTED}; got an object of the type {type(authorize).__name__}")
    function = callable_of(authorize)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        text = "it decides while a message waits, and cannot wait itself: load what it needs in authenticate"
        raise TypeError(f"{_EXPECTED}; got the async function {name_of(authorize)}: {text}")
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{_EXPECTED}; got the generator {name_of(authorize)}")
    _refuse_signature(authorize)
    return Authorization(authorize)


def _refuse_signature(authorize: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(authorize)
    except ValueError:
        # Some builtins have none.
        return
    try:
        signature.bind(None, "channel")
    except TypeError:
        raise TypeError(f"{_EXPECTED}; got {name_of(authorize)}{signature}") from None


def _close(answer: object) -> None:
    """Close a coroutine, which would warn that it was never awaited."""
    if inspect.iscoroutine(answer):
        answer.close()
