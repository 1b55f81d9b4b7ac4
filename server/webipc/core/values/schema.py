"""The Pydantic schemas of JavaScript's values: an instance is valid as it is, some other objects are converted.

Dumping a model that holds such a value gives the same object, so that clone/, and not Pydantic, decides how it is
sent. No twin: TypeScript has these values in its language.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def _same(value: Any) -> Any:
    return value


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

    With one schema in `items` the contents are single values, with several they are tuples.
    """
    item = items[0] if len(items) == 1 else core_schema.tuple_schema(list(items))
    steps: list[CoreSchema] = [
        core_schema.no_info_plain_validator_function(_validator(cls, None)),
        core_schema.no_info_plain_validator_function(lambda value: list(take_apart(value))),
        core_schema.list_schema(item),
        core_schema.no_info_plain_validator_function(cls),
    ]
    return core_schema.chain_schema(steps, serialization=_AS_IT_IS)


def _validator(cls: type[Any], convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def validate(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        converted = None if convert is None else convert(value)
        if converted is None:
            raise PydanticCustomError("webipc_value", "Input should be a {name}", {"name": cls.__name__})
        return converted

    return validate
