"""A worker of test_local_faults.py: answers what is said to all, counts to its sender, and ends with its parent."""

import asyncio
import os
import secrets

from webipc.cluster.bus.bus import Said, SaidToAll
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.local.local_connection import inherited


class Worker:
    """What it does with what it hears."""

    bus: LocalBus

    def __init__(self) -> None:
        self.number = 0

    def count(self, origin: str) -> None:
        for _ in range(20):
            self.bus.post(origin, "say", {"n": self.number})
            self.number += 1
        asyncio.get_running_loop().call_later(0.001, self.count, origin)

    def received_by_all(self, message: SaidToAll) -> None:
        self.count(message.said.origin)

    def received(self, said: Said) -> None: ...
    def gap(self) -> None: ...
    def missed(self, count: int) -> None: ...
    def lost(self, worker: str) -> None: ...
    def forgotten(self) -> None: ...
    def lapsed(self) -> None: ...


async def main() -> None:
    connection = inherited()
    assert connection is not None
    connection.on_lost = lambda: os._exit(7)
    worker = Worker()
    worker.bus = LocalBus(connection, "/ipc", secrets.token_hex(8), (1,))
    await worker.bus.begin(worker)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
