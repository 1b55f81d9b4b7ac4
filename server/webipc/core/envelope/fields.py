"""What the fields of messages and control messages may hold, as annotations that Pydantic checks (PROTOCOL.md sections
4 and 6).

Nothing is converted: `true` is no number. `1.0`, which is 1, has become an int before (`as_integer`). Which messages
have which fields is in __init__.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, GetPydanticSchema, Strict, ValidationError, with_config
from pydantic_core.core_schema import any_schema
from typing_extensions import TypedDict

from webipc.core.errors import ProtocolError
from webipc.core.values.scalar import MAX_SAFE_INTEGER

Text = Annotated[str, Strict()]
Truth = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=MAX_SAFE_INTEGER)]
Positive = Annotated[int, Strict(), Field(ge=1, le=MAX_SAFE_INTEGER)]
Token = Annotated[str, Strict(), Field(pattern="^[0-9a-f]{32}$")]
# What may stand behind `Authorization: Bearer` (RFC 6750), so that it can be shown there.
Bearer = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9\-._~+/=]{1,8192}$")]

# rows.py has checked the types of these: Pydantic would only copy them.
_UNCHECKED: Final = GetPydanticSchema(lambda _source, _handler: any_schema())
OptionalMeta = Annotated[Mapping[str, Any] | None, _UNCHECKED]
Fixups = Annotated[Sequence[Any], _UNCHECKED]
Segments = Annotated[Sequence[memoryview], _UNCHECKED]


@with_config(ConfigDict(extra="allow"))
class ErrorValue(TypedDict):
    """The one field that every error has; `code`, `data`, `reference` and `cause` may hold anything until decoded."""

    message: Text


def violation(error: ValidationError) -> ProtocolError:
    """Name the field and what was expected, and nothing of the value, which may be the secret of a link."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ProtocolError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
