"""`Arguments`: the arguments that a page sent, validated against the annotations of a Python function.

Each annotated parameter has a Pydantic validator, made once; an unannotated one costs nothing. What `undefined` means
is in undefined.py.
"""

import inspect
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from webipc.channels.undefined import has_fields, has_undefined_property, schema_types, validate_present
from webipc.core.errors import LocalError
from webipc.core.values import JSArray, undefined
from webipc.core.values.array import validate_bounded

# How much of a value an error shows.
SHOWN: Final = 80

_FREE: Final = (inspect.Parameter.empty, Any, object)
# The core schemas of Pydantic that never iterate a value: an annotation of these alone needs no guard against sparse
# arrays with a large length.
_SCALARS: Final = frozenset(
    "any none bool int float str bytes date time datetime timedelta decimal uuid nullable union".split()
)
_REMARK: Final = re.compile(r", (?:unable to|got) .*", re.DOTALL)


class ArgumentError(LocalError):
    """The arguments of a message are not those that the function takes. The caller gets the text, in production too."""

    code = "bad-argument"

    def __init__(self, channel: str, parameter: str | None, detail: str, joint: str = ": ") -> None:
        """`parameter` is the name of the one that is wrong or missing, None when there are too many arguments.

        `detail` is the text without the channel; `joint` stands between the two.
        """
        super().__init__(f"{channel}{joint}{detail}")
        self.channel = channel
        self.parameter = parameter
        self.detail = detail
        self._joint = joint

    def __reduce__(self) -> tuple[type["ArgumentError"], tuple[str, str | None, str, str]]:
        return type(self), (self.channel, self.parameter, self.detail, self._joint)


class Parameter:
    """One parameter behind the event, or the `*args` that takes the rest."""

    __slots__ = ("default", "has_fields", "name", "validate")

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        """`annotation` is resolved: no string in it. Raises what Pydantic raises when it has no schema for it."""
        self.name = name
        # `inspect.Parameter.empty` when there is none.
        self.default = default
        # None when every value is valid: no annotation, Any or object.
        self.validate: Callable[[Any], Any] | None = None
        # Whether `undefined` properties count as absent, because it is a model or contains one.
        self.has_fields = False
        if not any(annotation is free for free in _FREE):
            adapter = TypeAdapter[Any](annotation)
            self.validate = adapter.validator.validate_python
            self.has_fields = has_fields(adapter.core_schema)
            if not schema_types(adapter.core_schema) <= _SCALARS:
                self.validate = partial(validate_bounded, self.validate)

    @property
    def is_required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is inspect.Parameter.empty


