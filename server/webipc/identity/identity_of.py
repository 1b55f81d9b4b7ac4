"""The identity of a user: the text by which two users are compared, here and in other workers.

Every doubt is an error. A user who is compared by a value that moves, such as a dict, would end each link that comes
back, and one who is compared by too little would get what was kept for another.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

_MISSING: Final = object()


class IdentityError(TypeError):
    """What stands for the identity of a user is nothing that can be compared."""

    def __init__(self, user: Any, found: str) -> None:
        """`found` is what was found in the place of an identity. No value is named: it may be a secret."""
        super().__init__(
            f"the identity of an object of the type {type(user).__name__} is {found}: expected a str, an int or a UUID,"
            f" or None for nobody. Say what tells users apart, such as IpcMain(identity=lambda user: {_remedy(user)})"
        )


def identity_of(user: Any) -> Any:
    """Return what tells a user from others: `user.id`, else `user.identity`, else the user itself.

    None where there is no user: for None, and where `user.is_authenticated` is False. This is the default of
    `IpcMain(identity=...)`. Raises IdentityError where the id is None, and what reading it raises.
    """
    if user is None or getattr(user, "is_authenticated", None) is False:
        return None
    for name in ("id", "identity"):
        value = getattr(user, name, _MISSING)
        if value is None:
            # Of a user who has logged in. None would be nobody.
            raise IdentityError(user, "None")
        if value is not _MISSING:
            return value
    return user


def identity_text(identity: Callable[[Any], Any], user: Any) -> str | None:
    """Return the identity of a user as a text, by a function such as `identity_of`; None for nobody.

    Raises IdentityError, whose text names the setting, where the function returns anything but an int, a UUID, None or
    a str that is not empty, or where the default function cannot read the user; and what a function of the application
    raises.
    """
    try:
        value = identity(user)
    except Exception as error:
        if identity is not identity_of or isinstance(error, IdentityError):
            raise
        raise IdentityError(user, f"not readable ({type(error).__name__})") from error
    if value is None:
        return None
    if isinstance(value, str):
        # Of a member of an Enum, its value.
        text = str.__str__(value)
        if not text:
            # As of a proxy's header without a value: it would be the same for all.
            raise IdentityError(user, "an empty text")
        return text
    # True would be the same for all.
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise IdentityError(user, f"an object of the type {type(value).__name__}")


def _remedy(user: Any) -> str:
    if isinstance(user, Mapping):
        return "user['id']"
    return "user.username" if "username" in getattr(user, "__dict__", ()) else "user.id"
