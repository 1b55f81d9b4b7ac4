"""The responses to a request that brings no answer: refusals, and what is none (PROTOCOL.md 2.4).

A refusal has the code and the reason that a close frame would have on a socket. Any other content means that the
request has failed, and that the page may ask again.
"""

import logging
from typing import Final

from starlette.responses import JSONResponse, Response

from webipc.access.visitor import RefusedError, Visitor
from webipc.core.errors import CloseCode
from webipc.endpoints.body_frames import LateError
from webipc.identity.outcome import AskRefusedError
from webipc.link.decoding import NoRoomError

logger = logging.getLogger("webipc")

_STATUS = {
    CloseCode.FORBIDDEN: 403,
    CloseCode.UNAUTHORIZED: 401,
    CloseCode.RESET: 409,
    CloseCode.TOO_LARGE: 413,
    CloseCode.TRY_LATER: 503,
}


WHO: Final = frozenset({CloseCode.UNAUTHORIZED, CloseCode.FORBIDDEN})
"""The codes of a refusal because of who the user is. The other outcomes of an ask are no refusals."""


def refusal(code: CloseCode, reason: str, status: int | None = None) -> Response:
    """Return the response with the code and the reason that a close frame would have on a socket."""
    content = {"code": int(code), "reason": reason}
    return JSONResponse(content, status_code=_STATUS.get(code, 400) if status is None else status)


def refused(visitor: Visitor, code: CloseCode, reason: str, status: int | None = None) -> Response:
    """Return a refusal, and log it."""
    logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, reason)
    return refusal(code, reason, status)


def refused_attach(visitor: Visitor, error: RefusedError) -> Response:
    """Return the response to a request that is not let into a link, and log it where an ask has not.

    Where the application could not tell who it is from, this is no refusal: the page may ask again.
    """
    if not isinstance(error, AskRefusedError):
        return refused(visitor, error.code, error.reason)
    if error.code in WHO:
        return refusal(error.code, error.reason)
    return _text(500 if error.code == CloseCode.INTERNAL_ERROR else 503, error.reason)


def stopping() -> Response:
    """Return the response of a server that stops. It is no refusal: the page asks the next server (PROTOCOL.md 2.3)."""
    return _text(503, "the server ends")


def broken_off(visitor: Visitor, error: Exception) -> Response:
    """Return the response to a body that was not read to its end. It is no refusal either: the page may ask again."""
    if isinstance(error, NoRoomError):
        logger.warning("%s at %s has to ask again: %s", visitor.peer, visitor.origin, error)
        return _text(503, "the server is busy", **{"Retry-After": "1"})
    if isinstance(error, LateError):
        logger.info("%s at %s was refused: %s", visitor.peer, visitor.origin, error)
    return _text(408, str(error), Connection="close")


def _text(status: int, text: str, **headers: str) -> Response:
    """Return a response that is no refusal: the page takes it for a failed request (PROTOCOL.md 2.4)."""
    headers["Cache-Control"] = "no-store"
    return Response(f"{text}\n", status_code=status, media_type="text/plain", headers=headers)
