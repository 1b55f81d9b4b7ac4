"""The calls of the application's listeners: one for each listener of a message, of a new tab, of the end of a document.

Each says how it is called and what becomes of what it raises; nobody waits for what it returns. Must not know in which
order they are made (router.py), nor when they run (concurrency/job_queue.py, where `Job` is). The call of a handler,
which answers, is in router.py.
"""

import asyncio
import inspect
import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from webipc.channels.handler import Handler
from webipc.electron.ipc_event import IpcMainEvent, WebContentsEvent
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain

logger = logging.getLogger("webipc")


class CreatedJob:
    """One listener for new tabs."""

    __slots__ = ("_event", "_listener")

    def __init__(self, listener: Callable[..., Any], event: WebContentsEvent) -> None:
        self._listener = listener
        self._event = event

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """See `Job`."""
        returned = self._listener(self._event, self._event.sender)
        return returned if inspect.iscoroutine(returned) else None

    def settle(self, value: Any) -> None:
        """Whatever a listener returns is nobody's."""

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        _report("A listener for new web contents %s", error)

    def describe(self) -> str:
        """See `Job`."""
        return f"The listener {self._listener!r} for new web contents"


class FrameCreatedJob:
    """The `frame-created` listeners of a tab."""

    __slots__ = ("_contents", "_event", "_frame")

    def __init__(self, contents: WebContents, event: WebContentsEvent, frame: WebFrameMain) -> None:
        self._contents = contents
        self._event = event
        self._frame = frame

    def start(self) -> None:
        """See `Job`."""
        self._contents.emit("frame-created", self._event, {"frame": self._frame})

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        logger.error("A listener for 'frame-created' of %r raised", self._contents, exc_info=error)

    def describe(self) -> str:
        """See `Job`."""
        return "a listener for 'frame-created'"


class GoneJob:
    """The end of a document, in its place behind what it has sent."""

    __slots__ = ("_frame",)

    def __init__(self, frame: WebFrameMain) -> None:
        self._frame = frame

    def start(self) -> None:
        """See `Job`."""
        self._frame._dispose()  # noqa: SLF001 - a frame does not end by its own hand

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        logger.error("%r could not be disposed", self._frame, exc_info=error)

    def describe(self) -> str:
        """See `Job`."""
        return f"the end of {self._frame!r}"


class EmitJob:
    """The `ipc-message` or `ipc-message-sync` listeners of a tab."""

    __slots__ = ("_args", "_channel", "_contents", "_event", "_name")

    def __init__(self, contents: WebContents, name: str, event: IpcMainEvent, channel: str, args: list[Any]) -> None:
        self._contents = contents
        self._name = name
        self._event = event
        self._channel = channel
        self._args = args

    def start(self) -> None:
        """See `Job`."""
        self._contents.emit(self._name, self._event, self._channel, *self._args)

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        logger.error("A listener for '%s' of %r raised", self._name, self._contents, exc_info=error)
        del self._event
        _let_go(error)

    def describe(self) -> str:
        """See `Job`."""
        return f"a listener for '{self._name}' ({self._channel!r})"


class ListenerJob:
    """One `on` listener. What it returns is ignored, as in Electron."""

    __slots__ = ("_args", "_event", "_handler")

    def __init__(self, handler: Handler, event: IpcMainEvent, args: list[Any]) -> None:
        self._handler = handler
        self._event = event
        self._args = args

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """See `Job`."""
        handler = self._handler
        returned = handler.function(self._event, *handler.bind(self._args))
        return returned if inspect.iscoroutine(returned) else None

    def settle(self, value: Any) -> None:
        """Whatever a listener returns is nobody's."""

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        _report("A listener for '%s' %s", error, self._handler.channel)

    def describe(self) -> str:
        """See `Job`."""
        return f"The listener {self._handler.name} for '{self._handler.channel}'"


class LastHolderJob(ListenerJob):
    """One `on` listener whose event ends with the last who holds it: a page waits for an answer, or has sent ports."""

    __slots__ = ()

    def fail(self, error: BaseException) -> None:
        """See `Job`."""
        super().fail(error)
        # Whoever ran this turn is in the traceback as well.
        del self._event
        _let_go(error)


def _report(text: str, error: BaseException, *what: str) -> None:
    """Say in the log what became of a listener. One that still waited when the server ended has done nothing wrong."""
    if isinstance(error, asyncio.CancelledError):
        logger.warning(text, *what, "was cancelled")
    else:
        logger.error(text, *what, "raised", exc_info=error)


def _let_go(error: BaseException) -> None:
    """Clear what the frames of a traceback hold, once it is logged; those of the errors behind it as well.

    Whoever keeps the log record would otherwise keep the event, and a page would stay blocked that nobody answers.
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
