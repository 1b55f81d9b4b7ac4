"""The Pydantic schemas of JavaScript's values: an instance is valid as it is, some other objects are converted.

Dumping a model that holds such a value gives the same object, so that clone/, and not Pydantic, decides how it is
sent. No twin: TypeScript has these values in its language.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def _same(value: Any) -> Any:
    return value


_WITH_FIELDS: Final = frozenset({"model", "dataclass", "typed-dict"})
# Parts of a schema that hold no schema, but the application's own objects.
FOREIGN: Final = frozenset({"metadata", "serialization", "default", "expected", "members", "cls", "config"})
_AS_IT_IS: Final = core_schema.plain_serializer_function_ser_schema(_same)


def instance_schema(cls: type[Any], convert: Callable[[Any], Any] | None = None) -> CoreSchema:
    """Return the schema of an annotation `cls`.

    `convert` is asked about anything that is no instance; it returns one, or None to refuse.
    """
    return core_schema.no_info_plain_validator_function(_validator(cls, convert), serialization=_AS_IT_IS)


def container_schema(
    cls: type[Any],
    items: Sequence[CoreSchema],
    take_apart: Callable[[Any], Iterable[Any]],
) -> CoreSchema:
    """Return the schema of `cls[...]`: the result of `take_apart` is validated by `items` and passed to a new `cls`.

    With one schema in `items` the contents are single values, with several they are tuples. Contents with a model in
    them are serialized by their annotation: a model's class may have more fields.
    """
    item = items[0] if len(items) == 1 else core_schema.tuple_schema(list(items))
    steps: list[CoreSchema] = [
        core_schema.no_info_plain_validator_function(_validator(cls, None)),
        core_schema.no_info_plain_validator_function(lambda value: list(take_apart(value))),
        core_schema.list_schema(item),
        core_schema.no_info_plain_validator_function(cls),
    ]
    if not may_hold_fields(item):
        return core_schema.chain_schema(steps, serialization=_AS_IT_IS)

    def serialize(value: Any, serialize_items: Callable[[Any], Any]) -> Any:
        return cls(serialize_items(list(take_apart(value)))) if isinstance(value, cls) else value

    by_items = core_schema.wrap_serializer_function_ser_schema(serialize, schema=core_schema.list_schema(item))
    return core_schema.chain_schema(steps, serialization=by_items)


def may_hold_fields(schema: object) -> bool:
    """Tell whether `holds_fields`, or a name is in the schema that may lead to what does."""
    return _finds(schema, _WITH_FIELDS | {"definition-ref"})


def holds_fields(schema: object) -> bool:
    """Tell whether a model, a dataclass or a TypedDict is in a schema of Pydantic."""
    return _finds(schema, _WITH_FIELDS)


def _finds(schema: object, kinds: frozenset[str]) -> bool:
    return any(part["type"] in kinds for part in schemas_in(schema))


def schemas_in(schema: object) -> Iterator[dict[str, Any]]:
    """Yield a Pydantic core schema and every schema inside it, each once."""
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            if isinstance(part.get("type"), str):
                yield dict(part)
                waiting.extend(value for key, value in part.items() if key not in FOREIGN)
            else:
                waiting.extend(part.values())


def _validator(cls: type[Any], convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def validate(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        converted = None if convert is None else convert(value)
        if converted is None:
            raise PydanticCustomError("webipc_value", "Input should be a {name}", {"name": cls.__name__})
        return converted

    return validate
