"""The steps that schema.py puts into a Pydantic core schema. Each is a validator in Python, and runs only where
Pydantic's own would cost more than what arrived.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from functools import partial
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from webipc.core.values import JSArray, JSMap, JSSet

# As many errors of one type that contains itself are passed on to what encloses it.
MOST_ERRORS: Final = 8

# As many items are hashed at a time.
_PART: Final = 256
# As many different ones may have the hash of another.
_MOST_EQUAL: Final = 64
_MOST_EXTRAS: Final = 16

# Python itself refuses to convert an integer with more digits to a text or back. These are the bits of 4,300 digits.
_MOST_DIGITS: Final = 4_300
_MOST_BITS: Final = 14_284

# How often types that contain themselves may be entered: so often, plus so often for each node of the argument.
_FREE_ENTRIES: Final = 10_000
_ENTRIES_PER_NODE: Final = 16


class TooMuchWorkError(Exception):
    """An argument can be read in so many ways that trying them would take too long. Ends the validation at once."""


def few_digits(value: Any) -> Any:
    """Refuse an integer with too many digits for what converts it next."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise PydanticCustomError("int_too_large", "Input should have at most {most} digits", {"most": _MOST_DIGITS})
    return value


def as_list(value: Any) -> Any:
    """Return an array with holes or names as a list. `ValueError` when it is too sparse."""
    return list(value) if isinstance(value, JSArray) else value


class Extras:
    """Drops most of the properties that an object must not have: each would be an error."""

    def __init__(self, names: frozenset[str]) -> None:
        """`names` are the properties that it may have."""
        self._names = names

    def __call__(self, value: Any) -> Any:
        """Return the object with all that it may have, and at most a few others."""
        if type(value) is not dict or len(value) <= len(self._names) + _MOST_EXTRAS:
            return value
        extras = ((key, item) for key, item in value.items() if key not in self._names)
        return {key: value[key] for key in value.keys() & self._names} | dict(islice(extras, _MOST_EXTRAS))


class Gathered:
    """Makes a set or dict from few parts at a time, and refuses many different items of one hash before they meet."""

    def __init__(
        self, kind: str, *, keeps_keys: bool, min_length: int | None = None, max_length: int | None = None
    ) -> None:
        """`kind` is the type of the schema, the lengths are its own; `keeps_keys` tells whether any key is valid."""
        self._kind = kind
        self._keeps_keys = keeps_keys
        self._least = min_length
        self._most = max_length

    def gather(self, value: Any, validate: Callable[[Any], Any]) -> Any:
        """Return the validated collection."""
        is_set = "set" in self._kind
        if not isinstance(value, Sized) or len(value) <= _PART:
            gathered = validate(value)
        elif is_set and isinstance(value, list | tuple | set | frozenset | JSSet | JSArray):
            gathered = self._gather_set(value, validate)
        elif isinstance(value, dict | JSMap) and not is_set and not self._has_salted_keys(value):
            gathered = self._gather_dict(value, validate)
        else:
            # The keys are harmless, or the value is of a wrong type.
            gathered = validate(value)
        self._check_length(len(gathered))
        return gathered

    def _has_salted_keys(self, value: Iterable[Any]) -> bool:
        return self._keeps_keys and set(map(type, value)) == {str}

    def _gather_dict(self, value: Mapping[Any, Any], validate: Callable[[Any], Any]) -> Any:
        gathered: dict[Any, Any] = validate({})
        hashes = _Hashes()
        make = JSMap if isinstance(value, JSMap) else dict
        for part in _parts_of(value.items()):
            found = validate(make(part))
            hashes.add(found.keys() - gathered.keys())
            # Not its own `update`: a Counter would add the numbers.
            dict.update(gathered, found)
        return gathered

    def _gather_set(self, value: Iterable[Any], validate: Callable[[Any], Any]) -> Any:
        gathered: set[Any] = set()
        hashes = _Hashes()
        try:
            parts = _parts_of(value)
        except ValueError as error:
            # An array that is too sparse to be iterated.
            raise PydanticKnownError("iteration_error", {"error": str(error)}) from None
        for number, part in enumerate(parts):
            try:
                found = validate(part)
            except ValidationError as error:
                raise _few_errors(error, number * _PART) from None
            hashes.add(found - gathered)
            gathered |= found
        return frozenset(gathered) if self._kind == "frozenset" else gathered

    def _check_length(self, length: int) -> None:
        name = {"set": "Set", "frozenset": "Frozenset"}.get(self._kind, "Dictionary")
        if self._least is not None and length < self._least:
            details = {"field_type": name, "min_length": self._least, "actual_length": length}
            raise PydanticKnownError("too_short", details)
        if self._most is not None and length > self._most:
            raise PydanticKnownError(
                "too_long", {"field_type": name, "max_length": self._most, "actual_length": length}
            )


