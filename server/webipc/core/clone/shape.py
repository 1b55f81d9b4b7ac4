"""`Shape`: the values of one annotation, written by the annotation and not by their classes.

A function `-> UserOut` that returns an instance of a subclass with more fields must not send those, and neither one
`-> list[UserOut]`. As FastAPI does with a route, a value is validated first, because a dict or a row of a database
may stand in the place of a model, and then serialized by the schema of the annotation.
No twin: a page has no such classes.
"""

from collections.abc import Callable
from typing import Any, Final

import orjson
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, core_schema

from webipc.core.clone.models import Schema
from webipc.core.errors import CloneError
from webipc.core.values.keyed import JSSet
from webipc.core.values.schema import FOREIGN, holds_fields, may_hold_fields

# What a schema cannot describe, such as a NumPy array, stays what it is.
_CONFIG: Final = ConfigDict(arbitrary_types_allowed=True)
# One wrong item is shown, so the others are not looked at.
_COLLECTIONS: Final = frozenset({"list", "tuple", "set", "frozenset", "dict"})
# These have validators and serializers of their own, which are used as they are.
_CLOSED: Final = frozenset({"model", "dataclass"})
_SETS: Final = frozenset({"set", "frozenset"})


def shape_of(annotation: Any) -> "Shape | None":
    """Return how values of an annotation are written; None where that is up to each value.

    It is up to the value unless the annotation holds a model, a dataclass or a TypedDict. `annotation` is resolved: no
    string in it. Raises what Pydantic raises when it has no schema for it.
    """
    # In a list, because Pydantic refuses a config for an annotation that could have its own.
    schema: Any = TypeAdapter(list[annotation], config=_CONFIG).core_schema
    definitions = schema["definitions"] if schema["type"] == "definitions" else []
    item = (schema["schema"] if definitions else schema)["items_schema"]
    if not holds_fields([item, definitions]):
        return None
    changed = _changed(item)
    return Shape(core_schema.definitions_schema(changed, _changed(definitions)) if definitions else changed)


class Shape:
    """Validates and serializes values of one annotation."""

    __slots__ = ("_schema", "_serializer", "_validate")

    def __init__(self, schema: Any) -> None:
        """`schema` is Pydantic's."""
        self._schema = Schema(schema)
        self._validate: Callable[..., Any] = SchemaValidator(schema).validate_python
        self._serializer = SchemaSerializer(schema)

    def __call__(self, value: Any, root: str) -> Any:
        """Return what is sent for a value: JSON, or dicts and lists with Python's values in them.

        Raises ValidationError when it does not fit the annotation, and CloneError, whose path is `root`, when a
        serializer fails.
        """
        value = self._validate(value, from_attributes=True, by_alias=True, by_name=True)
        text = self._schema.to_json(self._serializer, value)
        if text is not None:
            return orjson.Fragment(text)
        try:
            return self._serializer.to_python(value, by_alias=True, warnings="none")
        except (PydanticSerializationError, RecursionError, TypeError, ValueError) as error:
            raise CloneError(root, f"a {type(value).__name__} that cannot be serialized ({error})") from error


def _changed(part: Any) -> Any:
    """Return a copy of a schema whose collections end at the first wrong item and can be sent."""
    if isinstance(part, list | tuple):
        return type(part)([_changed(one) for one in part])
    if not isinstance(part, dict):
        return part
    if not isinstance(part.get("type"), str):
        # Fields by their names, which may be any.
        return {name: _changed(field) for name, field in part.items()}
    return part if part["type"] in _CLOSED else _adapted(part)


def _adapted(schema: dict[str, Any]) -> dict[str, Any]:
    copy = {key: value if key in FOREIGN else _changed(value) for key, value in schema.items()}
    if copy["type"] == "generator":
        # Pydantic's own gives an iterator, which cannot be sent.
        copy["type"] = "list"
    if copy["type"] in _COLLECTIONS:
        copy["fail_fast"] = True
    if copy["type"] in _SETS and may_hold_fields(copy.get("items_schema")):
        # Pydantic's own makes a set of dicts, which Python refuses.
        items = core_schema.list_schema(copy["items_schema"])
        copy["serialization"] = core_schema.wrap_serializer_function_ser_schema(_set_of_objects, schema=items)
    return copy


def _set_of_objects(value: Any, serialize: Callable[[Any], Any]) -> JSSet[Any]:
    return JSSet(serialize(list(value)))
