"""Pydantic models and dataclasses as plain objects: each class is inspected once.

Instances of a class whose schema holds nothing but JSON's own types are written straight to JSON, without a walk over
their values; any other class gives its fields, by their aliases and after their own serializers, to be encoded by
the caller. No twin: a page has no such classes.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema

# An integer with too many digits for JavaScript's numbers. A match inside a string makes it slower, not wrong.
# The expression is slow, so only a text with that many digits in a row is searched.
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_DIGITS: Final = b"0" * 16
_LONG_INTEGER: Final = re.compile(rb"(?:^|[:\[,])-?\d{16,}(?:$|[,}\]])")
_DICT: Final = frozenset({dict})
_CONSTANTS: Final = frozenset({str, int, bool, type(None)})


def is_model(cls: type[Any]) -> bool:
    """Tell whether instances of a class are sent by their fields."""
    return issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls)


class Model:
    """How instances of one class are encoded."""

    def __init__(self, cls: type[Any]) -> None:
        """Inspect a model or a dataclass. One that Pydantic has no schema for is read field by field."""
        # Pydantic's view of the class; None when it has none.
        self._adapter = _adapter_of(cls)
        self._schema = None if self._adapter is None else Schema(self._adapter.core_schema)
        # What serializes a whole list of instances; made for the first one.
        self._list_serializer: SchemaSerializer | None = None

    def to_json(self, value: Any) -> bytes | None:
        """Return an instance as JSON; None where JSON would lose something."""
        return None if self._adapter is None else self._json(self._adapter.serializer, value)

    def list_to_json(self, values: Sequence[Any]) -> bytes | None:
        """Return a list of instances as JSON by one call of the serializer; None where JSON would lose something."""
        return None if self._adapter is None else self._json(self._serializer_of_lists(self._adapter), values)

    def _json(self, serializer: SchemaSerializer, value: Any) -> bytes | None:
        return None if self._schema is None else self._schema.to_json(serializer, value)

    def to_fields(self, value: Any) -> Any:
        """Return an instance as what its serializer makes of it, a dict as a rule, with Python's values inside.

        `ValueError` where that fails, such as for an instance that holds itself.
        """
        if self._adapter is None:
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        try:
            return self._adapter.dump_python(value, by_alias=True, warnings="none")
        except (PydanticSerializationError, RecursionError, TypeError) as error:
            raise ValueError(str(error)) from error

    def list_to_fields(self, values: Sequence[Any]) -> list[Any] | None:
        """Return a list of instances as a list of dicts, by one call of the serializer.

        None where that fails, or an instance becomes anything else: `to_fields` tells what is the matter with which.
        """
        if self._adapter is None:
            return None
        try:
            fields: list[Any] = self._serializer_of_lists(self._adapter).to_python(
                values, by_alias=True, warnings="none"
            )
        except (PydanticSerializationError, RecursionError, TypeError, ValueError):
            return None
        return fields if _DICT.issuperset(map(type, fields)) else None

    def _serializer_of_lists(self, adapter: TypeAdapter[Any]) -> SchemaSerializer:
        if self._list_serializer is None:
            self._list_serializer = SchemaSerializer(core_schema.list_schema(adapter.core_schema))
        return self._list_serializer


def _has_long_integer(text: bytes) -> bool:
    return _LONG_DIGITS in text.translate(_DIGITS) and _LONG_INTEGER.search(text) is not None


def _adapter_of(cls: type[Any]) -> TypeAdapter[Any] | None:
    try:
        return TypeAdapter(cls)
    except (PydanticUserError, PydanticUndefinedAnnotation, NameError):
        if dataclasses.is_dataclass(cls):
            return None
        raise


class Schema:
    """Reads a schema of Pydantic. A type of schema that is not listed in `_READERS` does not count as JSON."""

    def __init__(self, schema: Any) -> None:
        # Whether a null in its JSON may stand for NaN.
        self.has_floats = False
        self._definitions: dict[str, Any] = {}
        # The definitions that are being read: one that contains itself may be nested to any depth.
        self._reading: set[str] = set()
        # Whether its JSON loses nothing, apart from numbers that JSON lacks.
        self.is_json = self._read(schema)

    def to_json(self, serializer: SchemaSerializer, value: Any) -> bytes | None:
        """Return a value as JSON, by the serializer of this schema; None where JSON would lose something."""
        if not self.is_json:
            return None
        try:
            text = serializer.to_json(value, by_alias=True, warnings="none")
        except (PydanticSerializationError, ValueError):
            return None
        return None if (self.has_floats and b"null" in text) or _has_long_integer(text) else text

    def _read(self, schema: Any) -> bool:
        reader = self._READERS.get(schema["type"])
        return reader is not None and "serialization" not in schema and reader(self, schema)

    def _all(self, schemas: Iterable[Any]) -> bool:
        return all(self._read(schema) for schema in schemas)

    def _leaf(self, schema: Any) -> bool:
        return True

    def _float(self, schema: Any) -> bool:
        self.has_floats = True
        return True

    def _literal(self, schema: Any) -> bool:
        return all(type(value) in _CONSTANTS for value in schema["expected"])

    def _enum(self, schema: Any) -> bool:
        return all(type(member.value) in _CONSTANTS for member in schema["members"])

    def _inner(self, schema: Any) -> bool:
        return self._read(schema["schema"])

    def _model(self, schema: Any) -> bool:
        config = schema.get("config", {})
        is_usual = config.get("extra_fields_behavior") != "allow" and config.get("ser_json_inf_nan", "null") == "null"
        return is_usual and self._read(schema["schema"])

    def _fields(self, schema: Any) -> bool:
        fields = schema["fields"]
        inner = [field["schema"] for field in (fields.values() if isinstance(fields, dict) else fields)]
        computed = [field["return_schema"] for field in schema.get("computed_fields", ())]
        fixed = schema.get("extra_behavior") != "allow" and "extras_schema" not in schema
        return fixed and self._all([*inner, *computed])

    def _list(self, schema: Any) -> bool:
        return "items_schema" in schema and self._read(schema["items_schema"])

    def _tuple(self, schema: Any) -> bool:
        return self._all(schema["items_schema"])

    def _dict(self, schema: Any) -> bool:
        is_object = schema.get("keys_schema", {}).get("type") == "str" and "values_schema" in schema
        return is_object and self._read(schema["values_schema"])

    def _union(self, schema: Any) -> bool:
        return self._all(choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"])

    def _tagged_union(self, schema: Any) -> bool:
        return self._all(schema["choices"].values())

    def _define(self, schema: Any) -> bool:
        self._definitions.update((definition["ref"], definition) for definition in schema["definitions"])
        return self._read(schema["schema"])

    def _refer(self, schema: Any) -> bool:
        name = schema["schema_ref"]
        if name in self._reading or name not in self._definitions:
            return False
        self._reading.add(name)
        is_json = self._read(self._definitions[name])
        self._reading.discard(name)
        return is_json

    # What reads a schema of this type.
    _READERS: Final[dict[str, Callable[["Schema", Any], bool]]] = {
        "str": _leaf,
        "bool": _leaf,
        "none": _leaf,
        "int": _leaf,
        "float": _float,
        "literal": _literal,
        "enum": _enum,
        "nullable": _inner,
        "default": _inner,
        "function-before": _inner,
        "function-after": _inner,
        "model": _model,
        "dataclass": _model,
        "model-fields": _fields,
        "dataclass-args": _fields,
        "typed-dict": _fields,
        "list": _list,
        "tuple": _tuple,
        "dict": _dict,
        "union": _union,
        "tagged-union": _tagged_union,
        "definitions": _define,
        "definition-ref": _refer,
    }
