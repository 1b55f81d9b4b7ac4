"""Which parameters of a function FastAPI fills in: `Depends`, `Header`, `Request` and their kind.

They are never taken for arguments of a page, which could otherwise supply a user or a role. `Body`, `Response` and what
else only a request has is recognised too, and refused: a message of a page is no request.
"""

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

from fastapi import params
from fastapi.security import SecurityScopes
from starlette.background import BackgroundTasks
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

_OBJECTS: Final = (HTTPConnection, Response, BackgroundTasks, SecurityScopes)
_MARKS: Final = (params.Depends, params.Param, params.Body)
# Each with its subclasses, such as `Form` and `File`.
_OF_A_BODY: Final = (params.Path, params.Body)
_OF_A_RESPONSE: Final = (WebSocket, Response, BackgroundTasks)
_NOT_OUTERMOST: Final = "FastAPI finds it only as the default or outermost: write Annotated[type, {}(...)]"


class TreeError(TypeError):
    """Dependencies that cannot be solved for a message. The text names the function and the parameter."""

    def __init__(self, text: str, kind: str | None = None) -> None:
        """`kind` is what only a request has, such as `Response`, where that is the reason."""
        super().__init__(text)
        self.kind = kind


class Filled(NamedTuple):
    """What FastAPI fills in for one parameter."""

    # Such as `Depends` or `Request`.
    kind: str
    # Why it is refused, and what to do about it; None when it is not.
    refusal: str | None
    # Whether FastAPI reads the annotation: a default `Depends(function)` knows all without it.
    reads_annotation: bool


def filled_by_fastapi(annotation: Any, default: Any) -> Filled | None:
    """Return what FastAPI fills in for a parameter; None for an ordinary one.

    `annotation` is resolved: no string in it.
    """
    outermost = _outermost(annotation)
    for part in (default, *_parts(annotation)):
        mark = _mark_of(part)
        if mark is None:
            continue
        if part is not default and not any(part is seen for seen in outermost):
            return Filled(mark.__name__, _NOT_OUTERMOST.format(mark.__name__), reads_annotation=True)
        refused = issubclass(mark, (*_OF_A_BODY, *_OF_A_RESPONSE))
        text = f"which a message of a page does not have: {remedy_for(mark.__name__)}"
        knows_all = part is default and isinstance(part, params.Depends) and part.dependency is not None
        return Filled(mark.__name__, text if refused else None, not knows_all)
    return None


def remedy_for(kind: str) -> str:
    """Return what to do about something that only a request has, such as `Body` or `Response`."""
    if kind in ("Path", "Body", "Form", "File"):
        return "what a page sends are arguments of the handler, checked by Annotated[..., Field(...)]"
    if kind == "BackgroundTasks":
        return "create a task, or let an `async def` handler go on after event.sender.send(...)"
    return "the answer is what the handler returns, and event.sender sends more"


def without_alias(annotation: Any) -> Any:
    """Return what a `type` alias names: older versions of FastAPI do not look into it."""
    while hasattr(annotation, "__value__") and not inspect.isclass(annotation):
        annotation = annotation.__value__
    return annotation


def _mark_of(part: Any) -> type | None:
    """Return the class by which FastAPI recognises a part of a parameter."""
    if isinstance(part, _MARKS):
        return type(part)
    return part if inspect.isclass(part) and issubclass(part, _OBJECTS) else None


def _outermost(annotation: Any) -> tuple[Any, ...]:
    """Return the parts of an annotation at which FastAPI looks."""
    annotation = without_alias(annotation)
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and everything inside it: members of unions, arguments, metadata, what an alias names."""
    seen: list[Any] = []
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        if any(part is known for known in seen):
            continue
        seen.append(part)
        yield part
        waiting += get_args(part)
        # `type User = Annotated[...]`
        if hasattr(part, "__value__") and not inspect.isclass(part):
            waiting.append(part.__value__)
