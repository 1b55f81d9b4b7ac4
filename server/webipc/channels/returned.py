"""What a handler returns, narrowed to its return annotation: a model's class may have more fields than the annotation.

core/clone/shape.py validates and serializes; this file resolves the annotation, and says what does not fit it.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from webipc.channels.complaint import lines_of
from webipc.channels.signature import name_of, resolve, text_of
from webipc.core.clone.shape import Shape, shape_of
from webipc.core.errors import LocalError

logger = logging.getLogger("webipc")

# How results are named in errors, as `clone.encode` does.
_ROOT: Final = "result"
# The annotations of most handlers, which are not worth a schema.
_PLAIN: Final = (inspect.Signature.empty, None, type(None), Any, object, bool, int, float, str, bytes, list, dict)
_UNUSABLE: Final = (
    "The results of %s for '%s' are sent with all their fields, because its return annotation %s cannot be used: %s"
)
_IMPORT_IT: Final = " (if it holds a model, import that outside of TYPE_CHECKING)"


class ResultError(LocalError):
    """What a handler has returned does not fit its return annotation. The caller reads it in debug mode alone."""

    code = "bad-result"

    def __init__(self, channel: str, path: str, detail: str) -> None:
        """`path` leads to what does not fit, such as `result.items[0].title`; `detail` is the rest of the sentence."""
        super().__init__(f"the handler for '{channel}' does not keep its return annotation: {path}{detail}")
        self.channel = channel
        self.path = path
        self.detail = detail

    def __reduce__(self) -> tuple[type["ResultError"], tuple[str, str, str]]:
        return type(self), (self.channel, self.path, self.detail)


def narrowing_for(channel: str, function: Callable[..., Any], annotation: Any) -> "Narrowing | None":
    """Return what narrows the results of a handler to its return annotation; None where there is nothing to narrow."""
    if any(annotation is plain for plain in _PLAIN):
        return None
    narrowing = Narrowing(channel, function, annotation)
    return narrowing if narrowing.applies else None


class Narrowing:
    """Narrows the results of one handler. Call it with each."""

    __slots__ = ("_annotation", "_channel", "_function", "_is_open", "_shape")

    def __init__(self, channel: str, function: Callable[..., Any], annotation: Any) -> None:
        self._channel = channel
        self._function = function
        self._annotation = annotation
        # Whether the annotation has to be resolved at the first result: it may name what is defined further below.
        self._is_open = True
        self._shape: Shape | None = None
        try:
            self._resolve()
        except Exception:  # noqa: BLE001 - an annotation is any expression, and may have code of its own
            return

    def at(self, channel: str) -> "Narrowing":
        """Return this for the same function on another channel, which the errors name."""
        other = copy(self)
        other._channel = channel  # noqa: SLF001 - its own class
        return other

    @property
    def applies(self) -> bool:
        """Whether results have to be looked at, as far as is known now."""
        return self._is_open or self._shape is not None

    def __call__(self, value: Any) -> Any:
        """Return what is to be sent for a result. Raises ResultError and CloneError."""
        if self._is_open:
            self._resolve_now()
        if self._shape is None:
            return value
        try:
            return self._shape(value, _ROOT)
        except ValidationError as error:
            raise ResultError(self._channel, *_misfit(value, error)) from None

    def _resolve(self) -> None:
        annotation = resolve(self._annotation, self._function)
        origin = get_origin(annotation)
        # A plain function may return a coroutine.
        if inspect.isclass(origin) and issubclass(origin, Awaitable) and get_args(annotation):
            annotation = get_args(annotation)[-1]
        self._shape = shape_of(annotation)
        self._is_open = False

    def _resolve_now(self) -> None:
        try:
            self._resolve()
        except Exception as error:  # noqa: BLE001 - as above
            self._is_open = False
            reason = str(error).partition("\n")[0] + (_IMPORT_IT if isinstance(error, NameError) else "")
            logger.warning(_UNUSABLE, name_of(self._function), self._channel, text_of(self._annotation), reason)


def _misfit(value: Any, error: ValidationError) -> tuple[str, str]:
    """Return where a result does not fit, and how. The value itself is not shown: it may be a secret."""
    lines = lines_of(error)
    if not lines:
        return _ROOT, f" is wrong in {error.error_count()} places"
    path, found = _find(value, lines[0])
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    if lines[0]["type"] == "missing":
        return path, f" is missing{more}"
    expected = lines[0]["msg"].partition(", ")[0]
    must = expected.removeprefix("Input should be ")
    complaint = f": {expected}" if must == expected else f" must be {must}"
    return path, f"{complaint}, got {type(found).__name__}{more}"


def _find(value: Any, line: ErrorDetails) -> tuple[str, Any]:
    """Return where in a result the error is, and what is there. Union members, which Pydantic names, are left out."""
    path = _ROOT
    is_missing = line["type"] == "missing"
    for key in line["loc"][:-1] if is_missing else line["loc"]:
        if isinstance(key, int) and isinstance(value, list | tuple) and key < len(value):
            path, value = f"{path}[{key}]", value[key]
        elif isinstance(value, Mapping) and key in value:
            path, value = f"{path}.{key}", value[key]
        elif isinstance(key, str) and key in getattr(value, "__dict__", ()):
            path, value = f"{path}.{key}", value.__dict__[key]
    return (f"{path}.{line['loc'][-1]}" if is_missing else path), line["input"]
