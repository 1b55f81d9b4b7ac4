"""Pages whose sockets and requests arrive at any worker: what a load balancer without a memory does to them."""

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
