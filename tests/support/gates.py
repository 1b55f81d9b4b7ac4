"""Where a test lets the sockets and requests of an application stand, so that one side takes nothing of the other."""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webipc.access.visitor import RELAYED


class Gate:
    """Where a test lets an application's sockets stand: in `send` of what reaches the page, or in `receive`."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        """Let every task that comes wait here."""
        self._open.clear()

    def open(self) -> None:
        """Let them go on."""
        self._open.set()

    def sending(self, app: ASGIApp) -> ASGIApp:
        """Return an application for which the network takes nothing while this is closed."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            async def slow(message: Message) -> None:
                if message["type"] == "websocket.send":
                    await self._open.wait()
                await send(message)

            await app(scope, receive, slow)

        return call

    def receiving(self, app: ASGIApp) -> ASGIApp:
        """Return an application that receives nothing of what was relayed while this is closed."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            async def slow() -> Message:
                if RELAYED in scope:
                    await self._open.wait()
                return await receive()

            await app(scope, slow, send)

        return call


class _Through:
    """A middleware that is made by a function."""

    def __init__(self, app: ASGIApp, through: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app = through(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def through(middleware: Callable[[ASGIApp], ASGIApp]) -> Callable[[], FastAPI]:
    """Return what makes an application with a middleware."""

    def make_app() -> FastAPI:
        app = FastAPI()
        app.add_middleware(_Through, through=middleware)
        return app

    return make_app
