"""Changes a Pydantic core schema so that what validation costs depends on what a page sent, and not on what it chose.

- A collection stops at its first wrong item. Pydantic's own validators build an error for each, and one is shown.
- Keys and items that have one hash are counted, because Python's sets and dicts compare each of them with all others.
- A type that contains itself is counted each time it is entered: a union of two such types tries every combination.
- An integer has a bounded number of digits where it is converted to a Decimal or a text, which takes the square of
  them.

The result accepts and returns what the schema does. What a bound refuses is an error like any other.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

from webipc.channels.bounded.steps import Extras, Gathered, Recursion, as_list, few_digits
from webipc.core.values.schema import FOREIGN, schemas_in

_COLLECTIONS: Final = frozenset("list tuple deque set frozenset dict ordered-dict frozendict counter".split())
# Those that hash what they hold, and the part of the schema that is hashed.
_HASHED: Final = {
    "set": "items_schema",
    "frozenset": "items_schema",
    "dict": "keys_schema",
    "ordered-dict": "keys_schema",
    "counter": "keys_schema",
}
# The schemas of values with a hash that no page can choose: it is salted, or there are few of them.
_SALTED: Final = frozenset("str bytes bool none literal enum date time url multi-host-url nullable union".split())
_FIELDS: Final = frozenset({"model-fields", "typed-dict", "dataclass-args"})
# Of a type that contains itself, these are counted; the collections only where it has none of these.
_COUNTED: Final = frozenset({"model", "dataclass", "typed-dict"})


def bounded_validator(adapter: TypeAdapter[Any]) -> Callable[[Any], Any]:
    """Return a function that validates as the adapter does, within bounds. It raises ValidationError."""
    bounded = _Bounded(adapter.core_schema)
    # The validators that models carry have been built without bounds, so they are not used.
    validate: Callable[[Any], Any] = SchemaValidator(bounded.schema, _use_prebuilt=False).validate_python
    return validate if bounded.recursion is None else bounded.recursion.counted(validate)


class _Bounded:
    """The copy of one schema."""

    def __init__(self, schema: Any) -> None:
        definitions = {part["ref"]: part for part in schemas_in(schema) if "ref" in part}
        self._recursive = {name for name, part in definitions.items() if _leads_to(part, name, definitions)}
        # What counts the entries into types that contain themselves; None when there are none.
        self.recursion = Recursion() if self._recursive else None
        # What is counted in the definition that is being copied.
        self._counted: frozenset[str] = frozenset()
        self.schema = self._copy(schema, {})

    def _copy(self, part: Any, config: Mapping[str, Any]) -> Any:
        if isinstance(part, list | tuple):
            return type(part)([self._copy(one, config) for one in part])
        if not isinstance(part, dict):
            return part
        if not isinstance(part.get("type"), str):
            return {key: self._copy(value, config) for key, value in part.items()}
        outside = self._counted
        if part.get("ref") in self._recursive:
            self._counted = _COUNTED if any(one["type"] in _COUNTED for one in schemas_in(part)) else _COLLECTIONS
        config = part.get("config", config)
        copy = {key: value if key in FOREIGN else self._copy(value, config) for key, value in part.items()}
        copy = self._bound(copy, config)
        if part["type"] in self._counted and self.recursion is not None:
            copy = _wrapped(self.recursion.enter, copy)
        self._counted = outside
        return copy

    def _bound(self, schema: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
        kind = schema["type"]
        if kind in _COLLECTIONS:
            schema["fail_fast"] = True
        if kind in _HASHED and not schema.get("strict") and not _is_salted(schema.get(_HASHED[kind])):
            return _gathered(schema)
        if kind in _FIELDS and schema.get("extra_behavior", config.get("extra_fields_behavior")) == "forbid":
            return _before(Extras(names_of(schema)), schema)
        if kind == "function-wrap" and getattr(schema["function"]["function"], "__name__", "") == "sequence_validator":
            # Pydantic makes a sequence of the class that it was given; that of a JSArray takes no list.
            return _before(as_list, schema)
        is_text = schema.get("coerce_numbers_to_str", config.get("coerce_numbers_to_str", False))
        return _before(few_digits, schema) if kind == "decimal" or (kind == "str" and is_text) else schema


def names_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys that a schema with fields reads: names and aliases."""
    fields = schema["fields"]
    named = fields.items() if isinstance(fields, dict) else ((field["name"], field) for field in fields)
    return frozenset(key for name, field in named for key in keys_of(name, field))


def keys_of(name: str, field: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that a field of this name is read from."""
    yield name
    alias = field.get("validation_alias")
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, list):
        # A path, or several: only the first step of each is a key of the object itself.
        paths = alias if alias and isinstance(alias[0], list) else [alias]
        yield from (path[0] for path in paths if path and isinstance(path[0], str))


def _is_salted(schema: Any) -> bool:
    return schema is not None and {part["type"] for part in schemas_in(schema)} <= _SALTED


def _gathered(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a collection that hashes, which is made from few of its parts at a time."""
    lengths = {key: schema.pop(key) for key in ("min_length", "max_length") if key in schema}
    is_any = schema.get("keys_schema", {"type": "any"})["type"] == "any"
    return _wrapped(Gathered(schema["type"], keeps_keys=is_any, **lengths).gather, schema)


def _before(function: Callable[[Any], Any], schema: dict[str, Any]) -> dict[str, Any]:
    return _around("function-before", function, schema)


def _wrapped(function: Callable[..., Any], schema: dict[str, Any]) -> dict[str, Any]:
    return _around("function-wrap", function, schema)


def _around(kind: str, function: Callable[..., Any], schema: dict[str, Any]) -> dict[str, Any]:
    around = {"type": kind, "function": {"type": "no-info", "function": function}, "schema": schema}
    # The name by which other parts of the schema refer to it now means the whole.
    if "ref" in schema:
        around["ref"] = schema.pop("ref")
    return around


def _leads_to(part: Any, name: str, definitions: Mapping[str, Any]) -> bool:
    """Tell whether a schema refers to a definition, be it by way of others."""
    seen: set[str] = set()
    waiting: list[Any] = [part]
    while waiting:
        refers: Collection[str] = {one["schema_ref"] for one in schemas_in(waiting.pop()) if "schema_ref" in one}
        if name in refers:
            return True
        waiting.extend(definitions[ref] for ref in refers if ref in definitions and ref not in seen)
        seen.update(refers)
    return False
