"""`LingeringResponse`: a response to a request whose body is still arriving.

A server that closes the connection behind the response, because the client or a proxy has asked for that, resets it if
bytes arrive that are not read. Then the client may lose the response. So the rest is read first, and dropped.
"""

import contextlib

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from webipc.core.errors import ProtocolError
from webipc.endpoints.body_frames import BodyFrames, LateError
from webipc.link.decoding import NoRoomError


class LingeringResponse(Response):
    """Another response, which is sent at once and ends when the rest of the body has arrived, or may not be read."""

    def __init__(self, response: Response, frames: BodyFrames) -> None:
        super().__init__(response.body, response.status_code)
        self.raw_headers = response.raw_headers
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""

        async def send_unfinished(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        await super().__call__(scope, receive, send_unfinished)
        with contextlib.suppress(ClientDisconnect, LateError, NoRoomError, ProtocolError):
            await self._frames.drop_rest()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
