"""The calls of the application's listeners: of a message, of a new tab, of the end of a document.

Each says how it is called and what becomes of what it raises. What a listener returns is ignored, as in Electron; a
coroutine is awaited. The call of a handler is in invoke_job.py, that of a listener of `sendSync` in sync_job.py.
"""

import asyncio
import inspect
import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.exceptions import HTTPException

from webipc.channels.complaint import ArgumentError
from webipc.channels.emitter import EventEmitter
from webipc.channels.handler import Handler
from webipc.concurrency.job_queue import SERVER_ENDS
from webipc.dispatch.authorization import Authorization, ForbiddenError
from webipc.dispatch.solving import solved
from webipc.electron.ipc_event import IpcMainEvent
from webipc.link.connection import Connection
from webipc.logs.lines import escaped
from webipc.logs.refusals import REFUSALS

logger = logging.getLogger("webipc")


class _Job:
    """What the jobs of listeners have in common."""

    __slots__ = ()

    def settle(self, value: Any) -> None:
        """Ignore what a listener returns."""


class CallJob(_Job):
    """One function that is no listener of a channel: a listener for new tabs, or the end of a document."""

    __slots__ = ("_args", "_function", "_name")

    def __init__(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        """`name` is what the log calls it."""
        self._name = name
        self._function = function
        self._args = args

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Call the function; return its coroutine, if it is an `async def`."""
        returned = self._function(*self._args)
        return returned if inspect.iscoroutine(returned) else None

    def fail(self, error: BaseException) -> None:
        """Log what the function has raised."""
        _report("%s %s", error, self._name)

    def describe(self) -> str:
        """Name the function for the log."""
        return self._name


class AuthorizeJob(_Job):
    """The guard of the application, before the calls of one message: an exception of it ends them all."""

    __slots__ = ("_authorization", "_channel", "_denied", "_event")

    def __init__(
        self,
        authorization: Authorization,
        event: IpcMainEvent,
        channel: str,
        denied: Callable[[ForbiddenError], None],
    ) -> None:
        """`denied` is called when the message is refused."""
        self._authorization = authorization
        self._event = event
        self._channel = channel
        self._denied = denied

    def start(self) -> None:
        """Raise ForbiddenError when the page may not use the channel."""
        self._authorization.require(self._event, self._channel)

    def fail(self, error: BaseException) -> None:
        """Refuse the message. What was raised is logged already."""
        self._denied(error if isinstance(error, ForbiddenError) else ForbiddenError(self._channel))

    def describe(self) -> str:
        """Name it for the log."""
        return f"authorize, for '{self._channel}',"


class EmitJob(_Job):
    """The listeners of one event of an emitter, such as `ipc-message` or `frame-created` of a web contents."""

    __slots__ = ("_args", "_emitter", "_name")

    def __init__(self, emitter: EventEmitter, name: str, *args: Any) -> None:
        """`args` begin with the event object."""
        self._emitter = emitter
        self._name = name
        self._args = args

    def start(self) -> None:
        """Emit the event."""
        self._emitter.emit(self._name, *self._args)

    def fail(self, error: BaseException) -> None:
        """Log what a listener has raised, and drop the event."""
        logger.error("A listener for '%s' of %r raised", self._name, self._emitter, exc_info=error)
        # The event ends with its last holder, and a page may wait for that.
        del self._args
        _let_go(error)

    def describe(self) -> str:
        """Name the event for the log."""
        return f"A listener for '{self._name}' of {self._emitter!r}"


class ListenerJob(_Job):
    """One `on` listener of a message."""

    __slots__ = ("_args", "_connection", "_event", "_handler")

    def __init__(self, connection: Connection, handler: Handler, event: IpcMainEvent, args: list[Any]) -> None:
        self._connection = connection
        self._handler = handler
        self._event = event
        self._args = args

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Call the listener with arguments that fit its annotations; return its coroutine, if it is an `async def`."""
        handler = self._handler
        if handler.needs is not None:
            return self._solve_and_call(handler)
        returned = handler.function(self._event, *handler.bind(self._args))
        return returned if inspect.iscoroutine(returned) else None

    async def _solve_and_call(self, handler: Handler) -> None:
        async with solved(self._connection, handler, self._event) as values:
            await handler.called(self._event, self._args, values)

    def fail(self, error: BaseException) -> None:
        """Log what the listener has raised, or why it was not called."""
        if isinstance(error, ArgumentError):
            text = f"A listener for '{self._handler.channel}' was not called: {escaped(str(error))}"
            REFUSALS.log(self._event.sender, logging.INFO, text)
        elif isinstance(error, HTTPException):
            # What the application tells a page that may not do this; nobody waits for it here.
            text = f"A listener for '{self._handler.channel}' was refused: {escaped(str(error))}"
            REFUSALS.log(self._event.sender, logging.INFO, text)
        else:
            _report("A listener for '%s' %s", error, self._handler.channel)

    def describe(self) -> str:
        """Name the listener for the log."""
        return f"The listener {self._handler.name} for '{self._handler.channel}'"


class LastHolderJob(ListenerJob):
    """One `on` listener of a `sendSync` or `postMessage`, whose event ends with its last holder.

    Then the page gets "reply was never sent", or the close of its ports.
    """

    __slots__ = ()

    def fail(self, error: BaseException) -> None:
        """Log what the listener has raised, and drop the event."""
        super().fail(error)
        del self._event
        # What ran this job is in the traceback as well.
        _let_go(error)


def _report(text: str, error: BaseException, what: str) -> None:
    """Log what became of a listener. One that still waited when the server ended has done nothing wrong."""
    if isinstance(error, asyncio.CancelledError) and error.args == (SERVER_ENDS,):
        return
    if isinstance(error, asyncio.CancelledError):
        logger.warning(text, what, "was cancelled")
    else:
        logger.error(text, what, "raised", exc_info=error)


def _let_go(error: BaseException) -> None:
    """Clear what the frames of a traceback hold, once it is logged; those of the errors behind it as well.

    A log handler that keeps the record would otherwise keep the event, and a page would stay blocked for ever.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        waiting += (one.__cause__, one.__context__)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
