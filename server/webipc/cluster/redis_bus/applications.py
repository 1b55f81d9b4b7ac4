"""Which application a worker serves, as it tells the others; `Applications` says where two have one name in a Redis.

An application is told apart by the last part of what `webipc run` was given, as in `main:app`: it is the same on every
machine and after every deploy. Under another server it is not known, and nothing is compared.
"""

import logging
from collections.abc import Mapping
from typing import Final

logger = logging.getLogger("webipc")

TARGET_VARIABLE: Final = "WEBIPC_TARGET"
"""Where `webipc run` has found the application: a folder, the dotted name of a module, and an attribute or nothing."""

_LENGTH: Final = 100
_PARTS: Final = 3
_SAID: Final = 20
"""Other applications that the log names, at most."""


def application_of(environment: Mapping[str, str]) -> str:
    """Return the application that this process serves, such as `main:app` or, without a named attribute, `main`.

    Empty where it is not known.
    """
    parts = environment.get(TARGET_VARIABLE, "").split("\n")
    if len(parts) != _PARTS:
        return ""
    _, module, attribute = parts
    name = module.rpartition(".")[2]
    return (f"{name}:{attribute}" if attribute else name)[:_LENGTH]


def are_different(one: str, other: str) -> bool:
    """Whether two names are those of two applications. Where one does not name its attribute, the modules count."""
    module, _, attribute = one.partition(":")
    its_module, _, its_attribute = other.partition(":")
    if not module or not its_module:
        return False
    return module != its_module or bool(attribute and its_attribute and attribute != its_attribute)


class Applications:
    """Those that serve under the name of this one."""

    def __init__(self, where: str, name: str, own: str) -> None:
        """`where` is the place of Redis for a log, `name` that of the application there, `own` its `application_of`."""
        self._where = where
        self._name = name
        self._own = own
        self._said: set[str] = set()

    def see(self, told: bytes) -> None:
        """Learn what a worker serves; the log names each other application once."""
        other = told[:_LENGTH].decode("utf-8", "replace")
        if other in self._said or len(self._said) >= _SAID or not are_different(self._own, other):
            return
        self._said.add(other)
        logger.warning(
            "Redis at %s has two applications under the name %r: %s, which is this one, and %s. Each of them gets what "
            "is for pages of the other: start one of them with another --redis-name",
            self._where,
            self._name,
            self._own,
            other,
        )
