"""What `undefined` means to a Pydantic annotation: an absent property, or `None` where that is allowed.

JavaScript may write `{note: undefined}` where Python leaves `note` out. Pydantic knows only the second form, so
the first is converted to it, in a copy: the next listener gets the same value, unchanged.
"""

from typing import Any, Final

from pydantic import ValidationError

from webipc.channels.bounded.schema import keys_of
from webipc.channels.complaint import lines_of
from webipc.core.values import undefined
from webipc.core.values.schema import schemas_in

# The core schemas that have fields, each of which may be absent.
_WITH_FIELDS: Final = frozenset({"typed-dict", "model-fields", "dataclass-args"})


class Presence:
    """What one annotation makes of `undefined`."""

    __slots__ = ("_required", "has_fields")

    def __init__(self, schema: object) -> None:
        """`schema` is Pydantic's core schema of the annotation."""
        schemas = [part for part in schemas_in(schema) if part["type"] in _WITH_FIELDS]
        # Whether `undefined` properties count as absent, because it is a model or contains one.
        self.has_fields = bool(schemas)
        required: set[str] = set()
        optional: set[str] = set()
        for part in schemas:
            for name, field, is_required in _fields_of(part):
                (required if is_required else optional).update(keys_of(name, field))
        # The properties that no model has a default for: there, `undefined` can only mean None.
        self._required = frozenset(required - optional)

    def is_changed(self, value: Any) -> bool:
        """Tell whether `first` would return a changed copy."""
        return self.has_fields and has_undefined_property(value)

    def first(self, value: Any) -> Any:
        """Return what is validated: a copy in which no property is `undefined`."""
        return _Copy(value, self._required, nulls=False).value if self.is_changed(value) else value

    def second(self, value: Any, error: ValidationError) -> tuple[Any, ...]:
        """Return what is validated when the first attempt has failed, alone in a tuple; nothing when that was the last.

        It is a copy with None in the place of every `undefined` that may have been the reason.
        """
        if not has_undefined(value):
            return ()
        if not self.has_fields:
            return (_Copy(value, None, nulls=True).value,)
        missing = {str(line["loc"][-1]) for line in lines_of(error) if line["type"] == "missing"}
        return (_Copy(value, self._required | missing, nulls=True).value,)


def _fields_of(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """Return the name, the field, and whether it is required, for each field of a schema."""
    if schema["type"] == "typed-dict":
        total = schema.get("total", True)
        return [(name, field, field.get("required", total)) for name, field in schema["fields"].items()]
    fields = schema["fields"]
    named = fields.items() if isinstance(fields, dict) else [(field["name"], field) for field in fields]
    return [(name, field, field["schema"]["type"] != "default") for name, field in named]


def has_undefined_property(value: Any) -> bool:
    """Tell whether a plain object anywhere in a value, however nested, has a property that is `undefined`."""
    return _finds_undefined(value, in_lists=False)


def has_undefined(value: Any) -> bool:
    """Tell whether a value is `undefined`, or a plain object or array anywhere in it holds one."""
    return value is undefined or _finds_undefined(value, in_lists=True)


def _finds_undefined(value: Any, *, in_lists: bool) -> bool:
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
            elif child is undefined and (is_object or in_lists):
                return True
    return False


class _Copy:
    """A copy of a value's plain objects and arrays without `undefined` properties, or with nulls in their place.

    Made without recursion, since a value may be nested deeper than Python's recursion limit, and with the shared
    references and cycles of the original. Other objects are not copied.
    """

    def __init__(self, value: Any, required: frozenset[str] | set[str] | None, *, nulls: bool) -> None:
        """`required` are the properties that are null when they are `undefined`, and not absent; None means all.

        With `nulls`, so is every other `undefined`.
        """
        self._required = required
        self._nulls = nulls
        # By the id of the original, so that shared references stay shared.
        self._copies: dict[int, Any] = {}
        self._waiting: list[tuple[Any, Any]] = []
        self.value = self._child(value)
        while self._waiting:
            original, copy = self._waiting.pop()
            if type(copy) is dict:
                self._fill_object(original, copy)
            else:
                copy.extend(map(self._child, original))

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
            if value is not undefined:
                copy[key] = self._child(value)
            elif self._required is None or key in self._required:
                copy[key] = None
