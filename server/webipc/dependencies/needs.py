"""`Needs`: what FastAPI fills in for one function of a channel, and how its values and a page's arguments make a call.

The parameters that are FastAPI's are taken out before the arguments of a page are counted, so no argument can reach
one. The solver is imported when the first function needs it.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from webipc.dependencies.parameters import without_alias

if TYPE_CHECKING:
    from webipc.dependencies.solver import Tree

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Needs:
    """What one function needs of FastAPI. Immutable."""

    __slots__ = ("_filled", "_guards", "_order", "_tree", "names")

    def __init__(
        self,
        parameters: Iterable[inspect.Parameter],
        filled: Sequence[inspect.Parameter],
        guards: Sequence[Any] = (),
        authenticate: Callable[..., Any] | None = None,
    ) -> None:
        """`parameters` are all behind the event; `filled` those of FastAPI, with resolved annotations.

        `guards` (`Depends(...)`) are solved before them. `authenticate` is the dependency that is the user of the
        caller (see `tree_of`). Raises TreeError.
        """
        self._filled = tuple(one.replace(annotation=without_alias(one.annotation)) for one in filled)
        self._guards = tuple(guards)
        # The parameters of FastAPI, by name.
        self.names = frozenset(one.name for one in filled)
        self._order = _order_of(list(parameters), self.names)
        self._tree = _tree_of(self._filled, self._guards, authenticate)

    @property
    def needs_threads(self) -> bool:
        """Whether FastAPI runs some of it in threads."""
        return self._tree.needs_threads

    @property
    def closes(self) -> bool:
        """Whether something of it is closed after the call: a dependency with `yield`."""
        return self._tree.closes

    def solved(self, scope: Mapping[str, Any], user: Any) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return what solves it for one call, as `Tree.solved`: `async with` it, the value is for `placed`.

        `scope` is that of the attach, whose application has the `dependency_overrides`; `user` is the caller's.
        """
        return self._tree.solved(scope, scope.get("app"), user=user)

    def placed(self, arguments: list[Any], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and the keyword arguments of a call, behind the event.

        `arguments` are those of the page, and are not changed; `values` what was solved.
        """
        by_name = dict(values)
        if not self._order:
            return arguments, by_name
        placed = []
        used = 0
        for name in self._order:
            if name is not None:
                placed.append(by_name.pop(name))
            elif used < len(arguments):
                placed.append(arguments[used])
                used += 1
            else:
                # The page has left out the rest, which have defaults.
                return placed, by_name
        return placed + arguments[used:], by_name


def _order_of(parameters: list[inspect.Parameter], names: frozenset[str]) -> tuple[str | None, ...]:
    """Return which positional parameters are FastAPI's, by name, and which a page's: None.

    Empty where those of FastAPI stand behind all others, and so can be given by name.
    """
    positional = [one.name if one.name in names else None for one in parameters if one.kind in _POSITIONAL]
    if not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        while positional and positional[-1] is not None:
            positional.pop()
    return tuple(positional) if any(positional) else ()


def _tree_of(
    filled: Sequence[inspect.Parameter], guards: Sequence[Any], authenticate: Callable[..., Any] | None
) -> "Tree":
    from webipc.dependencies.solver import tree_of

    return tree_of(filled, guards=guards, authenticate=authenticate)
