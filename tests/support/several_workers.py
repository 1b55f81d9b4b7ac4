"""Several workers of one application in this process, on a switchboard in its memory; each has its own application.

What a page hears is kept by `Ear`, in order, so that a test sees what came twice.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import Cookie, FastAPI

from tests.support.connected import contents_of
from tests.support.waiting import settled
from webipc import IpcMain, WebContents
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.shared import Shared
from webipc.hub.hub import Hub
from webipc.testing import Browser, Renderer


class User:
    """A user, told by the cookie `user`."""

    def __init__(self, name: str) -> None:
        self.id = name


def current_user(user: Annotated[str | None, Cookie()] = None) -> User | None:
    """Return the user of an attach."""
    return None if user is None else User(user)


class OneWorker:
    """One of them."""

    def __init__(self, board: Switchboard, app: FastAPI | None = None, **settings: Any) -> None:
        """`app` is its application, by default an empty one. `settings` are the arguments of `IpcMain`."""
        self.app = FastAPI() if app is None else app
        self.ipc_main = IpcMain(authenticate=current_user, **settings)
        self.ipc_main.mount(self.app)
        self.ipc_main._make_bus = self._made
        self._board = board
        self.bus: MemoryBus

    def _made(self, realm: str, worker: str, formats: Any) -> MemoryBus:
        self.bus = MemoryBus(self._board, worker, formats)
        return self.bus

    def browser(self, user: str | None = None, *, principal: str | None = None) -> Browser:
        """Return a browser whose pages come to this worker."""
        cookies = {"user": user, "webipc_principal": principal}
        return Browser(self.app, cookies={name: value for name, value in cookies.items() if value is not None})

    def die(self) -> None:
        """Hear and say nothing any more, as a process that is killed; and end without letting its tabs go."""
        self.bus.kill()
        self.hub.is_draining = True

    @property
    def hub(self) -> Hub:
        """Its hub."""
        hub = self.ipc_main._provider.hub
        assert hub is not None
        return hub

    @property
    def shared(self) -> Shared:
        """Its part among the others."""
        shared = self.ipc_main.shared
        assert shared is not None
        return shared

    def tab(self, page: Renderer) -> WebContents:
        """Return the tab of a page that is here."""
        return contents_of(self.ipc_main, page)


@contextlib.asynccontextmanager
async def workers(
    count: int, make_app: Callable[[], FastAPI] = FastAPI, **settings: Any
) -> AsyncIterator[list[OneWorker]]:
    """Start so many workers of one application, which `make_app` makes for each."""
    board = Switchboard(time.monotonic)
    async with contextlib.AsyncExitStack() as stack:
        made = [OneWorker(board, make_app(), **settings) for _ in range(count)]
        for worker in made:
            await stack.enter_async_context(Browser(worker.app))
        await settled()
        yield made


class Ear:
    """What a page has heard on one channel, in order."""

    def __init__(self, page: Renderer, channel: str = "news") -> None:
        self.heard: list[Any] = []
        page.on(channel, lambda event, *args: self.heard.append(args[0] if len(args) == 1 else args))


async def quiet() -> None:
    """Let everything arrive that is on its way, from worker to worker and from there to the pages."""
    for _ in range(10):
        await settled()
