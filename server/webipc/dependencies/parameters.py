"""Which parameters of a function FastAPI would fill in from a request: `Depends`, `Header`, `Request` and their kind.

A message is not a request. If such a parameter were taken for an argument, the page could supply its value, which may
be a user or a role.
"""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

from fastapi import params
from fastapi.security import SecurityScopes
from starlette.background import BackgroundTasks
from starlette.requests import HTTPConnection
from starlette.responses import Response

_OBJECTS = (HTTPConnection, Response, BackgroundTasks, SecurityScopes)
_FIELDS = (params.Param, params.Body)


def filled_by_fastapi(annotation: Any, default: Any) -> str | None:
    """Return the name of what FastAPI would fill in, such as `Depends` or `Request`; None for an ordinary parameter.

    `annotation` is resolved: no string in it.
    """
    for part in (default, *_parts(annotation)):
        if isinstance(part, (params.Depends, *_FIELDS)):
            return type(part).__name__
        if inspect.isclass(part) and issubclass(part, _OBJECTS):
            return part.__name__
    return None


def remedy_for(name: str) -> str:
    """Return what to do about a parameter that FastAPI would fill in with this."""
    if name in ("Depends", "Security"):
        return "call the dependency in the body, with what it needs of the event"
    if name in ("Query", "Path", "Body", "Form", "File"):
        return "a page sends arguments by position: write Annotated[..., Field(...)]"
    return "take what you need from the event, such as event.sender or event.sender_frame"


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