def _parts_of(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    return iter(lambda: list(islice(iterator, _PART)), [])


class _Hashes:
    """Counts the different items that have the hash of another."""

    def __init__(self) -> None:
        self._all: set[int] = set()
        self._equal: Counter[int] = Counter()

    def add(self, items: AbstractSet[Any]) -> None:
        """Count items that are not in the collection yet."""
        hashes = set(map(hash, items))
        if len(hashes) != len(items) or not self._all.isdisjoint(hashes):
            # Most often none is equal, and nothing is counted one by one.
            self._equal.update(map(hash, items))
            if max(self._equal.values()) > _MOST_EQUAL:
                text = "Input should have at most {most} different items or keys of one hash"
                raise PydanticCustomError("equal_hashes", text, {"most": _MOST_EQUAL})
        self._all |= hashes


def _few_errors(error: ValidationError, offset: int | None = None) -> ValidationError:
    """Return the same error with the first few of its lines; `offset` is added to the index that they begin with."""
    lines = []
    for line in error.errors(include_url=False, include_context=False)[:MOST_ERRORS]:
        loc = line["loc"] if offset is None else (offset + int(line["loc"][0]), *line["loc"][1:])
        kind: Any = PydanticCustomError(line["type"], line["msg"])
        lines.append(InitErrorDetails(type=kind, loc=loc, input=line["input"]))
    return ValidationError.from_exception_data(error.title, lines)


class Recursion:
    """Counts how often the types that contain themselves are entered while one argument is validated."""

    def __init__(self) -> None:
        self._work: ContextVar[_Work] = ContextVar("webipc validation")

    def counted(self, validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the function that validates one argument and counts."""
        return partial(self._validate, validate)

    def _validate(self, validate: Callable[[Any], Any], value: Any) -> Any:
        token = self._work.set(_Work(value))
        try:
            return validate(value)
        finally:
            self._work.reset(token)

    def enter(self, value: Any, validate: Callable[[Any], Any]) -> Any:
        """Validate a value of a type that contains itself. Raises TooMuchWorkError."""
        self._work.get().count()
        try:
            return validate(value)
        except ValidationError as error:
            if error.error_count() <= MOST_ERRORS:
                raise
            raise _few_errors(error) from None


class _Work:
    """How often types that contain themselves may still be entered."""

    __slots__ = ("_is_free", "_left", "_value")

    def __init__(self, value: Any) -> None:
        # The whole argument.
        self._value = value
        self._left = _FREE_ENTRIES
        # Whether its nodes have not been counted yet.
        self._is_free = True

    def count(self) -> None:
        self._left -= 1
        if self._left < 0 and self._is_free:
            self._is_free = False
            self._left += _ENTRIES_PER_NODE * count_nodes(self._value)
        if self._left < 0:
            raise TooMuchWorkError


def count_nodes(value: Any) -> int:
    """Return how many lists, objects and items there are in a value, each container once."""
    seen: set[int] = set()
    nodes = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        nodes += 1
        if type(part) in _CONTAINERS and id(part) not in seen:
            seen.add(id(part))
            nodes += len(part)
            members = part.values() if type(part) is dict else part
            waiting.extend(member for member in members if type(member) in _CONTAINERS)
    return nodes


_CONTAINERS: Final = frozenset({list, dict})
