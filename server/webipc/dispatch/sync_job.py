"""The call of a listener of `sendSync`: a page is blocked until `event.return_value` is set (PROTOCOL.md 4.6).

Tells when it has returned. What the listener has answered is not sent before its dependencies are closed.
"""

from collections.abc import Coroutine
from typing import Any

from starlette.exceptions import HTTPException

from webipc.channels.handler import Handler
from webipc.dispatch.cycles import Returns
from webipc.dispatch.listener_jobs import LastHolderJob
from webipc.dispatch.replies import Replies
from webipc.dispatch.solving import solved
from webipc.electron.ipc_event import IpcMainEvent
from webipc.link.connection import Connection


class SyncJob(LastHolderJob):
    """One `on` listener of a `sendSync`."""

    __slots__ = ("_is_suspended", "_replies", "_returns")

    def __init__(
        self,
        connection: Connection,
        handler: Handler,
        event: IpcMainEvent,
        args: list[Any],
        returns: Returns,
        replies: Replies,
    ) -> None:
        """`returns` is told when it has returned; `replies` encodes what refuses the call."""
        super().__init__(connection, handler, event, args)
        self._returns = returns
        self._replies = replies
        # Whether `settle` or `fail` tells of its end, and not `start`.
        self._is_suspended = False

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Call the listener; return its coroutine, if it is an `async def`."""
        needs = self._handler.needs
        coroutine = self._solve_and_hold() if needs is not None and needs.closes else super().start()
        if coroutine is not None:
            self._is_suspended = True
            self._returns.begin()
        return coroutine

    async def _solve_and_hold(self) -> None:
        """Solve the dependencies and call the listener; hold its answer until the dependencies are closed."""
        handler, call = self._handler, self._returns.call
        is_held = is_closed = False
        try:
            async with solved(self._connection, handler, self._event) as values:
                is_held = True
                call.hold()
                await handler.called(self._event, self._args, values)
            is_closed = True
        finally:
            if is_held:
                call.let_go(is_closed=is_closed)

    def settle(self, value: Any) -> None:
        """Note that it has returned."""
        self._returns.end()

    def fail(self, error: BaseException) -> None:
        """Log what it has raised, drop the event, and note that it has returned.

        An HTTPException, of a dependency or of itself, is the error of the page's call if no other listener answers.
        """
        if isinstance(error, HTTPException):
            call, page = self._returns.call, self._event.sender
            call.answer_otherwise(self._replies.error(call.call_id, self._handler.channel, error, page))
        super().fail(error)
        if self._is_suspended:
            self._returns.end()
