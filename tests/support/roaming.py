"""Pages whose sockets and requests arrive at any worker: what a load balancer without a memory does to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.several_workers import OneWorker
from webipc.testing import Renderer


def arrives_at(page: Renderer, worker: OneWorker) -> None:
    """Let every socket and request of a page arrive at this worker from now on."""
    page._connection.client.app = worker.app


async def reconnects_at(page: Renderer, worker: OneWorker) -> None:
    """Lose the socket of a page without a goodbye; the next one arrives at this worker."""
    await page.disconnect()
    arrives_at(page, worker)
    await page.connect()


def from_address(app: ASGIApp, address: str) -> ASGIApp:
    """Return an application whose clients come from an address."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "client": (address, 1)}, receive, send)

    return call


class Wiretap:
    """What one worker has said to the others since this was made: kinds, heads and rows, in order."""

    def __init__(self, worker: OneWorker) -> None:
        self.said: list[tuple[str, Mapping[str, Any], list[bytes]]] = []
        self._post = worker.bus.post
        # In the place of the method, which is called all the same.
        worker.bus.__dict__["post"] = self._noted

    def _noted(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        self.said.append((kind, dict(head), list(rows)))
        self._post(worker, kind, head, rows)

    def rows(self, *kinds: str) -> list[bytes]:
        """Return the rows of all messages of these kinds."""
        return [row for kind, _, rows in self.said if kind in kinds for row in rows]

    def count(self, *kinds: str) -> int:
        """Return how many messages of these kinds there were."""
        return sum(kind in kinds for kind, _, _ in self.said)
