"""`HostCheck`: answers requests for other hosts with 421, before the application sees them (DNS rebinding).

It is around the whole application: its pages, its own routes and its sockets. See access/hosts.py.
"""

import logging
import time
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from webipc.access.hosts import Hosts

HOSTS_VARIABLE = "WEBIPC_ALLOW_HOSTS"
"""The hosts besides local ones, with spaces between them. Set by the command, for the process that serves."""

LOG_SECONDS: Final = 10.0
"""How often a refusal is logged, at most."""

logger = logging.getLogger("webipc")


class HostCheck:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts
        # How many refusals were not logged yet, and when one was.
        self._refused = 0
        self._logged_at = -LOG_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = None
        if scope["type"] in ("http", "websocket"):
            # Of X-Forwarded-Host nothing is read: a page can set it.
            named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            refusal = self._hosts.refusal(named)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        self._log(refusal, scope)
        await _refuse(refusal, scope, receive, send)

    def _log(self, refusal: str, scope: Scope) -> None:
        self._refused += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            client: Any = scope.get("client") or ("unknown", 0)
            others = f" ({self._refused - 1} more were)" if self._refused > 1 else ""
            logger.warning("%s:%d was refused: %s%s", *client, refusal, others)
            self._refused, self._logged_at = 0, now


async def _refuse(refusal: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": "another host"})
            return
    headers = {"X-Content-Type-Options": "nosniff", "Connection": "close"}
    await PlainTextResponse(f"{refusal}\n", 421, headers)(scope, receive, send)
