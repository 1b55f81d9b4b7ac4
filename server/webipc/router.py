"""From a message of a page to the calls of the application's code, in Electron's order of precedence.

`send` and `sendSync` reach the tab's `ipc-message` or `ipc-message-sync` listeners, then the listeners of the frame's,
the tab's and the application's `ipc`, all of them; `postMessage` the same without the first; `invoke` reaches the first
of the three that has a handler (docs/electron-parity.md, dispatch). Must not know how a call is run (inbox.py), nor how
an answer travels (the connection numbers and keeps it).
"""

import asyncio
import inspect
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from webipc.bounds import check_size
from webipc.connection import Connection
from webipc.core import clone
from webipc.core.errors import CloneError, LimitError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.error_reply import NoHandlerError, ReplyNeverSentError, error_reply
from webipc.handler import Handler
from webipc.inbox import Turn
from webipc.ipc_event import (
    IpcMainEvent,
    IpcMainInvokeEvent,
    IpcMainPostEvent,
    IpcMainSyncEvent,
    WebContentsEvent,
)
from webipc.ipc_main_impl import IpcMainImpl
from webipc.message_port_main import MessagePortMain
from webipc.port_end import LocalEnd
from webipc.sync_calls import SyncCall
from webipc.web_contents import WebContents
from webipc.web_frame_main import WebFrameMain

logger = logging.getLogger("webipc")


