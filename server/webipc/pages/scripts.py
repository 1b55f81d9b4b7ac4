"""Serves the scripts that a page loads before it opens a socket: the built client and the preload scripts.

Each has an ETag of its content, and the browser revalidates it at every load.
"""

import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from webipc.access.origins import Origins
from webipc.access.visitor import RefusedError, check_embedding, script_headers, visitor_of
from webipc.pages.assets import PRELOAD_RUNTIME, client_content, etag_of
from webipc.pages.preload import Preload

logger = logging.getLogger("webipc")


class _Script:
    """A script as an ASGI application: refuses other sites, and adds the cookie and the headers for other origins."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visitor = visitor_of(scope)
        try:
            check_embedding(scope, visitor, self._origins)
        except RefusedError as refused:
            logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, refused.logged)
            response: Response = JSONResponse({"code": int(refused.code), "reason": refused.reason}, status_code=403)
        else:
            response = self._response(Request(scope, receive))
            # Set here, because two sockets that open at the same time would get two different cookies.
            if visitor.cookie is not None:
                response.headers["Set-Cookie"] = visitor.cookie
        for name, value in script_headers(scope, self._origins).items():
            response.headers[name] = value
        await response(scope, receive, send)

    def _response(self, request: Request) -> Response:
        raise NotImplementedError


class ClientFile(_Script):
    """One built file of the client, with an ETag of its content."""

    def __init__(self, name: str, content_type: str, origins: Origins) -> None:
        super().__init__(origins)
        self._name = name
        self._content_type = content_type

    def _response(self, request: Request) -> Response:
        data, etag = client_content(self._name)
        headers = {"Cache-Control": "no-cache", "ETag": etag}
        if self._name.endswith(".js"):
            # A header instead of a comment in the file, which would cost bytes.
            headers["SourceMap"] = f"{self._name}.map"
        if etag in (request.headers.get("if-none-match") or ""):
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=self._content_type, headers=headers)


class PreloadScript(_Script):
    """The preload scripts of the application with the code that runs them, or one part (`?part=0`)."""

    def __init__(self, preload: Preload, origins: Origins, debug: Callable[[], bool]) -> None:
        super().__init__(origins)
        self._preload = preload
        self._debug = debug

    def _response(self, request: Request) -> Response:
        if not self._preload.paths:
            text = "this application has no preload scripts: IpcMain(preload=[...]) names them\n"
            return Response(text, status_code=404, media_type="text/plain", headers={"Cache-Control": "no-cache"})
        if self._debug():
            self._preload.refresh()
        script = self._preload.script(_runtime, request.query_params.get("part")).encode()
        headers = {"Cache-Control": "no-cache", "ETag": etag_of(script)}
        if headers["ETag"] in (request.headers.get("if-none-match") or ""):
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript; charset=utf-8", headers=headers)


def _runtime() -> str:
    return client_content(PRELOAD_RUNTIME).data.decode()
