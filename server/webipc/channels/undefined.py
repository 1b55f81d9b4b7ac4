"""What `undefined` means to a Pydantic annotation: an absent property, or `None` where that is allowed.

JavaScript may write `{note: undefined}` where Python leaves `note` out. Pydantic knows only the second form, so
the first is converted to it, in a copy: the next listener gets the same value, unchanged.
"""

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from webipc.core.values import undefined

# The core schemas that have fields, each of which may be absent.
_WITH_FIELDS: Final = frozenset({"model", "dataclass", "typed-dict", "model-fields", "dataclass-args"})


def has_fields(schema: object) -> bool:
    """Tell whether a Pydantic core schema holds a model, a dataclass or a TypedDict anywhere."""
    return not _WITH_FIELDS.isdisjoint(schema_types(schema))


def schema_types(schema: object) -> set[str]:
    """Return the type of a Pydantic core schema and of every schema inside it, such as `{"nullable", "int"}`."""
    types: set[str] = set()
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            if isinstance(part.get("type"), str):
                types.add(part["type"])
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return types


def has_undefined_property(value: Any) -> bool:
    """Tell whether a plain object anywhere in a value, however nested, has a property that is `undefined`."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        is_object = type(part) is dict
        # The value may be cyclic, and a container may be reached twice.
        if not (is_object or type(part) is list) or id(part) in seen:
            continue
        seen.add(id(part))
        for child in part.values() if is_object else part:
            if type(child) is dict or type(child) is list:
                waiting.append(child)
            elif child is undefined and is_object:
                return True
    return False


def validate_present(validate: Callable[[Any], Any], value: Any, *, fields: bool) -> Any:
    """Validate a value with `undefined` in it; `fields` tells whether the annotation has fields (`has_fields`).

    A property that is `undefined` is absent for a model, so that it gets the model's default. Where the annotation
    still refuses an `undefined`, a second attempt has `None` in its place. Raises the ValidationError of the first.
    """
    first = _Copy(value, nulls=False) if fields else None
    try:
        return validate(value if first is None else first.value)
    except ValidationError as error:
        second = _mended(error, value if first is None else first.value, first)
        if second is None:
            raise
        try:
            return validate(second.value)
        except ValidationError:
            raise error from None


def _mended(error: ValidationError, value: Any, first: "_Copy | None") -> "_Copy | None":
    """Return the value for the second attempt, with `None` where the first failed at `undefined`; None if nowhere."""
    found = False
    for line in error.errors(include_url=False, include_context=False):
        if line["type"] == "missing" and first is not None and line["loc"]:
            found = first.restore_as_none(line["input"], line["loc"][-1]) or found
        elif line["input"] is undefined:
            found = True
    return _Copy(value, nulls=True) if found else None


class _Copy:
    """A copy of a value's plain objects and arrays without `undefined` properties, or with nulls in their place.

    Made without recursion, since a value may be nested deeper than Python's recursion limit, and with the shared
    references and cycles of the original. Other objects are not copied.
    """

    def __init__(self, value: Any, *, nulls: bool) -> None:
        self._nulls = nulls
        # By the id of the original, so that shared references stay shared.
        self._copies: dict[int, Any] = {}
        # What was left out, by the id of the copied object. The copies live as long as this does.
        self._left_out: dict[int, set[Any]] = {}
        self._waiting: list[tuple[Any, Any]] = []
        self.value = self._child(value)
        while self._waiting:
            original, copy = self._waiting.pop()
            if type(copy) is dict:
                self._fill_object(original, copy)
            else:
                copy.extend(map(self._child, original))

    def restore_as_none(self, owner: object, key: object) -> bool:
        """Make the property that was left out of a copied object `None`. Return False if it is none of those."""
        if not isinstance(owner, dict) or key not in self._left_out.get(id(owner), ()):
            return False
        owner[key] = None
        return True

    def _child(self, value: Any) -> Any:
        if value is undefined and self._nulls:
            return None
        kind = type(value)
        if kind is not dict and kind is not list:
            return value
        copy = self._copies.get(id(value))
        if copy is None:
            copy = self._copies[id(value)] = kind()
            self._waiting.append((value, copy))
        return copy

    def _fill_object(self, original: dict[Any, Any], copy: dict[Any, Any]) -> None:
        for key, value in original.items():
            if value is undefined and not self._nulls:
                self._left_out.setdefault(id(copy), set()).add(key)
            else:
                copy[key] = self._child(value)