class Arguments:
    """Turns the arguments of a message into those of a function."""

    __slots__ = ("_channel", "_checked", "_least", "_most", "_parameters", "_rest", "_untouched")

    def __init__(self, channel: str, parameters: Sequence[Parameter], rest: Parameter | None) -> None:
        """`rest` is the parameter `*args`, if there is one."""
        self._channel = channel
        self._parameters = tuple(parameters)
        self._rest = rest
        # The least and largest number of arguments.
        self._least = sum(parameter.is_required for parameter in parameters)
        self._most = len(self._parameters) if rest is None else inf
        # The parameters that have a validator, with their index.
        self._checked = tuple((i, p, p.validate) for i, p in enumerate(parameters) if p.validate is not None)
        # True when every argument is passed on unchanged: no annotation, and no default to replace `undefined`.
        self._untouched = (
            not self._checked and self._least == len(self._parameters) and (rest is None or rest.validate is None)
        )

    def bind(self, args: list[Any]) -> list[Any]:
        """Return the arguments to call the function with: a new list, or `args` itself, which is never changed.

        Validation is Pydantic's lax mode, as FastAPI's for a JSON body. An `undefined` argument or property gets its
        default as if it were absent, or becomes None where the annotation allows it.

        Raises ArgumentError for one argument too few or too many, or one that does not fit its annotation.
        """
        if not self._least <= len(args) <= self._most:
            args = self._without_surplus(args)
        if self._untouched:
            return args
        for value in args:
            if value is undefined:
                return self._bind_slowly(args)
        try:
            return self._bind_fast(args)
        except ValidationError:
            # Validated again one by one: to find the wrong one, and to handle a nested `undefined`.
            return self._bind_slowly(args)

    def _bind_fast(self, args: list[Any]) -> list[Any]:
        bound = args.copy()
        given = len(args)
        for index, parameter, validate in self._checked:
            if index >= given:
                break
            if parameter.has_fields and has_undefined_property(args[index]):
                return self._bind_slowly(args)
            bound[index] = validate(args[index])
        if self._rest is not None and self._rest.validate is not None:
            if self._rest.has_fields:
                return self._bind_slowly(args)
            first = len(self._parameters)
            bound[first:] = map(self._rest.validate, args[first:])
        return bound

    def _bind_slowly(self, args: list[Any]) -> list[Any]:
        return [self._bind_one(index, value) for index, value in enumerate(args)]

    def _bind_one(self, index: int, value: Any) -> Any:
        parameter = self._parameter(index)
        if value is undefined and not parameter.is_required:
            return parameter.default
        if parameter.validate is None:
            return value
        try:
            return validate_present(parameter.validate, value, fields=parameter.has_fields)
        except ValidationError as error:
            raise self._bad(index, parameter, value, error) from None

    def _parameter(self, index: int) -> Parameter:
        if index < len(self._parameters):
            return self._parameters[index]
        assert self._rest is not None, "more arguments than `_most`"
        return self._rest

    def _without_surplus(self, args: list[Any]) -> list[Any]:
        """Drop `undefined` arguments behind the last parameter, which JavaScript code passes by accident."""
        kept = args
        while len(kept) > self._most and kept[-1] is undefined:
            kept = kept[:-1]
        if self._least <= len(kept) <= self._most:
            return kept
        raise self._wrong_number(len(args))

    def _wrong_number(self, given: int) -> ArgumentError:
        names = [p.name for p in self._parameters] + ([f"*{self._rest.name}"] if self._rest is not None else [])
        listed = f" ({', '.join(names)})" if names else ""
        missing = [p.name for p in self._parameters[given:] if p.is_required]
        text = f"takes {self._allowed()}{listed}, {given} {'was' if given == 1 else 'were'} given"
        if missing:
            text += f": {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        return ArgumentError(self._channel, missing[0] if missing else None, text, joint=" ")

    def _allowed(self) -> str:
        if self._most == inf:
            number = f"at least {self._least}"
        elif self._least == self._most:
            number = str(self._least or "no")
        else:
            number = f"{self._least} to {self._most}"
        return f"{number} argument{'' if number.split()[-1] == '1' else 's'}"

    def _bad(self, index: int, parameter: Parameter, value: Any, error: ValidationError) -> ArgumentError:
        line = error.errors(include_url=False, include_context=False)[0]
        star = "*" if parameter is self._rest else ""
        where = f"argument {index + 1} ({star}{_path(parameter.name, value, line):.{SHOWN}})"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        return ArgumentError(self._channel, parameter.name, f"{where}{_complaint(line)}{more}")


def _complaint(line: ErrorDetails) -> str:
    """Return Pydantic's complaint as the end of our sentence, with the value."""
    if line["type"] == "missing":
        return " is missing"
    given = line["input"]
    if isinstance(given, JSArray) and given.is_sparse:
        return f" must be a list, got an array of length {given.length} with {len(given.items)} of its items set"
    text = line["msg"]
    if line["type"] in ("value_error", "assertion_error"):
        # Pydantic puts "Value error, " and "Assertion failed, " before the text of the application's own validator.
        text = text.partition(", ")[2]
    expected = text.removeprefix("Input should be ")
    if expected != text:
        return f" must be {_REMARK.sub('', expected)}, got {shown(given)}"
    return f": {text}, got {shown(given)}"


def _path(name: str, value: Any, line: ErrorDetails) -> str:
    """Return where in an argument the error is, as JavaScript would write it: `user.tags[0]`.

    Pydantic's own path also has the union members that it tried, which are no keys of the value: they are left out.
    """
    path = name
    absent = line["type"] == "missing"
    for key in line["loc"][:-1] if absent else line["loc"]:
        if isinstance(value, Mapping) and key in value:
            path, value = f"{path}.{key}", value[key]
        elif isinstance(key, int) and isinstance(value, list) and key < len(value):
            path, value = f"{path}[{key}]", value[key]
    return f"{path}.{line['loc'][-1]}" if absent else path


class _Shown(reprlib.Repr):
    """Shows the beginning of a value, at a cost that does not grow with the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxdict = self.maxlist = self.maxset = self.maxtuple = 3
        self.maxstring = self.maxlong = self.maxother = SHOWN


_SHOWN: Final = _Shown()


def shown(value: object) -> str:
    """Return at most 80 characters of a value's repr; only the type, if it has none."""
    try:
        text = _SHOWN.repr(value[:SHOWN] if isinstance(value, bytes | bytearray) else value)
    except Exception:  # noqa: BLE001 - a `__repr__` may raise anything, and that of an int with 5,000 digits does
        return f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
