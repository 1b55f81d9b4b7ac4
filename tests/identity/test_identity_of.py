"""The identity of a user is a text, and what cannot be compared is an error that names the setting."""

import dataclasses
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from starlette.authentication import SimpleUser, UnauthenticatedUser

from webipc.identity.identity_of import IdentityError, identity_of, identity_text

ID = UUID("00000000-0000-0000-0000-000000000001")


@dataclasses.dataclass
class User:
    id: Any
    username: str = "ada"


class Role(StrEnum):
    ADMIN = "admin"


class Detached:
    """As an object of an ORM whose session is closed."""

    username = "ada"

    def __init__(self) -> None:
        self.username = "ada"

    @property
    def id(self) -> int:
        raise RuntimeError("not bound to a session")


@pytest.mark.parametrize(
    "user, expected",
    [
        (None, None),
        (UnauthenticatedUser(), None),
        (SimpleUser("ada"), "ada"),
        (User(7), "7"),
        (User("7"), "7"),
        (User(ID), str(ID)),
        (User(Role.ADMIN), "admin"),
        ("ada", "ada"),
        (7, "7"),
        (0, "0"),
        (ID, str(ID)),
    ],
)
def test_an_identity_is_that_of_the_user(user: Any, expected: str | None) -> None:
    assert identity_text(identity_of, user) == expected


@pytest.mark.parametrize(
    "user, found, remedy",
    [
        ({"id": 7}, "an object of the type dict", "user['id']"),
        (User(None), "None", "user.username"),
        (User(1.5), "an object of the type float", "user.username"),
        (User(True), "an object of the type bool", "user.username"),
        (object(), "an object of the type object", "user.id"),
        (True, "an object of the type bool", "user.id"),
        (b"ada", "an object of the type bytes", "user.id"),
        (User(""), "an empty text", "user.username"),
        ("", "an empty text", "user.id"),
        (Detached(), "not readable (RuntimeError)", "user.username"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_name_of_the_setting(user: Any, found: str, remedy: str) -> None:
    with pytest.raises(IdentityError) as caught:
        identity_text(identity_of, user)
    kind = type(user).__name__
    assert str(caught.value) == (
        f"the identity of an object of the type {kind} is {found}: expected a str, an int or a UUID, or None for "
        f"nobody. Say what tells users apart, such as IpcMain(identity=lambda user: {remedy})"
    )


def test_a_function_of_the_application_decides_instead() -> None:
    assert identity_text(lambda user: f"tenant:{user.id}", User(7)) == "tenant:7"
    assert identity_text(lambda _: None, User(7)) is None
    assert identity_text(lambda user: None if user is None else 1, None) is None


def test_what_such_a_function_raises_is_not_changed() -> None:
    def fails(_: Any) -> Any:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        identity_text(fails, User(7))


def test_what_such_a_function_returns_is_checked() -> None:
    with pytest.raises(IdentityError, match="is an object of the type list"):
        identity_text(lambda _: [7], User(7))
