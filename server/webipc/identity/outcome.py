"""What becomes of an ask that lets nobody in: the close code, and what its client is told.

Twin of a table: PROTOCOL.md section 8 has the codes, docs/authentication.md says which exception leads to which.
"""

import json
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from webipc.access.visitor import RefusedError
from webipc.core.errors import CloseCode, fit_reason

FAILED: Final = "the server failed"
AGAIN: Final = "the server asks who the user of this page is now"
LATER: Final = "the server cannot tell who this is at the moment"

_TEMPORARY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# Their texts may contain what was sent.
_OWN_TEXT: Final = frozenset({"value_error", "assertion_error"})


class AskRefusedError(RefusedError):
    """An ask has let nobody in. Other than with its base class, the line in the log is written already.

    `code` is UNAUTHORIZED, FORBIDDEN, TRY_LATER, INTERNAL_ERROR or ASK_AGAIN. The last three are no refusal to a
    request: the page may ask again.
    """


def refusal_of(error: BaseException) -> AskRefusedError | None:
    """Return the refusal that an exception of the application means; None for one that means none: the ask failed.

    Its `logged` is the text that the application has given: it may contain secrets of the client.
    """
    if isinstance(error, RequestValidationError):
        return _refused(CloseCode.UNAUTHORIZED, list(error.errors()))
    if not isinstance(error, HTTPException):
        return None
    code = _code_of(error.status_code)
    return None if code is None else _refused(code, error.detail)


def _refused(code: CloseCode, detail: Any) -> AskRefusedError:
    text = _text_of(detail)
    error = AskRefusedError(code, fit_reason(text))
    error.logged = text
    return error


def failed() -> AskRefusedError:
    """Return the refusal after an error of the application."""
    return AskRefusedError(CloseCode.INTERNAL_ERROR, FAILED)


def later() -> AskRefusedError:
    """Return the refusal where nothing has answered."""
    return AskRefusedError(CloseCode.TRY_LATER, LATER)


def ask_again() -> AskRefusedError:
    """Return the refusal where what was found does not count any more: the page comes again at once."""
    return AskRefusedError(CloseCode.ASK_AGAIN, AGAIN)


def _code_of(status: int) -> CloseCode | None:
    if status == HTTPStatus.FORBIDDEN:
        return CloseCode.FORBIDDEN
    if status in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CloseCode.TRY_LATER
    return CloseCode.UNAUTHORIZED if status >= HTTPStatus.MULTIPLE_CHOICES else None


def _text_of(detail: Any) -> str:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, list) and detail and isinstance(detail[0], dict) and "loc" in detail[0]:
        # Of a header, a cookie or the query that does not fit its parameter.
        return _complaint(detail[0])
    try:
        return json.dumps(detail, ensure_ascii=False)
    except (TypeError, ValueError):
        return f"an object of the type {type(detail).__name__}"


def _complaint(first: dict[str, Any]) -> str:
    """Name the parameter that is wrong, and how, without its value: it may be a cookie."""
    what = "not valid" if first.get("type") in _OWN_TEXT else first.get("msg", "not valid")
    return f"{' '.join(map(str, first['loc']))}: {what}"
