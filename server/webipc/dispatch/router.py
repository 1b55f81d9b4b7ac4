"""From a message of a page to the calls of the application's code, in Electron's order of precedence.

`send` and `sendSync` reach the tab's `ipc-message` or `ipc-message-sync` listeners, then the listeners of the frame's,
the tab's and the application's `ipc`, all of them; `postMessage` the same without the first; `invoke` reaches the
first of the three that has a handler (docs/electron-parity.md, dispatch). Must not know how a call is run
(concurrency/job_queue.py), nor how an answer travels (the connection numbers and keeps it).
"""

import asyncio
import inspect
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from webipc.channels.handler import Handler
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.job_queue import Job
from webipc.core import clone
from webipc.core.errors import CloneError, LimitError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link.sizes import check_size
from webipc.dispatch.listener_jobs import (
    CreatedJob,
    EmitJob,
    FrameCreatedJob,
    GoneJob,
    LastHolderJob,
    ListenerJob,
)
from webipc.dispatch.replies import NoHandlerError, ReplyNeverSentError, error_reply
from webipc.electron.ipc_event import (
    IpcMainEvent,
    IpcMainInvokeEvent,
    IpcMainPostEvent,
    IpcMainSyncEvent,
    WebContentsEvent,
)
from webipc.electron.message_port_main import MessagePortMain
from webipc.electron.web_frame_main import WebFrameMain
from webipc.link.connection import Connection
from webipc.link.sync_calls import SyncCall
from webipc.ports.ends import LocalEnd

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

    def send(self, connection: Connection, channel: str, args: list[Any]) -> Iterator[Job]:
        """Yield the calls for a `send`, each found when the one before it has run."""
        frame = connection.frame
        contents = frame.web_contents
        event = IpcMainEvent(frame)
        if contents.listener_count("ipc-message"):
            yield EmitJob(contents, "ipc-message", event, channel, args)
        for ipc in (frame._ipc_if_made, contents._ipc, self._ipc_main):  # noqa: SLF001 - unmade ones have no listeners
            if ipc is not None:
                for handler in ipc.calls(channel):
                    yield ListenerJob(handler, event, args)

    def sync(self, connection: Connection, call: SyncCall, args: list[Any]) -> Iterator[Job]:
        """Yield the calls for a `sendSync`; the event is nobody's behind the last of them but the listeners'."""
        frame = connection.frame
        contents, channel = frame.web_contents, call.channel
        event = IpcMainSyncEvent(frame, call)
        has_listeners = False
        if contents.listener_count("ipc-message-sync"):
            has_listeners = True
            yield EmitJob(contents, "ipc-message-sync", event, channel, args)
        for ipc in (frame._ipc_if_made, contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None:
                for handler in ipc.calls(channel):
                    has_listeners = True
                    yield LastHolderJob(handler, event, args)
        if not has_listeners:
            text = "WebContents #%d called ipcRenderer.sendSync() with '%s' channel without listeners."
            logger.warning(text, contents.id, channel)

    def post(self, connection: Connection, channel: str, message: Any, ends: Sequence[LocalEnd]) -> Iterator[Job]:
        """Yield the calls for a `postMessage`. Ports that no listener keeps are closed."""
        frame = connection.frame
        loop = asyncio.get_running_loop()
        event = IpcMainPostEvent(frame, [MessagePortMain(end, loop) for end in ends])
        for ipc in (frame._ipc_if_made, frame.web_contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None:
                for handler in ipc.calls(channel):
                    yield LastHolderJob(handler, event, [message])

    def invoke(self, connection: Connection, call_id: int, channel: str, args: list[Any]) -> Job:
        """Return the call for an `invoke`, which answers."""
        return _InvokeJob(self, connection, call_id, channel, args)

    def take_handler(self, frame: WebFrameMain, channel: str) -> Handler:
        """Return the handler for one call. Raises NoHandlerError."""
        for ipc in (frame._ipc_if_made, frame.web_contents._ipc, self._ipc_main):  # noqa: SLF001 - as above
            if ipc is not None and (handler := ipc.take_handler(channel)) is not None:
                return handler
        raise NoHandlerError(channel)

    def created(
        self, frame: WebFrameMain, listeners: Sequence[Callable[..., Any]], *, is_new_tab: bool
    ) -> Iterator[Job]:
        """Yield the calls that tell the application of a new document, before any message of it."""
        contents = frame.web_contents
        event = WebContentsEvent(contents)
        if is_new_tab:
            for listener in listeners:
                yield CreatedJob(listener, event)
        if contents.listener_count("frame-created"):
            yield FrameCreatedJob(contents, event, frame)

    def gone(self, frame: WebFrameMain) -> Iterator[Job]:
        """Return what is run behind the last message of a document: then the frame is disposed."""
        return iter((GoneJob(frame),))

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


class _InvokeJob:
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
        args = handler.bind(self._args)
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
        try:
            returned = function(event, *args)
        except StopIteration as error:
            # A future takes none of these; a coroutine turns it into this as well (PEP 479).
            raise RuntimeError("handler raised StopIteration") from error
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
        # A link that has ended takes nothing.
        if self._connection.answers.finish(self._id):
            self._connection.post_here(message)

    def describe(self) -> str:
        return f"The handler for '{self._channel}'"
