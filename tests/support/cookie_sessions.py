"""Sessions that live in their cookie alone, as those of Starlette's SessionMiddleware, which needs a package more.

The cookie is not signed: a test trusts its browser.
"""

import base64
import json
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME: Final = "session"


class CookieSessions:
    """An ASGI middleware: `request.session` is what the cookie says, and what a response leaves there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        cookie = HTTPConnection(scope).cookies.get(NAME)
        session: dict[str, Any] = json.loads(base64.urlsafe_b64decode(cookie)) if cookie else {}
        scope["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                value = base64.urlsafe_b64encode(json.dumps(session).encode()).decode() if session else ""
                MutableHeaders(scope=message).append("set-cookie", f"{NAME}={value}; Path=/; HttpOnly")
            await send(message)

        await self._app(scope, receive, send_with_cookie)
