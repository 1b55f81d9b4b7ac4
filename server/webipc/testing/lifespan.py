"""Starts and stops the application under test, as an ASGI server does (the `lifespan` events of ASGI)."""

import asyncio

from webipc.mount import mounts
from webipc.testing.client import ASGIApp, Message


class Lifespan:
    """Starts and stops an application, unless it runs already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the application, unless it runs already. Raises RuntimeError when it does not start."""
        if any(mount.running() for mount in mounts(self._app)):
            return
        self._task = asyncio.create_task(self._run())
        self._incoming.put_nowait({"type": "lifespan.startup"})
        answer = await self._outgoing.get()
        if answer["type"] != "lifespan.startup.complete":
            # The application raises as well what it has said.
            await asyncio.wait([self._task])
            self._task.exception()
            self._task = None
            raise RuntimeError(f"the application did not start: {answer.get('message')}")

    async def stop(self) -> None:
        """Stop the application, if this object has started it."""
        if self._task is not None:
            self._incoming.put_nowait({"type": "lifespan.shutdown"})
            await self._task
            self._task = None

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        await self._app(scope, self._incoming.get, self._outgoing.put)
