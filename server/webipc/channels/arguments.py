"""`Arguments`: the arguments that a page sent, validated against the annotations of a Python function.

Each annotated parameter has a Pydantic validator, made once and within bounds (bounded/); an unannotated one
costs nothing. A value is validated once; a second time only where `undefined` in it may mean None (undefined.py).
"""

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from math import inf
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from webipc.channels.bounded.schema import bounded_validator
from webipc.channels.bounded.steps import TooMuchWorkError
from webipc.channels.complaint import MOST_MISFITS, ArgumentError, Misfit, misfits_of, sentence_of
from webipc.channels.undefined import Presence
from webipc.core.values import undefined

# The type of an error that is not Pydantic's.
_TOO_MUCH: Final = "too_much_work"
_FREE: Final = (inspect.Parameter.empty, Any, object)


class Parameter:
    """One parameter behind the event, or the `*args` that takes the rest."""

    __slots__ = ("check", "default", "name", "presence", "validate")

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        """`annotation` is resolved: no string in it. Raises what Pydantic raises when it has no schema for it."""
        self.name = name
        # `inspect.Parameter.empty` when there is none.
        self.default = default
        # None when every value is valid: no annotation, Any or object.
        self.validate: Callable[[Any], Any] | None = None
        # As `validate`, for a value as it came: an `undefined` property counts as absent.
        self.check = self.validate
        # What the annotation makes of `undefined`.
        self.presence: Presence | None = None
        if not any(annotation is free for free in _FREE):
            adapter = TypeAdapter[Any](annotation)
            self.validate = bounded_validator(adapter)
            self.presence = Presence(adapter.core_schema)
            self.check = _checking(self.validate, self.presence) if self.presence.has_fields else self.validate

    @property
    def is_required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is inspect.Parameter.empty


def _checking(validate: Callable[[Any], Any], presence: Presence) -> Callable[[Any], Any]:
    return lambda value: validate(presence.first(value))


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
        self._checked = tuple((i, p, p.check) for i, p in enumerate(parameters) if p.check is not None)
        # True when every argument is passed on unchanged: no annotation, and no default to replace `undefined`.
        self._untouched = (
            not self._checked and self._least == len(self._parameters) and (rest is None or rest.validate is None)
        )

    def at(self, channel: str) -> "Arguments":
        """Return these for the same function on another channel, which the errors name."""
        other = copy(self)
        other._channel = channel  # noqa: SLF001 - its own class
        return other

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
        try:
            return self._bound(args)
        except _MisfitError as error:
            raise self._bad(args, error) from None

    def _bound(self, args: list[Any]) -> list[Any]:
        for value in args:
            if value is undefined:
                return [self._bind_one(index, value) for index, value in enumerate(args)]
        bound = args.copy()
        given = len(args)
        for index, parameter, check in self._checked:
            if index >= given:
                break
            try:
                bound[index] = check(args[index])
            except (ValidationError, TooMuchWorkError) as error:
                bound[index] = self._second(index, parameter, args[index], error)
        if given > len(self._parameters):
            self._bind_rest(args, bound)
        return bound

    def _bind_rest(self, args: list[Any], bound: list[Any]) -> None:
        rest = self._rest
        if rest is not None and rest.validate is not None:
            for index in range(len(self._parameters), len(args)):
                bound[index] = self._validated(index, rest, args[index])

    def _bind_one(self, index: int, value: Any) -> Any:
        parameter = self._parameter(index)
        if value is undefined and not parameter.is_required:
            return parameter.default
        return value if parameter.validate is None else self._validated(index, parameter, value)

    def _validated(self, index: int, parameter: Parameter, value: Any) -> Any:
        assert parameter.check is not None, "an annotated parameter"
        try:
            return parameter.check(value)
        except (ValidationError, TooMuchWorkError) as error:
            return self._second(index, parameter, value, error)

    def _second(self, index: int, parameter: Parameter, value: Any, error: ValidationError | TooMuchWorkError) -> Any:
        """Try the other form of a value that is not valid as it came, if there is one. Raises _MisfitError."""
        if not isinstance(error, ValidationError):
            text = "fits its annotation in too many ways to try them all"
            raise _MisfitError(index, [Misfit(self._label(parameter), text, _TOO_MUCH)], 1) from None
        validate, presence = parameter.validate, parameter.presence
        assert validate is not None, "an annotated parameter"
        assert presence is not None, "the same"
        # Only an `undefined` may be valid in another form: nothing else is validated twice.
        for second in presence.second(value, error):
            try:
                return validate(second)
            except ValidationError:
                break
        misfits = misfits_of(self._label(parameter), value, error)
        raise _MisfitError(index, misfits, error.error_count()) from None

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
        errors = [Misfit(name, "is missing", "missing_argument") for name in missing[:MOST_MISFITS]]
        if missing:
            text += f": {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        else:
            errors = [Misfit("", text, "unexpected_positional_argument")]
        return ArgumentError(self._channel, missing[0] if missing else None, text, joint=" ", errors=errors)

    def _allowed(self) -> str:
        if self._most == inf:
            number = f"at least {self._least}"
        elif self._least == self._most:
            number = str(self._least or "no")
        else:
            number = f"{self._least} to {self._most}"
        return f"{number} argument{'' if number.split()[-1] == '1' else 's'}"

    def _label(self, parameter: Parameter) -> str:
        return f"*{parameter.name}" if parameter is self._rest else parameter.name

    def _bad(self, args: list[Any], first: "_MisfitError") -> ArgumentError:
        """Return the error of a call, with those of the arguments behind the first wrong one."""
        misfits = first.misfits.copy()
        for index in range(first.index + 1, len(args)):
            # What takes too much work is not tried in the next argument again.
            if len(misfits) >= MOST_MISFITS or misfits[-1].type == _TOO_MUCH:
                break
            try:
                self._bind_one(index, args[index])
            except _MisfitError as another:
                misfits += another.misfits
        text = f"argument {first.index + 1}{sentence_of(first.misfits, first.count)}"
        name = self._parameter(first.index).name
        return ArgumentError(self._channel, name, text, errors=misfits[:MOST_MISFITS])


class _MisfitError(Exception):
    """One argument does not fit."""

    def __init__(self, index: int, misfits: list[Misfit], count: int) -> None:
        """`count` is how many errors there are in all."""
        super().__init__()
        self.index = index
        self.misfits = misfits
        self.count = count