class Router:
    """Finds the application's code for a message."""

    def __init__(
        self,
        ipc_main: IpcMainImpl,
        threads: Callable[[], Executor],
        tasks: set[asyncio.Task[Any]],
        limits: Limits,
        *,
        debug: bool,
    ) -> None:
        """`threads` gives the executor that runs `def` handlers, made when the first one is called."""
        self._ipc_main = ipc_main
        self._threads = threads
        # What runs beyond a call of this file is kept alive here.
        self._tasks = tasks
        self._limits = limits
        self._debug = debug

    def send(self, connection: Connection, channel: str, args: list[Any]) -> Iterator[Turn]:
        """Yield the calls for a `send`, each found when the one before it has run."""
        frame = connection.frame
        contents = frame.web_contents
        event = IpcMainEvent(frame)
        if contents.listener_count("ipc-message"):
            yield _EmitTurn(contents, "ipc-message", event, channel, args)
        for ipc in (frame._ipc_if_made, contents._ipc, self._ipc_main):  # noqa: SLF001 - unmade ones have no listeners
            if ipc is not None:
                for handler in ipc.calls(channel):
                    yield _ListenerTurn(handler, event, args)

    def sync(self, connection: Connection, call: SyncCall, args: list[Any]) -> Iterator[Turn]:
        """Yield the calls for a `sendSync`; the event is nobody's behind the last of them but the listeners'."""
        frame = connection.frame
        contents, channel = frame.web_contents, call.channel
        event = IpcMainSyncEvent(frame, call)
        has_listeners = False
        if contents.listener_count("ipc-message-sync"):
            has_listeners = True
            yield _EmitTurn(contents, "ipc-message-sync", event, channel, args)
        for ipc in (frame._ipc_if_made, contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None:
                for handler in ipc.calls(channel):
                    has_listeners = True
                    yield _LastHolderTurn(handler, event, args)
        if not has_listeners:
            text = "WebContents #%d called ipcRenderer.sendSync() with '%s' channel without listeners."
            logger.warning(text, contents.id, channel)

    def post(self, connection: Connection, channel: str, message: Any, ends: Sequence[LocalEnd]) -> Iterator[Turn]:
        """Yield the calls for a `postMessage`. Ports that no listener keeps are closed."""
        frame = connection.frame
        loop = asyncio.get_running_loop()
        event = IpcMainPostEvent(frame, [MessagePortMain(end, loop) for end in ends])
        for ipc in (frame._ipc_if_made, frame.web_contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None:
                for handler in ipc.calls(channel):
                    yield _LastHolderTurn(handler, event, [message])

    def invoke(self, connection: Connection, call_id: int, channel: str, args: list[Any]) -> Iterator[Turn]:
        """Return the call for an `invoke`: one, which answers."""
        return iter((_InvokeTurn(self, connection, call_id, channel, args),))

    def take_handler(self, frame: WebFrameMain, channel: str) -> Handler:
        """Return the handler for one call. Raises NoHandlerError."""
        for ipc in (frame._ipc_if_made, frame.web_contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None and (handler := ipc.take_handler(channel)) is not None:
                return handler
        raise NoHandlerError(channel)

    def created(
        self, frame: WebFrameMain, listeners: Sequence[Callable[..., Any]], *, is_new_tab: bool
    ) -> Iterator[Turn]:
        """Yield the calls that tell the application of a new document, before any message of it."""
        contents = frame.web_contents
        event = WebContentsEvent(contents)
        if is_new_tab:
            for listener in listeners:
                yield _CreatedTurn(listener, event)
        if contents.listener_count("frame-created"):
            yield _FrameCreatedTurn(contents, event, frame)

    def gone(self, frame: WebFrameMain) -> Iterator[Turn]:
        """Return what is run behind the last message of a document: then the frame is disposed."""
        return iter((_GoneTurn(frame),))

    def await_later(self, awaitable: Awaitable[Any], done: "Callable[[asyncio.Future[Any]], None]") -> None:
        """Run what a plain function has handed on."""
        task = asyncio.ensure_future(_awaited(awaitable))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(done)

    def threads(self) -> Executor:
        """Return where `def` handlers run."""
        return self._threads()

    def result(self, call_id: int, value: Any) -> EncodedMessage:
        """Encode an answer, in the thread that has it. Raises CloneError and LimitError."""
        message = encode_message(["result", call_id], clone.encode(value, self._limits, "result"))
        check_size(message, self._limits)
        return message

    def refusal(self, call_id: int, error: Exception) -> EncodedMessage:
        """Encode an error of the library's own, which every page may read."""
        value = {"message": f"Error: {error}", "code": getattr(error, "code", "webipc")}
        return encode_message(["error", call_id], clone.encode(value, self._limits, "error"))

    def error(self, call_id: int, channel: str, error: BaseException) -> EncodedMessage:
        """Encode what the caller may know of an error; the log gets the rest."""
        reference = secrets.token_hex(8)
        value, record = error_reply(error, channel=channel, debug=self._debug, reference=reference)
        if record is not None:
            logger.error(record, exc_info=error)
        try:
            message = encode_message(["error", call_id], clone.encode(value, self._limits, "error"))
            check_size(message, self._limits)
        except (CloneError, LimitError):
            # The `data` of an IpcError may be anything. Its text and code are still worth having.
            logger.exception("Error occurred in handler for '%s': its error cannot be sent whole", channel)
            message = encode_message(["error", call_id], clone.encode(_plain(value), self._limits, "error"))
        return message


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {key: value[key][:10_000] for key in ("message", "code", "reference") if isinstance(value.get(key), str)}


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class _CreatedTurn:
    """One listener for new tabs."""

    __slots__ = ("_event", "_listener")

    def __init__(self, listener: Callable[..., Any], event: WebContentsEvent) -> None:
        self._listener = listener
        self._event = event

    def start(self) -> Coroutine[Any, Any, Any] | None:
        returned = self._listener(self._event, self._event.sender)
        return returned if inspect.iscoroutine(returned) else None

    def settle(self, value: Any) -> None:
        """Whatever a listener returns is nobody's."""

    def fail(self, error: BaseException) -> None:
        logger.error("A listener for new web contents raised", exc_info=error)

    def describe(self) -> str:
        return f"The listener {self._listener!r} for new web contents"


class _FrameCreatedTurn:
    """The `frame-created` listeners of a tab."""

    __slots__ = ("_contents", "_event", "_frame")

    def __init__(self, contents: WebContents, event: WebContentsEvent, frame: WebFrameMain) -> None:
        self._contents = contents
        self._event = event
        self._frame = frame

    def start(self) -> None:
        self._contents.emit("frame-created", self._event, {"frame": self._frame})

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        logger.error("A listener for 'frame-created' of %r raised", self._contents, exc_info=error)

    def describe(self) -> str:
        return "a listener for 'frame-created'"


class _GoneTurn:
    """The end of a document, in its place behind what it has sent."""

    __slots__ = ("_frame",)

    def __init__(self, frame: WebFrameMain) -> None:
        self._frame = frame

    def start(self) -> None:
        self._frame._dispose()  # noqa: SLF001 - a frame does not end by its own hand

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        logger.error("%r could not be disposed", self._frame, exc_info=error)

    def describe(self) -> str:
        return f"the end of {self._frame!r}"


class _EmitTurn:
    """The `ipc-message` or `ipc-message-sync` listeners of a tab."""

    __slots__ = ("_args", "_channel", "_contents", "_event", "_name")

    def __init__(self, contents: WebContents, name: str, event: IpcMainEvent, channel: str, args: list[Any]) -> None:
        self._contents = contents
        self._name = name
        self._event = event
        self._channel = channel
        self._args = args

    def start(self) -> None:
        self._contents.emit(self._name, self._event, self._channel, *self._args)

    def settle(self, value: Any) -> None:
        """Nothing is awaited, so nothing settles."""

    def fail(self, error: BaseException) -> None:
        logger.error("A listener for '%s' of %r raised", self._name, self._contents, exc_info=error)
        del self._event
        _let_go(error)

    def describe(self) -> str:
        return f"a listener for '{self._name}' ({self._channel!r})"


class _ListenerTurn:
    """One `on` listener. What it returns is ignored, as in Electron."""

    __slots__ = ("_args", "_event", "_handler")

    def __init__(self, handler: Handler, event: IpcMainEvent, args: list[Any]) -> None:
        self._handler = handler
        self._event = event
        self._args = args

    def start(self) -> Coroutine[Any, Any, Any] | None:
        handler = self._handler
        returned = handler.function(self._event, *handler.bind(self._event, self._args))
        return returned if inspect.iscoroutine(returned) else None

    def settle(self, value: Any) -> None:
        """Whatever a listener returns is nobody's."""

    def fail(self, error: BaseException) -> None:
        logger.error("A listener for '%s' raised", self._handler.channel, exc_info=error)

    def describe(self) -> str:
        return f"The listener {self._handler.name} for '{self._handler.channel}'"


class _LastHolderTurn(_ListenerTurn):
    """One `on` listener whose event ends with the last who holds it: a page waits for an answer, or has sent ports."""

    __slots__ = ()

    def fail(self, error: BaseException) -> None:
        super().fail(error)
        # Whoever ran this turn is in the traceback as well.
        del self._event
        _let_go(error)


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


class _InvokeTurn:
    """One call of a handler, which is answered exactly once, unless the link has ended by then."""

    __slots__ = ("_args", "_channel", "_connection", "_id", "_router")

    def __init__(
        self,
        router: Router,
        connection: Connection,
        call_id: int,
        channel: str,
        args: list[Any],
    ) -> None:
        self._router = router
        self._connection = connection
        self._id = call_id
        self._channel = channel
        self._args = args

    def start(self) -> Coroutine[Any, Any, Any] | None:
        frame = self._connection.frame
        # Only now: a listener of the message before this one may have registered it.
        handler = self._router.take_handler(frame, self._channel)
        event = IpcMainInvokeEvent(frame)
        args = handler.bind(event, self._args)
        if handler.is_async:
            coroutine: Coroutine[Any, Any, Any] = handler.function(event, *args)
            return coroutine
        self._run_in_thread(handler.function, event, args)
        return None

    def _run_in_thread(self, function: Callable[..., Any], event: IpcMainInvokeEvent, args: list[Any]) -> None:
        context = copy_context()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._router.threads(), context.run, self._call, function, event, args)
        future.add_done_callback(self._thread_done)

    def _call(self, function: Callable[..., Any], event: IpcMainInvokeEvent, args: list[Any]) -> Any:
        """In the thread: the answer is encoded here as well, so that a large one holds nobody up."""
        returned = function(event, *args)
        return returned if inspect.isawaitable(returned) else self._router.result(self._id, returned)

    def _thread_done(self, future: "asyncio.Future[Any]") -> None:
        if future.cancelled():
            self.fail(asyncio.CancelledError())
        elif (error := future.exception()) is not None:
            self.fail(error)
        elif inspect.isawaitable(future.result()):
            # A plain function that hands on a coroutine, as `handle("x", lambda event: answer(event))` does.
            self._router.await_later(future.result(), self._task_done)
        else:
            self._answer(future.result())

    def _task_done(self, future: "asyncio.Future[Any]") -> None:
        if future.cancelled():
            self.fail(asyncio.CancelledError())
        elif (error := future.exception()) is not None:
            self.fail(error)
        else:
            self.settle(future.result())

    def settle(self, value: Any) -> None:
        if self._connection.ended:
            return
        try:
            message = self._router.result(self._id, value)
        except Exception as error:  # noqa: BLE001 - a value's own code runs while it is encoded
            self.fail(error)
        else:
            self._answer(message)

    def fail(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            error = ReplyNeverSentError()
        self._answer(self._router.error(self._id, self._channel, error))

    def _answer(self, message: EncodedMessage) -> None:
        connection = self._connection
        if not connection.ended and connection.answers.finish(self._id):
            connection.post_here(message)

    def describe(self) -> str:
        return f"The handler for '{self._channel}'"
