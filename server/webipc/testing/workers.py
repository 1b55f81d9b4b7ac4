"""`Workers`: several workers of an application in the process of the test, as `webipc run --workers` starts them."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self, overload

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.mount import mounts
from webipc.testing.client import ASGIApp, Message
from webipc.testing.lifespan import Lifespan

_MANY_TURNS: Final = 1_000


class Reached:
    """One worker, as a browser reaches it: nothing of it is reached any more when it was killed."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is its application."""
        self.app = app
        self.lifespan = Lifespan(app)
        self.buses: list[MemoryBus] = []
        self.is_dead = False
        self._sockets: set[asyncio.Task[Any]] = set()

    @property
    def router(self) -> Any:
        """What the application's own is: where its mounts are found."""
        return getattr(self.app, "router", None)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Be the application, while it lives. Raises ConnectionError for a request when it does not."""
        if self.is_dead:
            if scope["type"] == "http":
                raise ConnectionError("this worker was killed")
            return
        task = asyncio.current_task()
        if scope["type"] != "websocket" or task is None:
            await self.app(scope, receive, send)
            return
        self._sockets.add(task)
        try:
            await self.app(scope, receive, send)
        finally:
            self._sockets.discard(task)

    async def kill(self) -> None:
        """Lose every socket, and be dead to the others."""
        self.is_dead = True
        for bus in self.buses:
            bus.kill()
        sockets = list(self._sockets)
        for task in sockets:
            task.cancel()
        if sockets:
            await asyncio.wait(sockets)


class Workers(Sequence[Reached]):
    """Several workers of one application. Each has an application of its own, which a function makes.

        async with Workers(make_app) as workers, Browser(workers) as browser:
            async with browser.open(at=0) as page:
                await page.reconnect(at=1)
                assert await page.invoke("whoami") == "ada"

    What `webipc run --workers` or a load balancer would choose, the test names: each page, socket and request arrives
    at the worker that `at` says. The bus between the workers is in memory, the rest is as with real processes.
    """

    def __init__(self, make_app: Callable[[], ASGIApp], count: int = 2) -> None:
        """`make_app` returns a new application with an `IpcMain` that is mounted on it, each time that it is called.

        Module-level objects that it uses are shared by all workers, unlike those of processes. Raises ValueError when
        `count` is less than 1.
        """
        if count < 1:
            raise ValueError(f"expected at least one worker, got {count}")
        self._make_app = make_app
        self._count = count
        self._boards: dict[str, Switchboard] = {}
        self._workers: list[Reached] = []

    @overload
    def __getitem__(self, place: int) -> Reached: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Reached]: ...
    def __getitem__(self, place: int | slice) -> Reached | Sequence[Reached]:
        """Return a worker. Its `app` is its application."""
        return self._workers[place]

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[Reached]:
        return iter(self._workers)

    async def start(self) -> int:
        """Start one more worker, and return its place: the value for `at`. Raises RuntimeError if it does not start."""
        worker = Reached(self._make_app())
        found = mounts(worker.app)
        if not found:
            raise ValueError("expected an application with an IpcMain that is mounted on it, got one without")

        def make_bus(realm: str, name: str, formats: Sequence[int]) -> MemoryBus:
            board = self._boards.setdefault(realm, Switchboard(time.monotonic))
            worker.buses.append(MemoryBus(board, name, formats))
            return worker.buses[-1]

        for mount in found:
            mount.share(make_bus)
        await worker.lifespan.start()
        self._workers.append(worker)
        await self._know_each_other()
        return len(self._workers) - 1

    async def stop(self, at: int) -> None:
        """End a worker in good order, as a deploy does: its tabs go on in the others when their pages connect again."""
        await self._workers[at].lifespan.stop()
        self._workers[at].is_dead = True
        await self._know_each_other()

    async def kill(self, at: int) -> None:
        """Let a worker die, as by `kill -9`: its sockets are lost, and its tabs.

        What its handlers do from then on reaches nobody, but they are not stopped: they run in the test's process.
        """
        await self._workers[at].kill()
        await self._know_each_other()

    async def _know_each_other(self) -> None:
        """Wait until the workers that live have heard of each other, and of those that do not any more."""
        for _ in range(_MANY_TURNS):
            await asyncio.sleep(0)
            if all(set(self._names(bus)) == self._living(bus) for worker in self._workers for bus in worker.buses):
                return

    def _names(self, bus: MemoryBus) -> Iterator[str]:
        return (member.worker for member in bus.members) if bus.is_connected else iter(())

    def _living(self, bus: MemoryBus) -> set[str]:
        """Return the workers of a bus's realm."""
        if not bus.is_connected:
            return set()
        boards = [board for board in self._boards.values() if bus.worker in {one.worker for one in board.members}]
        return {member.worker for board in boards for member in board.members}

    async def __aenter__(self) -> Self:
        """Start the workers. Raises RuntimeError when one does not start."""
        try:
            while len(self._workers) < self._count:
                await self.start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the workers, one after the other."""
        await self._stop()

    async def _stop(self) -> None:
        for worker in self._workers:
            await worker.lifespan.stop()
