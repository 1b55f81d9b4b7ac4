"""Which parameters of a handler are FastAPI's, which a page's, and what is refused when a function is registered."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, File, Form, Header, Path, Query, Request, Response, Security
from fastapi import WebSocket as FastApiWebSocket
from fastapi.security import HTTPBearer, SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from typing_extensions import TypeAliasType

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler, HandlerError

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTheTypeChecker

T = TypeVar("T")


class User(BaseModel):
    name: str
    role: str = "guest"


class OwnDepends(type(Depends())):  # type: ignore[misc]  # FastAPI says little about its class
    pass


class Page(BaseModel, Generic[T]):
    item: T


def current_user() -> User:
    return User(name="Ada")


CurrentUser = Annotated[User, Depends(current_user)]
AliasedUser = TypeAliasType("AliasedUser", CurrentUser)


def by_default(event: IpcMainInvokeEvent, a: int, user: User = Depends(current_user)) -> None: ...  # noqa: B008 - it is the question
def by_annotation(event: IpcMainInvokeEvent, user: Annotated[User, Depends(current_user)], a: int) -> None: ...
def by_name(event: IpcMainInvokeEvent, user: CurrentUser, a: int) -> None: ...
def by_alias(event: IpcMainInvokeEvent, user: AliasedUser, a: int) -> None: ...
def by_keyword(event: IpcMainInvokeEvent, a: int, *, user: CurrentUser) -> None: ...
def by_keyword_default(event: IpcMainInvokeEvent, a: int, *, user: User = Depends(current_user)) -> None: ...  # noqa: B008 - as above
def behind_arguments(event: IpcMainInvokeEvent, a: int, user: CurrentUser) -> None: ...
def by_string(event: IpcMainInvokeEvent, user: "CurrentUser", a: int) -> None: ...
def without_annotation(event: IpcMainInvokeEvent, a: int, user: Any = Depends(current_user)) -> None: ...  # noqa: B008 - as above
def with_a_type_of_the_type_checker(
    event: IpcMainInvokeEvent,
    a: int,
    user: "OnlyForTheTypeChecker" = Depends(current_user),  # noqa: B008 - as above
) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        by_default,
        by_annotation,
        by_name,
        by_alias,
        by_keyword,
        by_keyword_default,
        behind_arguments,
        by_string,
        without_annotation,
        with_a_type_of_the_type_checker,
    ],
)
def test_a_dependency_is_no_argument_of_a_page_however_it_is_written(function: Callable[..., Any]) -> None:
    handler = Handler(function, "wipe", "handle")
    assert handler.bind([1]) == [1]
    assert handler.needs is not None
    assert handler.needs.names == {"user"}
    assert [parameter["name"] for parameter in handler.describe()["parameters"]] == ["a"]
    with pytest.raises(ArgumentError, match=r"takes 1 argument \(a\), 2 were given"):
        handler.bind([1, {"name": "Mallory", "role": "admin"}])


def test_a_function_without_dependencies_needs_nothing() -> None:
    def add(event: Any, a: int, b: int) -> None: ...

    assert Handler(add, "add", "handle").needs is None


def first(event: Any, user: CurrentUser, a: int, b: int = 2) -> None: ...
def between(event: Any, a: int, user: CurrentUser, b: int = 2) -> None: ...
def before_rest(event: Any, a: int, user: CurrentUser, *rest: int) -> None: ...
def last(event: Any, a: int, b: int = 2, user: CurrentUser = None) -> None: ...  # type: ignore[assignment] # FastAPI's way


@pytest.mark.parametrize(
    "function, arguments, expected",
    [
        (first, [1], (["Ada", 1], {})),
        (first, [1, 3], (["Ada", 1, 3], {})),
        (between, [1], ([1, "Ada"], {})),
        (between, [1, 3], ([1, "Ada", 3], {})),
        (before_rest, [1], ([1, "Ada"], {})),
        (before_rest, [1, 3, 4], ([1, "Ada", 3, 4], {})),
        (last, [1], ([1], {"user": "Ada"})),
        (last, [1, 3], ([1, 3], {"user": "Ada"})),
    ],
)
def test_what_was_solved_takes_its_place_among_the_arguments(
    function: Callable[..., Any], arguments: list[Any], expected: tuple[list[Any], dict[str, Any]]
) -> None:
    needs = Handler(function, "place", "handle").needs
    assert needs is not None
    assert needs.placed(arguments, {"user": "Ada"}) == expected


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[str, Security(HTTPBearer())],
        Annotated[str, OwnDepends(current_user)],
        Annotated[str, Header()],
        Annotated[str | None, Cookie()],
        Annotated[int, Query(gt=0)],
        Request,
        HTTPConnection,
        SecurityScopes,
    ],
)
def test_what_an_attach_has_is_filled_in(annotation: Any) -> None:
    def read(event: Any, given: Any) -> None: ...

    read.__annotations__["given"] = annotation
    needs = Handler(read, "read", "handle").needs
    assert needs is not None
    assert needs.names == {"given"}


@pytest.mark.parametrize(
    "annotation, name",
    [
        (Annotated[int, Path(gt=0)], "Path"),
        (Annotated[User, Body()], "Body"),
        (Annotated[str, Form()], "Form"),
        (Annotated[bytes, File()], "File"),
        (FastApiWebSocket, "WebSocket"),
        (Response, "Response"),
        (BackgroundTasks, "BackgroundTasks"),
    ],
)
def test_what_only_a_request_has_is_refused(annotation: Any, name: str) -> None:
    def wipe(event: Any, given: Any) -> None: ...

    wipe.__annotations__["given"] = annotation
    text = rf"handler for 'wipe': FastAPI would fill in 'given' \({name}\), which a message of a page does not have: "
    with pytest.raises(HandlerError, match=text):
        Handler(wipe, "wipe", "handle")


@pytest.mark.parametrize(
    "annotation, name",
    [
        (list[CurrentUser], "Depends"),
        (AliasedUser | None, "Depends"),
        (Request | None, "Request"),
        (Annotated[AliasedUser, Field()], "Depends"),
    ],
)
def test_what_fastapi_does_not_find_where_it_stands_is_refused(annotation: Any, name: str) -> None:
    def wipe(event: Any, given: Any = None) -> None: ...

    wipe.__annotations__["given"] = annotation
    with pytest.raises(HandlerError, match=rf"fill in 'given' \({name}\), .* write Annotated\[type, {name}\(...\)\]"):
        Handler(wipe, "wipe", "handle")


def positional_only(event: Any, user: CurrentUser, /) -> None: ...
def as_rest(event: Any, *users: CurrentUser) -> None: ...
def as_keywords(event: Any, **users: CurrentUser) -> None: ...


@pytest.mark.parametrize("function", [positional_only, as_rest, as_keywords])
def test_what_cannot_be_given_by_name_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(HandlerError, match=r"fill in 'users?' \(Depends\), by name only"):
        Handler(function, "wipe", "handle")


def test_a_default_of_fastapi_is_refused_by_its_own_name() -> None:
    def wipe(event: Any, given: str = Body()) -> None: ...

    with pytest.raises(HandlerError, match=r"'given' \(Body\)"):
        Handler(wipe, "wipe", "handle")


def test_a_dependency_that_needs_a_request_is_refused_by_the_name_of_its_function() -> None:
    def set_cookie(response: Response) -> None: ...

    def wipe(event: Any, _: Annotated[None, Depends(set_cookie)]) -> None: ...

    text = r"handler for 'wipe': FastAPI would fill in 'response' of the dependency set_cookie \(Response\), which a "
    with pytest.raises(HandlerError, match=text) as caught:
        IpcMain().handle("wipe", wipe)
    assert caught.value.code == "bad-handler"


def test_a_header_whose_type_cannot_be_resolved_is_refused() -> None:
    def wipe(event: Any, size: "OnlyForTheTypeChecker" = Header()) -> None: ...  # noqa: B008 - it is the question

    with pytest.raises(HandlerError, match="cannot be resolved"):
        Handler(wipe, "wipe", "handle")


def event_is_missing(user: CurrentUser, a: int) -> None: ...
def event_is_missing_too(user: Any = Depends(current_user)) -> None: ...  # noqa: B008 - as above


@pytest.mark.parametrize("function", [event_is_missing, event_is_missing_too])
def test_a_dependency_is_not_taken_for_the_event(function: Callable[..., Any]) -> None:
    with pytest.raises(HandlerError, match="must take the event first"):
        Handler(function, "wipe", "handle")


# --- listeners -----------------------------------------------------------------------------------------------------


def test_a_plain_listener_with_a_dependency_is_refused() -> None:
    def listen(event: IpcMainEvent, user: CurrentUser) -> None: ...

    with pytest.raises(HandlerError, match=r"listener for 'wipe' with dependencies must be an `async def`.*: listen"):
        IpcMain().on("wipe", listen)


def test_so_it_is_with_a_guard_alone() -> None:
    def listen(event: IpcMainEvent) -> None: ...

    with pytest.raises(HandlerError, match="must be an `async def`"):
        Handler(listen, "wipe", "on", [Depends(current_user)])
    with pytest.raises(HandlerError, match="must be an `async def`"):
        Handler(listen, "wipe", "on").at("other", [Depends(current_user)])


def test_an_async_listener_may_have_dependencies_but_not_on_a_channel_of_the_emitter() -> None:
    async def listen(event: IpcMainEvent, user: CurrentUser) -> None: ...

    assert Handler(listen, "wipe", "on").needs is not None
    with pytest.raises(HandlerError, match="no page sends it a message"):
        IpcMain().on("newListener", listen)


# --- guards --------------------------------------------------------------------------------------------------------


def test_guards_of_a_router_stand_before_those_of_the_channel() -> None:
    ran: list[str] = []

    def noting(name: str) -> Any:
        async def note() -> None:
            ran.append(name)

        return Depends(note)

    async def handle(event: Any, _: None = noting("own")) -> None: ...

    handler = Handler(handle, "add", "handle", [noting("channel")]).at("todos:add", [noting("outer"), noting("router")])
    Probe(handler).run()
    assert ran == ["outer", "router", "channel", "own"]
    assert handler.channel == "todos:add"


def test_what_is_no_guard_is_refused() -> None:
    def handle(event: Any) -> None: ...

    with pytest.raises(HandlerError, match=r"handler for 'add': expected Depends\(...\) in `dependencies`, got"):
        Handler(handle, "add", "handle", [current_user])


class Probe:
    """Calls a handler with the event of nobody."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.connection = HTTPConnection({"type": "http", "headers": [], "query_string": b""})
        self.user = None

    def run(self) -> None:
        coroutine = self._handler(self)
        with pytest.raises(StopIteration):
            coroutine.send(None)


def test_a_function_with_dependencies_is_not_called_without_the_event_of_a_message() -> None:
    async def handle(event: Any, user: CurrentUser) -> None: ...

    with pytest.raises(TypeError, match=r"expected the event of a message.* got NoneType"):
        Handler(handle, "add", "handle")(None).send(None)


def test_constraints_of_pydantic_and_generic_models_are_ordinary_arguments() -> None:
    def draw(event: Any, size: Annotated[int, Field(gt=0)], page: Page[User], names: dict[str, list[str]]) -> None: ...

    bound = Handler(draw, "draw", "handle").bind([1, {"item": {"name": "Ada"}}, {}])
    assert bound == [1, Page[User](item=User(name="Ada")), {}]
