"""Makes a named tuple of all its fields at half the price of calling its class, for what is made of every message.

Must be given every field in its order, defaults too: nothing counts them. Knows none of the classes.
"""

from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T", bound=tuple[Any, ...])


class _New(Protocol):
    def __call__(self, kind: type[T], fields: tuple[Any, ...], /) -> T: ...


# The class itself goes through a function that is written in Python, and ends here.
new: Final[_New] = tuple.__new__
