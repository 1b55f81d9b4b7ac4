"""`ThreadOutcome`: what became of a function in a thread, to be awaited by the call that it belongs to."""

import asyncio
from concurrent.futures import Future
from typing import Any

from webipc.concurrency.job_queue import SERVER_ENDS


class ThreadOutcome:
    """Made in the task that is going to wait."""

    __slots__ = ("_outcome",)

    def __init__(self) -> None:
        self._outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def ended(self, future: "Future[Any]") -> None:
        """Take the outcome: for `FairThreads.run`."""
        if future.cancelled():
            # It waited for a thread, and its link or the server has ended.
            self._outcome.cancel(SERVER_ENDS)
        elif (error := future.exception()) is not None:
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(future.result())

    async def wait(self) -> Any:
        """Return what the function has returned, or raise what it has raised.

        Raises CancelledError when it never ran. When the waiting task is cancelled, this waits on, and raises then:
        what the thread uses must not be closed under it.
        """
        cancelled: asyncio.CancelledError | None = None
        while not self._outcome.done():
            try:
                await asyncio.wait([self._outcome])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            # Its exception is retrieved: nothing else would.
            self._outcome.cancelled() or self._outcome.exception()
            raise cancelled
        return await self._outcome
