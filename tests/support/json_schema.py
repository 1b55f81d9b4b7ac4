"""Checks a value against a JSON Schema. It supports the keywords that tests/vectors/schema/schema.json uses.

An unsupported keyword is an error, so that no part of a schema is left unchecked.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}

WORDS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, name: TYPES[name](value),
    "enum": lambda value, allowed: value in allowed,
    "minimum": lambda value, least: value >= least,
    "minLength": lambda value, least: len(value) >= least,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "required": lambda value, names: set(names) <= set(value),
}
"""The keywords that need only the value; `type` comes before those that depend on it."""


class Schema:
    """A schema with its definitions."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions

    def faults(self, value: Any, name: str) -> list[str]:
        """Return one line for each place where the value does not match the definition `name`."""
        return list(self._faults(value, self._definitions[name], name))

    def _faults(self, value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
        for word, argument in schema.items():
            if word in WORDS:
                if not WORDS[word](value, argument):
                    yield f"{path}: {word} {argument} does not hold"
                    return
            elif word != "$comment":
                yield from getattr(self, f"_{word.lstrip('$')}")(value, argument, path, schema)

    def _ref(self, value: Any, reference: str, path: str, _schema: dict[str, Any]) -> Iterator[str]:
        yield from self._faults(value, self._definitions[reference.removeprefix("#/$defs/")], path)

    def _items(self, value: list[Any], each: dict[str, Any], path: str, _schema: dict[str, Any]) -> Iterator[str]:
        for index, item in enumerate(value):
            yield from self._faults(item, each, f"{path}[{index}]")

    def _properties(self, value: dict[str, Any], each: dict[str, Any], path: str, _schema: Any) -> Iterator[str]:
        for name in each.keys() & value.keys():
            yield from self._faults(value[name], each[name], f"{path}.{name}")

    def _additionalProperties(  # noqa: N802 (JSON Schema's word)
        self, value: dict[str, Any], rest: Any, path: str, schema: dict[str, Any]
    ) -> Iterator[str]:
        for name in sorted(value.keys() - schema.get("properties", {}).keys()):
            if rest is False:
                yield f"{path}: no property is called {name}"
            else:
                yield from self._faults(value[name], rest, f"{path}.{name}")

    def _anyOf(self, value: Any, choices: list[Any], path: str, _schema: Any) -> Iterator[str]:  # noqa: N802 (as above)
        if not any(self._holds(value, choice, path) for choice in choices):
            yield f"{path}: none of the choices holds"

    def _oneOf(self, value: Any, choices: list[Any], path: str, _schema: Any) -> Iterator[str]:  # noqa: N802 (as above)
        if sum(self._holds(value, choice, path) for choice in choices) != 1:
            yield f"{path}: not one of the choices alone holds"

    def _holds(self, value: Any, schema: dict[str, Any], path: str) -> bool:
        return next(self._faults(value, schema, path), None) is None
