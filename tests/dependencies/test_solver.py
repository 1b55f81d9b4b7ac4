"""FastAPI's solver, used for the calls of pages: the contract with FastAPI.

Needs pytest and FastAPI only, so that it runs with any version of it, where nothing else is installed.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Path,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
    WebSocket,
)
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from webipc.dependencies.parameters import TreeError
from webipc.dependencies.solver import SwallowedError, Tree, solved, tree_of

APP = FastAPI()


def scope_of(headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """The scope of a WebSocket's handshake."""
    encoded = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return {
        "type": "websocket",
        "scheme": "wss",
        "server": ("app.example", 443),
        "path": "/ipc",
        "query_string": b"",
        "headers": encoded,
        "path_params": {"name": "value"},
        "client": ("10.0.0.1", 5),
        "state": {},
        "app": APP,
        **more,
    }


def tree(function: Callable[..., Any], **options: Any) -> Tree:
    return tree_of(list(inspect.signature(function).parameters.values()), **options)


async def values_of(
    function: Callable[..., Any],
    scope: dict[str, Any] | None = None,
    *,
    app: Any = APP,
    user: Any = None,
    **options: Any,
) -> dict[str, Any]:
    async with solved(tree(function, **options), scope or scope_of(), app, user=user) as values:
        return values


