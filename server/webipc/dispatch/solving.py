"""`solved`: the dependencies of one call, with a fair share of FastAPI's threads for each page.

`def` dependencies run in the threads that FastAPI has for its routes as well. Without a share, a page with many calls
would have them all.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from webipc.budget.threads import FairThreads
from webipc.channels.handler import Handler
from webipc.concurrency.job_queue import SERVER_ENDS
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent
from webipc.link.connection import Connection


def solved(
    connection: Connection, handler: Handler, event: IpcMainEvent | IpcMainInvokeEvent
) -> AbstractAsyncContextManager[dict[str, Any]]:
    """Return what solves the dependencies of a handler for one call: `async with` it (see `Handler.solved`)."""
    assert handler.needs is not None, "a function with dependencies"
    return _in_turn(connection, handler, event) if handler.needs.needs_threads else handler.solved(event)


@asynccontextmanager
async def _in_turn(
    connection: Connection, handler: Handler, event: IpcMainEvent | IpcMainInvokeEvent
) -> AsyncIterator[dict[str, Any]]:
    threads, payer = connection.around.borrowed_threads, connection.holdings.payer
    async with AsyncExitStack() as stack:
        await _enter(threads, payer, connection)
        try:
            values = await stack.enter_async_context(handler.solved(event))
        finally:
            # Closing needs no turn: those that have one may wait for what is closed, such as a place in a pool.
            threads.leave(payer)
        yield values


async def _enter(threads: FairThreads, payer: Hashable, connection: Connection) -> None:
    """Wait for a thread of FastAPI. Raises CancelledError when the link or the server ends before."""
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(ended: "Future[None]") -> None:
        if ended.cancelled():
            turn.cancel(SERVER_ENDS)
        elif turn.done():
            # The call was cancelled while it waited.
            threads.leave(payer)
        else:
            turn.set_result(None)

    threads.enter(payer, connection, begin)
    try:
        await turn
    except asyncio.CancelledError:
        if not turn.cancelled():
            # Its turn had come, and it was cancelled before it could go on.
            threads.leave(payer)
        raise
