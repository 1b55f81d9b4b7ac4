"""JSError: an Error object of a page, which Python can raise, catch and send back.

A value like any other. What a handler raises for its caller is IpcError. No twin: JavaScript has it.
Wire: PROTOCOL.md section 5, code `e`.
"""

from typing import Any, Final, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.scalar import hole
from webipc.core.values.schema import instance_schema

ERROR_CLASSES: Final = frozenset(
    {"Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"}
)


@final
class JSError(Exception):
    """An Error, or one of its built-in subclasses. Subclasses of an application arrive as the nearest built-in."""

    def __init__(
        self,
        name: str = "Error",
        message: str | None = None,
        stack: str | None = None,
        cause: Any = hole,
    ) -> None:
        """`name` is the class; one that JavaScript lacks is sent as `Error`."""
        super().__init__(name, message, stack, cause)
        # The class: one of ERROR_CLASSES if a page has sent it.
        self.name = name
        # The text; None when the error has no own one.
        self.message = message
        # The stack as the page wrote it; None when there is none.
        self.stack = stack
        # Any value; `hole` when there is none.
        self.cause = cause

    @property
    def has_cause(self) -> bool:
        """Whether there is a cause, be it undefined."""
        return self.cause is not hole

    def __str__(self) -> str:
        return self.message or ""

    def __repr__(self) -> str:
        return f"JSError({self.name!r}, {self.message!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(JSError)