def solve(function: Callable[..., Any], scope: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return asyncio.run(values_of(function, scope, **options))


def test_a_dependency_a_header_a_cookie_and_the_query_come_from_the_attach() -> None:
    def settings(x_tenant: Annotated[str, Header()]) -> str:
        return f"settings of {x_tenant}"

    def handler(
        a: Annotated[str, Depends(settings)],
        x_tenant: Annotated[str, Header()],
        size: Annotated[int, Query()] = 7,
        session: str | None = Cookie(None),
        b: str = Depends(lambda: "plain"),
    ) -> None: ...

    scope = scope_of({"X-Tenant": "blue", "Cookie": "session=secret; other=1"}, query_string=b"size=3")
    assert solve(handler, scope) == {
        "a": "settings of blue",
        "x_tenant": "blue",
        "size": 3,
        "session": "secret",
        "b": "plain",
    }


def test_a_dependency_sees_a_get_request_without_a_body() -> None:
    async def look(request: Request) -> list[Any]:
        assert await request.is_disconnected() is False
        with pytest.raises(RuntimeError, match="reads no body"):
            await request.body()
        return [request.method, str(request.url), request.path_params, request.client, request.app]

    def handler(seen: Annotated[list[Any], Depends(look)], connection: HTTPConnection) -> None: ...

    values = solve(handler)
    assert values["seen"] == ["GET", "https://app.example/ipc", {}, ("10.0.0.1", 5), APP]
    assert values["connection"].scope["type"] == "http"


def test_the_scope_of_the_attach_is_left_as_it_is() -> None:
    async def note(request: Request) -> None:
        request.state.noted = True
        request.scope["own"] = 1

    def handler(_: Annotated[None, Depends(note)]) -> None: ...

    scope = scope_of(state={"from_middleware": 1})
    before = {**scope, "state": {"from_middleware": 1}}
    solve(handler, scope)
    assert scope == before


def test_two_calls_at_once_do_not_share_their_state() -> None:
    met = asyncio.Barrier(2)

    async def note(request: Request) -> None:
        request.state.seen = [*getattr(request.state, "seen", []), request.state.tenant]
        await met.wait()

    async def read(request: Request, _: Annotated[None, Depends(note)]) -> Any:
        return request.state.seen

    def handler(seen: Annotated[Any, Depends(read)]) -> None: ...

    async def both() -> list[dict[str, Any]]:
        scope = scope_of(state={"tenant": "blue"})
        return list(await asyncio.gather(values_of(handler, scope), values_of(handler, scope)))

    assert asyncio.run(both()) == [{"seen": ["blue"]}, {"seen": ["blue"]}]


def test_guards_run_first_and_in_their_order() -> None:
    ran: list[str] = []

    def noting(name: str) -> Any:
        async def note() -> None:
            ran.append(name)

        return Depends(note)

    def handler(_: None = noting("own")) -> None: ...

    assert solve(handler, guards=[noting("first"), noting("second")]) == {"_": None}
    assert ran == ["first", "second", "own"]


def test_a_guard_that_raises_keeps_the_rest_from_running() -> None:
    ran: list[str] = []

    def refuse() -> None:
        raise HTTPException(403, "not you")

    def handler(_: None = Depends(lambda: ran.append("own"))) -> None: ...

    with pytest.raises(HTTPException, match="not you"):
        solve(handler, guards=[Depends(refuse)])
    assert ran == []


def test_what_two_parameters_depend_on_runs_once() -> None:
    ran: list[int] = []

    def count() -> int:
        ran.append(1)
        return len(ran)

    def double(one: Annotated[int, Depends(count)]) -> int:
        return 2 * one

    def handler(
        one: Annotated[int, Depends(count)],
        two: Annotated[int, Depends(double)],
        fresh: Annotated[int, Depends(count, use_cache=False)],
    ) -> None: ...

    assert solve(handler) == {"one": 1, "two": 2, "fresh": 2}


def test_what_does_not_fit_is_an_http_error_that_does_not_show_the_value() -> None:
    def handler(session: Annotated[int, Cookie()], x_missing: Annotated[str, Header()]) -> None: ...

    with pytest.raises(HTTPException) as caught:
        solve(handler, scope_of({"Cookie": "session=canary"}))
    assert caught.value.status_code == 422
    assert "canary" not in str(caught.value.detail)
    detail: Any = caught.value.detail
    assert sorted((error["type"], error["loc"]) for error in detail) == [
        ("int_parsing", ["cookie", "session"]),
        ("missing", ["header", "x-missing"]),
    ]


class Steps:
    """What dependencies with `yield` have noted."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def outer(self) -> AsyncIterator[str]:
        try:
            yield "outer"
        except BaseException as error:
            self.seen.append(f"outer saw {type(error).__name__}")
            raise
        finally:
            self.seen.append("outer closed")

    def inner(self) -> Iterator[str]:
        try:
            yield "inner"
        except BaseException as error:
            self.seen.append(f"inner saw {type(error).__name__}")
            raise
        finally:
            self.seen.append("inner closed")

    def handler(self) -> Callable[..., Any]:
        def handler(a: str = Depends(self.outer), b: str = Depends(self.inner)) -> None: ...

        return handler


def test_dependencies_with_yield_close_in_reverse_order_when_the_block_is_left() -> None:
    steps = Steps()

    async def run() -> None:
        async with solved(tree(steps.handler()), scope_of(), APP) as values:
            assert values == {"a": "outer", "b": "inner"}
            assert steps.seen == []

    asyncio.run(run())
    assert steps.seen == ["inner closed", "outer closed"]


def test_dependencies_with_yield_see_the_error_of_the_block() -> None:
    steps = Steps()

    async def run() -> None:
        async with solved(tree(steps.handler()), scope_of(), APP):
            raise LookupError("of the block")

    with pytest.raises(LookupError, match="of the block"):
        asyncio.run(run())
    assert steps.seen == ["inner saw LookupError", "inner closed", "outer saw LookupError", "outer closed"]


def test_dependencies_with_yield_see_the_error_of_a_later_dependency() -> None:
    steps = Steps()

    def fail(_: str = Depends(steps.outer)) -> None:
        raise LookupError("of a dependency")

    def handler(_: None = Depends(fail)) -> None: ...

    with pytest.raises(LookupError, match="of a dependency"):
        solve(handler)
    assert steps.seen == ["outer saw LookupError", "outer closed"]


def test_dependencies_with_yield_see_a_cancellation_and_close_once() -> None:
    steps = Steps()

    def handler(_: str = Depends(steps.outer)) -> None: ...

    async def run() -> None:
        begun = asyncio.Event()

        async def call() -> None:
            async with solved(tree(handler), scope_of(), APP):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert steps.seen == ["outer saw CancelledError", "outer closed"]


def test_fifty_calls_at_once_close_once_each() -> None:
    closed: list[int] = []
    numbers = iter(range(50))

    async def connect() -> AsyncIterator[int]:
        number = next(numbers)
        yield number
        await asyncio.sleep(0)
        closed.append(number)

    def handler(_: int = Depends(connect)) -> None: ...

    async def run() -> None:
        await asyncio.gather(*[values_of(handler) for _ in range(50)])

    asyncio.run(run())
    assert sorted(closed) == list(range(50))


def test_an_error_while_closing_is_that_of_the_block() -> None:
    async def connect() -> AsyncIterator[None]:
        yield
        raise HTTPException(409, "the commit has failed")

    def handler(_: None = Depends(connect)) -> None: ...

    with pytest.raises(HTTPException, match="the commit has failed"):
        solve(handler)


def test_a_dependency_that_swallows_the_error_of_the_block_is_named_as_the_fault() -> None:
    async def connect() -> AsyncIterator[None]:
        with contextlib.suppress(LookupError):
            yield

    def handler(_: None = Depends(connect)) -> None: ...

    async def run() -> None:
        async with solved(tree(handler), scope_of(), APP):
            raise LookupError

    with pytest.raises(SwallowedError, match="end its `except` block with `raise`"):
        asyncio.run(run())


# --- what is refused -----------------------------------------------------------------------------------------------


class Item(BaseModel):
    name: str


def takes_response(response: Response) -> None: ...
def takes_tasks(tasks: BackgroundTasks) -> None: ...
def takes_socket(socket: WebSocket) -> None: ...
def takes_body(body: Annotated[str, Body()]) -> None: ...
def takes_model(item: Item) -> None: ...
def takes_path(number: Annotated[int, Path()]) -> None: ...
def takes_file(file: UploadFile) -> None: ...


OF_A_REQUEST = [
    (takes_response, "response"),
    (takes_tasks, "tasks"),
    (takes_socket, "socket"),
    (takes_body, "body"),
    (takes_model, "item"),
    (takes_path, "number"),
    (takes_file, "file"),
]


@pytest.mark.parametrize("function, name", OF_A_REQUEST)
def test_what_a_message_does_not_have_is_refused(function: Callable[..., Any], name: str) -> None:
    with pytest.raises(TreeError, match=rf"'{name}'"):
        tree(function)


@pytest.mark.parametrize("function, name", OF_A_REQUEST)
def test_so_it_is_at_any_depth_with_the_name_of_its_function(function: Callable[..., Any], name: str) -> None:
    def between(_: Annotated[None, Depends(function)]) -> None: ...

    def handler(_: Annotated[None, Depends(between)]) -> None: ...

    with pytest.raises(TreeError, match=rf"'{name}' of the dependency {function.__name__}\b"):
        tree(handler)
    with pytest.raises(TreeError, match=rf"'{name}' of the dependency {function.__name__}\b"):
        tree(lambda: None, guards=[Depends(between)])


def test_what_fastapi_cannot_read_is_refused_with_the_name_of_the_parameter() -> None:
    def broken(never: Annotated[str, Query("no default here")]) -> None: ...

    def handler(_: Annotated[None, Depends(broken)]) -> None: ...

    with pytest.raises(TreeError, match=r"cannot fill in 'never' of the dependency broken: `Query` default value"):
        tree(handler)


# --- the user of the caller ----------------------------------------------------------------------------------------


async def current_user(x_token: Annotated[str, Header()]) -> str:
    raise HTTPException(401, f"{x_token} is no token any more")


async def organisation(user: Annotated[str, Depends(current_user)]) -> str:
    return f"organisation of {user}"


def needs_user(
    request: Request, user: Annotated[str, Depends(current_user)], its: Annotated[str, Depends(organisation)]
) -> None: ...


def test_the_dependency_that_authenticates_is_the_user_of_the_caller_at_every_depth() -> None:
    values = solve(needs_user, authenticate=current_user, user="Ada")
    assert (values["user"], values["its"]) == ("Ada", "organisation of Ada")


def test_without_authenticate_it_is_a_dependency_like_any_other() -> None:
    with pytest.raises(HTTPException, match="old is no token any more"):
        solve(needs_user, scope_of({"X-Token": "old"}), user="Ada")


def test_as_a_guard_it_asks_nobody() -> None:
    assert solve(lambda: None, authenticate=current_user, guards=[Depends(current_user)], user="Ada") == {}


def test_a_method_that_authenticates_is_recognised() -> None:
    class Users:
        async def current(self) -> str:
            raise HTTPException(401)

    users = Users()

    def handler(user: str = Depends(users.current)) -> None: ...

    assert solve(handler, authenticate=users.current, user="Ada") == {"user": "Ada"}


bearer = OAuth2PasswordBearer("token", scopes={"read": "", "write": ""})


async def scoped_user(scopes: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> str:
    if missing := set(scopes.scopes) - set(token.split()):
        raise HTTPException(403, f"missing: {', '.join(sorted(missing))}")
    return f"user of {token}"


async def active_user(user: Annotated[str, Security(scoped_user, scopes=["read"])]) -> str:
    return user


@pytest.mark.parametrize("authenticate", [scoped_user, active_user])
def test_a_function_that_checks_scopes_is_not_replaced(authenticate: Callable[..., Any]) -> None:
    def handler(user: Annotated[str, Security(authenticate, scopes=["write"])]) -> None: ...

    scope = scope_of({"Authorization": "Bearer read write"})
    assert solve(handler, scope, authenticate=authenticate, user="Ada") == {"user": "user of read write"}
    with pytest.raises(HTTPException, match="missing: write"):
        solve(handler, scope_of({"Authorization": "Bearer read"}), authenticate=authenticate, user="Ada")


# --- overrides -----------------------------------------------------------------------------------------------------


def overriding(**overrides: Callable[..., Any]) -> FastAPI:
    app = FastAPI()
    known = {function.__name__: function for function in (current_user, organisation, scoped_user, settings)}
    app.dependency_overrides = {known[name]: override for name, override in overrides.items()}
    return app


def settings() -> str:
    return "settings"


def through(value: Annotated[str, Depends(settings)]) -> str:
    return f"through {value}"


def test_overrides_of_the_application_count_at_every_depth() -> None:
    def handler(one: Annotated[str, Depends(settings)], two: Annotated[str, Depends(through)]) -> None: ...

    app = overriding(settings=lambda: "other")
    assert solve(handler, app=app) == {"one": "other", "two": "through other"}
    assert solve(handler, app=FastAPI()) == {"one": "settings", "two": "through settings"}
    assert solve(handler, app=None) == {"one": "settings", "two": "through settings"}


def test_an_override_of_the_dependency_that_authenticates_has_counted_when_the_caller_was_asked() -> None:
    app = overriding(current_user=lambda: "another user")
    values = solve(needs_user, app=app, authenticate=current_user, user="Grace")
    assert (values["user"], values["its"]) == ("Grace", "organisation of Grace")


def test_a_function_that_overrides_another_may_depend_on_the_user_of_the_caller() -> None:
    async def other(user: Annotated[str, Depends(current_user)]) -> str:
        return f"other of {user}"

    values = solve(needs_user, app=overriding(organisation=other), authenticate=current_user, user="Ada")
    assert (values["user"], values["its"]) == ("Ada", "other of Ada")


def test_an_override_that_checks_scopes_is_not_replaced_either() -> None:
    def handler(user: Annotated[str, Security(current_user, scopes=["write"])]) -> None: ...

    scope = scope_of({"Authorization": "Bearer read"})
    with pytest.raises(HTTPException, match="missing: write"):
        solve(handler, scope, app=overriding(current_user=scoped_user), authenticate=current_user, user="Ada")


# --- threads -------------------------------------------------------------------------------------------------------


class AsyncObject:
    async def __call__(self) -> None: ...


async def waits(_: Annotated[None, Depends(AsyncObject())]) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("function, expected", [(waits, False), (settings, True), (through, True), (Steps, True)])
def test_a_tree_tells_whether_fastapi_needs_threads_for_it(function: Callable[..., Any], expected: bool) -> None:
    def handler(_: Annotated[Any, Depends(function)], request: Request) -> None: ...

    assert tree(handler).needs_threads is expected
