"""`Asking`: what an application wants to be asked of each client, and the check of the settings that say so."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, params

from webipc.dependencies.parameters import TreeError
from webipc.identity.identity_of import identity_of

if TYPE_CHECKING:
    from webipc.dependencies.solver import Tree

USER: Final = "user"
"""The name of the parameter that `authenticate` fills in."""

_REMEDY: Final = (
    "authenticate, and the dependencies of the application and of mount, run whenever a page connects: give this one "
    "to the routers that need it"
)

Authenticate = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """What an application wants to be asked of each client."""

    # Its dependencies, and `authenticate` as the parameter `USER`; None where it has neither.
    tree: "Tree | None" = None
    # Whose `dependency_overrides` count.
    app: Any = None
    # Whether the tree has that parameter. Otherwise the user is that of Starlette's AuthenticationMiddleware.
    authenticates: bool = False
    identity: Callable[[Any], Any] = identity_of
    # After how many seconds a user is asked again, about; None is never.
    max_age: float | None = None


def asking_of(
    app: Any,
    dependencies: Sequence[params.Depends],
    authenticate: Authenticate | None,
    identity: Callable[[Any], Any] = identity_of,
    max_age: float | None = None,
) -> Asking:
    """Return what is asked in an application that has these dependencies.

    Raises TreeError, which is a TypeError, where one of them takes what an attach does not have, such as a body.
    """
    if authenticate is None and not dependencies:
        return Asking(app=app, identity=identity, max_age=max_age)
    # Not before something is asked: see the module.
    from webipc.dependencies.solver import tree_of

    parameters = []
    if authenticate is not None:
        parameters.append(inspect.Parameter(USER, inspect.Parameter.KEYWORD_ONLY, default=Depends(authenticate)))
    try:
        tree = tree_of(parameters, guards=dependencies)
    except TreeError as error:
        raise TreeError(f"{error}. {_REMEDY}") from error
    return Asking(tree, app, authenticate is not None, identity, max_age)


def checked_authenticate(authenticate: Any) -> Authenticate | None:
    """Return the setting `authenticate`. Raises TypeError, with advice, where it is no function."""
    if authenticate is None or (callable(authenticate) and not isinstance(authenticate, params.Depends)):
        return authenticate
    advice = ""
    if isinstance(authenticate, params.Depends):
        name = getattr(authenticate.dependency, "__name__", "current_user")
        advice = f": write authenticate={name}, without Depends"
    raise TypeError(f"expected a function, as Depends takes it, for authenticate, got {_kind(authenticate)}{advice}")


def checked_identity(identity: Any) -> Callable[[Any], Any]:
    """Return the setting `identity`; None stands for the default. Raises TypeError, with advice, for a wrong one."""
    if identity is None:
        return identity_of
    if not callable(identity):
        raise TypeError(
            f"expected a function of the user for identity, such as lambda user: user.id, got {_kind(identity)}"
        )
    if inspect.iscoroutinefunction(identity) or inspect.iscoroutinefunction(getattr(identity, "__call__", None)):  # noqa: B004 - the method itself is looked at
        raise TypeError("identity is an async function: it must be a plain one. Load what it needs in authenticate")
    return identity  # type: ignore[no-any-return] # what it returns is checked at each attach


def checked_max_age(max_age: Any) -> float | None:
    """Return the setting `max_age`. Raises TypeError for what is no number, ValueError for one that is no time."""
    if max_age is None:
        return None
    if isinstance(max_age, bool) or not isinstance(max_age, int | float):
        raise TypeError(f"expected seconds or None for max_age, got {_kind(max_age)}")
    if not 0 < max_age < math.inf:
        raise ValueError(f"expected more than 0 seconds for max_age, got {max_age!r}: None is for never")
    return float(max_age)


def _kind(value: Any) -> str:
    return f"an object of the type {type(value).__name__}"
