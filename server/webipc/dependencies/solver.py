"""FastAPI's solver for functions that are no path operations: `tree_of` reads their dependencies, `solved` runs them.

The only file that knows how FastAPI solves, which is no public API of it; what it uses is the same from 0.115.0 on
(tests/packaging/test_fastapi_versions.py). Imported by those that have something to solve, so that an application
without dependencies does not depend on it.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, get_parameterless_sub_dependant, solve_dependencies
from fastapi.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from webipc.dependencies.parameters import TreeError
from webipc.dependencies.request_view import no_body, request_view

# Where the scope of a call has the user, for `user_of_caller`.
_USER: Final = "webipc.user"
# Where FastAPI looks for the stacks that close `yield` dependencies; older versions take the first as an argument.
_REQUEST_STACK: Final = "fastapi_inner_astack"
_FUNCTION_STACK: Final = "fastapi_function_astack"
# What FastAPI fills in that a message of a page does not have.
_OF_A_RESPONSE: Final = (
    ("response_param_name", "Response"),
    ("background_tasks_param_name", "BackgroundTasks"),
    ("websocket_param_name", "WebSocket"),
)

Function = Callable[..., Any]


class SwallowedError(RuntimeError):
    """A dependency with `yield` has caught an exception and not raised it again."""

    def __init__(self) -> None:
        super().__init__(
            "expected a dependency with `yield` to raise again what it catches, and it did not, so there is no answer: "
            "end its `except` block with `raise`"
        )


class Tree:
    """The dependencies of one function, read once. Immutable."""

    __slots__ = ("_authenticate", "_root", "_unchanged", "closes", "needs_threads")

    def __init__(self, unchanged: Dependant, root: Dependant, authenticate: Function | None) -> None:
        """`root` is `unchanged` with the user of the caller in the place of `authenticate`."""
        self._unchanged = unchanged
        self._root = root
        self._authenticate = authenticate
        functions = [_function_of(each.call) for each in _all(root) if each is not root]
        # Whether FastAPI runs some of it in threads: a `def`, with `yield` or without.
        self.needs_threads = not all(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in functions)
        # Whether some of it is closed when the block is left: what has a `yield`.
        self.closes = any(inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f) for f in functions)

    def solved(
        self, scope: Mapping[str, Any], app: Any, *, user: Any = None
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return what runs it for one call, as the function `solved`: `async with` it."""
        return solved(self, scope, app, user=user)

    def within(self, app: Any) -> tuple[Dependant, Any]:
        """Return what is to be solved in an application, and whose `dependency_overrides` count."""
        overrides: Mapping[Function, Function] | None = getattr(app, "dependency_overrides", None)
        if not overrides:
            return self._root, None
        authenticate = self._authenticate
        if authenticate is None or _takes_scopes(
            get_dependant(path="", call=overrides.get(authenticate, authenticate))
        ):
            return self._unchanged, app
        # A function that overrides another one may depend on the user as well.
        return self._unchanged, _Overrides({**overrides, authenticate: user_of_caller})


class _Overrides:
    """What FastAPI asks for overrides in the place of an application."""

    def __init__(self, dependency_overrides: dict[Function, Function]) -> None:
        self.dependency_overrides = dependency_overrides


async def user_of_caller(connection: HTTPConnection) -> Any:
    """Return the user of the caller: the dependency in the place of the application's `authenticate`."""
    return connection.scope[_USER]


def tree_of(
    parameters: Sequence[inspect.Parameter],
    *,
    guards: Sequence[params.Depends] = (),
    authenticate: Function | None = None,
) -> Tree:
    """Read the dependencies of a function once, for `solved`.

    `parameters` are those that FastAPI is to fill in, with annotations that have no strings in them. `guards` are
    solved before them, in their order. `Depends(authenticate)`, at any depth, is the user of the caller, who was asked
    already; not where its tree takes SecurityScopes, because then the scopes are checked by the function itself.

    Raises TreeError for what a message of a page cannot give, and for what FastAPI cannot read.
    """
    unchanged = _read(parameters, guards)
    for each in _all(unchanged):
        _refuse(each, is_root=each is unchanged)
    own = [each for each in _all(unchanged) if authenticate is not None and each.call == authenticate]
    if not own or _takes_scopes(own[0]):
        return Tree(unchanged, unchanged, authenticate)
    # Read again and not copied: a `Dependant` has cached what follows from its fields.
    root = _read(parameters, guards)
    for one in _all(root):
        one.dependencies[:] = [_user(each.name) if each.call == authenticate else each for each in one.dependencies]
    return Tree(unchanged, root, authenticate)


