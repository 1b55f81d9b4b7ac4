"""`LifespanReport`: what is shown when the lifespan of an application raises: one sentence, and the program's own part
of the traceback.

The server logs what Starlette reports, which is its whole stack.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import fastapi.routing
import starlette.routing
from starlette.types import ASGIApp, Receive, Scope, Send

from webipc.cli.program import trace_of
from webipc.cluster.bus.bus import BusError

# What stands between the server and a lifespan.
_BETWEEN: Final = (contextlib.__file__, starlette.routing.__file__, fastapi.routing.__file__)


class LifespanReport:
    """An ASGI application around another one, which replaces what that reports of its lifespan."""

    def __init__(self, app: ASGIApp, program: str, hint: str = "") -> None:
        """`program` is the name to show. `hint` is a line at the end when the application cannot start."""
        self._app = app
        self._program = program
        self._hint = hint
        self._has_started = False
        # What the lifespan has raised, as it is shown.
        self._text: str | None = None

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note what the block raises: the lifespan is within it."""
        try:
            yield
        except BaseException as error:
            when = "stopping" if self._has_started else "starting"
            if isinstance(error, BusError):
                self._text = f"{self._program} could not join the other processes: {error}"
            elif isinstance(error, SystemExit):
                self._text = f"{self._program} exited while it was {when}, with {error.code!r}"
            elif isinstance(error, Exception):
                text = f"{self._program} raised {type(error).__name__} while it was {when}"
                self._text = f"{text}\n{trace_of(error, _BETWEEN)}".rstrip()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_shortened(message: Any) -> None:
            self._has_started = self._has_started or message["type"] == "lifespan.startup.complete"
            if message["type"].endswith(".failed") and self._text is not None:
                hint = "" if self._has_started else self._hint
                message = {**message, "message": "\n".join(filter(None, [self._text, hint]))}
            await send(message)

        await self._app(scope, receive, send_shortened)
