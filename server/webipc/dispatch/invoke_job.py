"""The call of a handler: one `invoke` of a page, answered exactly once, unless the link has ended by then.

`async def` runs in the event loop, `def` in a worker thread (docs/electron-parity.md, invoke). Dependencies are solved
in the event loop before either, and closed when the answer is encoded, before it is sent.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from webipc.access.caller import Caller
from webipc.budget.threads import FairThreads
from webipc.channels.handler import Handler
from webipc.concurrency.job_queue import SERVER_ENDS, Held
from webipc.core.frame import EncodedMessage
from webipc.dispatch.authorization import Authorization
from webipc.dispatch.replies import Replies, ReplyNeverSentError
from webipc.dispatch.solving import solved
from webipc.dispatch.thread_outcome import ThreadOutcome
from webipc.electron.document import Document
from webipc.electron.ipc_event import IpcMainInvokeEvent
from webipc.link.connection import Connection

# What a call with dependencies gives its job: it has answered itself.
_ANSWERED: Final = object()


class Invoker:
    """What every call of a handler works with: who finds the handler, where it runs, and how it is answered."""

    def __init__(
        self,
        find: Callable[[Document, str], Handler],
        replies: Replies,
        threads: FairThreads,
        tasks: set[asyncio.Task[Any]],
        authorization: Authorization | None,
    ) -> None:
        """`find` returns the handler for one call or raises NoHandlerError.

        `threads` runs `def` handlers. `tasks` keeps alive what runs beyond the call. `authorization` is asked before
        the handler is looked up; None where every page may use each channel.
        """
        self.authorization = authorization
        self.find = find
        self.replies = replies
        self.threads = threads
        self._tasks = tasks

    def await_later(self, awaitable: Awaitable[Any], done: "Callable[[asyncio.Future[Any]], None]") -> None:
        """Run the awaitable that a plain function has returned."""
        task = asyncio.ensure_future(_awaited(awaitable))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(done)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class InvokeJob:
    """One call."""

    __slots__ = ("_args", "_caller", "_channel", "_connection", "_held", "_id", "_invoker", "_narrow")

    def __init__(
        self,
        invoker: Invoker,
        connection: Connection,
        caller: Caller,
        call_id: int,
        channel: str,
        args: list[Any],
    ) -> None:
        self._invoker = invoker
        self._connection = connection
        self._caller = caller
        self._id = call_id
        self._channel = channel
        self._args = args
        # What it holds while a thread runs it, or is waited for.
        self._held: Held | None = None
        # Narrows the result to the handler's return annotation, if that has a model.
        self._narrow: Callable[[Any], Any] | None = None

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Find the handler and call it: return the coroutine of an `async def`, and run a `def` in a thread."""
        document = self._connection.document
        event = IpcMainInvokeEvent(document, self._caller)
        if self._invoker.authorization is not None:
            self._invoker.authorization.require(event, self._channel)
        # Only now: a listener of the message before this one may have registered it.
        handler = self._invoker.find(document, self._channel)
        self._narrow = handler.narrow
        if handler.needs is not None:
            return self._solve(handler, event)
        if handler.is_async:
            coroutine: Coroutine[Any, Any, Any] = handler.function(event, *handler.bind(self._args))
            return coroutine
        self._run_in_thread(handler, event)
        return None

    def _run_in_thread(self, handler: Handler, event: IpcMainInvokeEvent) -> None:
        run = partial(copy_context().run, self._call, handler, event)
        connection = self._connection
        self._held = connection.jobs.held
        if self._held is not None:
            self._held.open()
        self._invoker.threads.run(connection.holdings.payer, connection, run, self._thread_done)

    async def _solve(self, handler: Handler, event: IpcMainInvokeEvent) -> Any:
        """Solve the dependencies, call the handler, encode, close the dependencies, and answer."""
        async with solved(self._connection, handler, event) as values:
            if handler.is_async:
                message = self._encoded(await handler.called(event, self._args, values))
            else:
                message = await self._called_in_thread(handler, event, values)
        self._answer(message)
        return _ANSWERED

    async def _called_in_thread(
        self, handler: Handler, event: IpcMainInvokeEvent, values: dict[str, Any]
    ) -> EncodedMessage:
        connection = self._connection
        thread = ThreadOutcome()
        run = partial(copy_context().run, self._call, handler, event, values)
        self._invoker.threads.run(connection.holdings.payer, connection, run, thread.ended)
        returned = await thread.wait()
        return self._encoded(await returned) if inspect.isawaitable(returned) else returned

    def _encoded(self, value: Any) -> EncodedMessage:
        return self._invoker.replies.result(self._id, value if self._narrow is None else self._narrow(value))

    def _call(self, handler: Handler, event: IpcMainInvokeEvent, values: dict[str, Any] | None = None) -> Any:
        """Validate, call and encode in the worker thread, so that large values do not block the event loop.

        `values` is what was solved for it.
        """
        try:
            if values is None:
                returned = handler.function(event, *handler.bind(self._args))
            else:
                returned = handler.called(event, self._args, values)
        except StopIteration as error:
            # A future cannot hold a StopIteration. A coroutine converts it in the same way (PEP 479).
            raise RuntimeError("handler raised StopIteration") from error
        if inspect.isawaitable(returned):
            return returned
        return self._encoded(returned)

    def _thread_done(self, future: "Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None and inspect.isawaitable(future.result()):
            # A plain function that returns a coroutine, as `handle("x", lambda event: answer(event))` does.
            self._invoker.await_later(future.result(), self._task_done)
            return
        self._release()
        if future.cancelled():
            # It waited for a thread, and its link or the server has ended.
            if not self._connection.ended:
                self.fail(asyncio.CancelledError())
        elif (error := future.exception()) is not None:
            self.fail(error)
        else:
            self._answer(future.result())

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _task_done(self, future: "asyncio.Future[Any]") -> None:
        self._release()
        if future.cancelled():
            self.fail(asyncio.CancelledError())
        elif (error := future.exception()) is not None:
            self.fail(error)
        else:
            self.settle(future.result())

    def settle(self, value: Any) -> None:
        """Answer with what the handler has returned."""
        if value is _ANSWERED or self._connection.ended:
            return
        try:
            if self._narrow is not None:
                value = self._narrow(value)
            message = self._invoker.replies.result(self._id, value)
        except Exception as error:  # noqa: BLE001 - a value's own code runs while it is encoded
            self.fail(error)
        else:
            self._answer(message)

    def fail(self, error: BaseException) -> None:
        """Answer with what the handler has raised."""
        if isinstance(error, asyncio.CancelledError):
            if error.args == (SERVER_ENDS,):
                self._answer(self._invoker.replies.refusal(self._id, ReplyNeverSentError()))
                return
            error = ReplyNeverSentError()
        contents = self._connection.document.tab.contents
        self._answer(self._invoker.replies.error(self._id, self._channel, error, contents))

    def _answer(self, message: EncodedMessage) -> None:
        # After the end of the link the answer is dropped.
        if self._connection.answers.finish(self._id):
            self._connection.post_here(message)

    def describe(self) -> str:
        """Name the handler for the log."""
        return f"The handler for '{self._channel}'"