@asynccontextmanager
async def solved(tree: Tree, scope: Mapping[str, Any], app: Any, *, user: Any = None) -> AsyncIterator[dict[str, Any]]:
    """Run the dependencies; the value is what each parameter gets, by its name.

    `scope` is the ASGI scope of the attach, `app` the application whose `dependency_overrides` count, `user` the user
    of the caller. Leaving it closes the dependencies with `yield`, which see an exception of the block.

    Raises HTTPException with the status 422 when a header, a cookie or the query does not fit its parameter, and
    SwallowedError when a dependency has caught the exception of the block and not raised it again.
    """
    view = request_view(scope)
    view[_USER] = user
    root, provider = tree.within(app)
    is_complete = False
    async with AsyncExitStack() as request_stack, AsyncExitStack() as function_stack:
        view[_REQUEST_STACK], view[_FUNCTION_STACK] = request_stack, function_stack
        done = await solve_dependencies(
            request=Request(view, no_body),
            dependant=root,
            dependency_overrides_provider=provider,
            async_exit_stack=request_stack,
            embed_body_fields=False,
        )
        if done.errors:
            raise HTTPException(422, [_without_values(error) for error in done.errors])
        yield done.values
        is_complete = True
    if not is_complete:
        raise SwallowedError


def _read(parameters: Sequence[inspect.Parameter], guards: Sequence[params.Depends]) -> Dependant:
    def carrier() -> None:
        """Carry the signature."""

    for guard in guards:
        if not isinstance(guard, params.Depends):
            raise TreeError(f"expected Depends(...) in `dependencies`, got {guard!r:.80}")
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    carrier.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    try:
        root = get_dependant(path="", call=carrier)
        root.dependencies[:0] = [get_parameterless_sub_dependant(depends=guard, path="") for guard in guards]
    except Exception as error:
        place = _place_of(error, carrier)
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise TreeError(f"FastAPI cannot fill in {place}: {reason}") from error
    return root


def _place_of(error: Exception, carrier: Function) -> str:
    """Return which parameter FastAPI was reading, and of which function: its errors do not always say."""
    place = "a dependency"
    trace = error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_locals
        if trace.tb_frame.f_code is get_dependant.__code__ and "param_name" in names:
            place = f"'{names['param_name']}'"
            if names["call"] is not carrier:
                place += f" of the dependency {_name_of(names['call'])}"
        trace = trace.tb_next
    return place


def _all(root: Dependant) -> Iterator[Dependant]:
    waiting = [root]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.dependencies


def _refuse(one: Dependant, *, is_root: bool) -> None:
    """Raise TreeError where a function takes what a message of a page does not have."""
    found = [(name, kind) for field, kind in _OF_A_RESPONSE if (name := getattr(one, field)) is not None]
    found += [(field.name, type(field.field_info).__name__) for field in (*one.path_params, *one.body_params)]
    for name, kind in found:
        whose = "" if is_root else f" of the dependency {_name_of(one.call)}"
        text = f"FastAPI would fill in '{name}'{whose} ({kind}), which a message of a page does not have"
        raise TreeError(text, kind)


def _user(name: str | None) -> Dependant:
    return get_dependant(path="", call=user_of_caller, name=name)


def _takes_scopes(function: Dependant) -> bool:
    return any(one.security_scopes_param_name is not None for one in _all(function))


def _function_of(call: Any) -> Any:
    """Return the function that is called: that of a partial, `__call__` of an object."""
    while isinstance(call, functools.partial):
        call = call.func
    return call if inspect.isroutine(call) or inspect.isclass(call) else type(call).__call__


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _without_values(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error of Pydantic without the value: it may be a cookie that scripts must not read."""
    return {"type": error["type"], "loc": [str(part) for part in error["loc"]], "msg": error["msg"]}
