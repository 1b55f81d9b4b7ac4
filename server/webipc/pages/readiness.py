"""`{prefix}/ready`: whether this process takes pages, as one line of text for a balancer or a container's health check.

Not for browsers: it has no secrets, sets no cookie and asks nobody who the client is.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

Ready = Callable[[], Awaitable[tuple[bool, str]]]
"""Tells whether this process takes pages, and why in a few words."""


def readiness_route(ready: Ready) -> BaseRoute:
    """Return the route: 200 where this process takes pages, 503 where it does not."""

    async def respond(request: Request) -> Response:
        is_ready, words = await ready()
        headers = {"Cache-Control": "no-store"}
        return PlainTextResponse(f"{words}\n", status_code=200 if is_ready else 503, headers=headers)

    return Route("/ready", respond, methods=["GET"], include_in_schema=False)
