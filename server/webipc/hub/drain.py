"""`Drain`: lets what runs end before the process does, so that its answers arrive.

The server calls it before it closes a socket (servers/server.py). `Hub.stop` does the rest, and is all that happens
under a server that closes its sockets first.
Reasons and figures: docs/adr/0025-what-runs-may-end.md
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Final

from webipc.budget.threads import FairThreads
from webipc.concurrency.job_queue import SERVER_ENDS
from webipc.core.errors import CloseCode
from webipc.dispatch.replies import Replies, ReplyNeverSentError
from webipc.link.connection import Connection
from webipc.link.last_calls import LastCalls

logger = logging.getLogger("webipc")

REASON: Final = "drained"
"""The reason of the close frame: the process took nothing that it has not acknowledged (PROTOCOL.md 6.5)."""

FLUSH_SECONDS: Final = 2.0
"""How long it may take until everything is written."""
CANCEL_SECONDS: Final = 0.5
"""How long code that was cancelled may take to end."""
_LOOK_SECONDS: Final = 0.02


class Drain:
    """The end of all links of a hub."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, links: Iterable[Connection], threads: FairThreads, replies: Replies
    ) -> None:
        """`links` gives the links that there are at the moment."""
        self._loop = loop
        self._links = links
        self._threads = threads
        self._replies = replies

    async def run(self, seconds: float, hurry: asyncio.Event) -> None:
        """Wait until nothing runs, for at most so many seconds or until `hurry` is set; then close every socket."""
        for connection in self._links:
            connection.last_calls = LastCalls()
        if count := _count(self._links):
            logger.info("The server ends when %d calls have ended, after %g seconds at most", count, round(seconds, 1))
        await self._until(self._nothing_runs, seconds, hurry)
        for connection in self._links:
            connection.syncs.turn_away()
        # The requests that were turned away leave first: a listener that is cancelled answers its call.
        await asyncio.sleep(_LOOK_SECONDS)
        if count := await cancel_rest(list(self._links), self._replies):
            logger.info("%d calls were still running when the server ended, and were cancelled", count)
        for connection in self._links:
            connection.flush(beyond_window=True)
        await self._until(self._all_is_sent, FLUSH_SECONDS, hurry)
        for connection in self._links:
            _close(connection)

    def _nothing_runs(self) -> bool:
        return not self._threads.waiting and not any(_has_calls(connection) for connection in self._links)

    def _all_is_sent(self) -> bool:
        return not any(_has_unsent(connection) for connection in self._links)

    async def _until(self, fact: Callable[[], bool], seconds: float, hurry: asyncio.Event) -> None:
        """Wait for a fact by looking for it: what brings it about does not have to know of this."""
        end = self._loop.time() + seconds
        while not fact() and not hurry.is_set() and self._loop.time() < end:  # noqa: ASYNC110 - there is no such event
            await asyncio.sleep(_LOOK_SECONDS)


async def cancel_rest(connections: Collection[Connection], replies: Replies) -> int:
    """Cancel what still runs for these links, and answer their calls. Return how many calls there were."""
    count = _count(connections)
    cancelled = [task for connection in connections for task in connection.jobs.suspended or ()]
    for task in cancelled:
        task.cancel(SERVER_ENDS)
    if cancelled:
        await asyncio.wait(cancelled, timeout=CANCEL_SECONDS)
    for connection in connections:
        _answer_rest(connection, replies)
    return count


def _count(connections: Iterable[Connection]) -> int:
    """Return how many calls run. A listener has no answer, and what runs in a thread no task."""
    return sum(max(len(link.answers), len(link.jobs.suspended or ())) for link in connections)


def _answer_rest(connection: Connection, replies: Replies) -> None:
    """Answer the calls whose code cannot be cancelled: it runs in a thread."""
    for call_id in connection.answers.open_ids:
        # A page that is blocked in a call asks the next process.
        if not connection.syncs.has(call_id) and connection.answers.finish(call_id):
            connection.post_here(replies.refusal(call_id, ReplyNeverSentError()))


def _has_calls(connection: Connection) -> bool:
    is_decoded = connection.unpacking is None
    return len(connection.answers) > 0 or not is_decoded or not connection.jobs.has_ended


def _has_unsent(connection: Connection) -> bool:
    transport, link = connection.transport, connection.link
    return transport is not None and (transport.blocked or link.next <= link.last)


def _close(connection: Connection) -> None:
    """Acknowledge everything that was taken, and close the socket."""
    transport = connection.transport
    if transport is not None:
        transport.write(connection.link.bare_frame())
        connection.lost(transport)
        transport.close(CloseCode.SERVICE_RESTART, REASON)
