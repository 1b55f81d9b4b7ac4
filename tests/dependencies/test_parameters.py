"""What FastAPI fills in from a request is refused when a function is registered: a page must not supply the value."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, File, Form, Header, Path, Query, Request, Response, Security
from fastapi import WebSocket as FastApiWebSocket
from fastapi.security import HTTPBearer, SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.channels.handler import Handler, HandlerError, Role

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


def by_default(event: IpcMainInvokeEvent, user: User = Depends(current_user)) -> None: ...  # noqa: B008 - it is the question
def by_annotation(event: IpcMainInvokeEvent, user: Annotated[User, Depends(current_user)]) -> None: ...
def by_alias(event: IpcMainInvokeEvent, user: CurrentUser) -> None: ...
def by_optional(event: IpcMainInvokeEvent, user: CurrentUser | None = None) -> None: ...
def by_list(event: IpcMainInvokeEvent, users: list[CurrentUser]) -> None: ...
def by_keyword(event: IpcMainInvokeEvent, *, user: User = Depends(current_user)) -> None: ...  # noqa: B008 - as above
def behind_arguments(event: IpcMainInvokeEvent, n: int, user: CurrentUser) -> None: ...
def by_string(event: IpcMainInvokeEvent, user: "CurrentUser") -> None: ...
def by_rest(event: IpcMainInvokeEvent, *users: CurrentUser) -> None: ...
def without_annotation(event: IpcMainInvokeEvent, user: Any = Depends(current_user)) -> None: ...  # noqa: B008 - as above


@pytest.mark.parametrize("role", ["on", "handle"])
@pytest.mark.parametrize(
    "function",
    [
        by_default,
        by_annotation,
        by_alias,
        by_optional,
        by_list,
        by_keyword,
        behind_arguments,
        by_string,
        by_rest,
        without_annotation,
    ],
)
def test_a_dependency_is_refused_however_it_is_written(function: Callable[..., Any], role: Role) -> None:
    with pytest.raises(HandlerError, match=r"FastAPI would fill in 'users?' \(Depends\)") as caught:
        Handler(function, "wipe", role)
    assert caught.value.code == "bad-handler"
    assert "call the dependency in the body" in str(caught.value)


@pytest.mark.parametrize(
    "annotation, name",
    [
        (Annotated[str, Security(HTTPBearer())], "Security"),
        (Annotated[str, OwnDepends(current_user)], "OwnDepends"),
        (Annotated[str, Header()], "Header"),
        (Annotated[str | None, Cookie()], "Cookie"),
        (Annotated[int, Query(gt=0)], "Query"),
        (Annotated[int, Path(gt=0)], "Path"),
        (Annotated[User, Body()], "Body"),
        (Annotated[str, Form()], "Form"),
        (Annotated[bytes, File()], "File"),
        (Request, "Request"),
        (Request | None, "Request"),
        (FastApiWebSocket, "WebSocket"),
        (HTTPConnection, "HTTPConnection"),
        (Response, "Response"),
        (BackgroundTasks, "BackgroundTasks"),
        (SecurityScopes, "SecurityScopes"),
    ],
)
def test_every_parameter_that_fastapi_fills_in_from_a_request_is_refused(annotation: Any, name: str) -> None:
    def wipe(event: Any, given: Any) -> None: ...

    wipe.__annotations__["given"] = annotation
    with pytest.raises(HandlerError, match=rf"FastAPI would fill in 'given' \({name}\)"):
        Handler(wipe, "wipe", "handle")


@pytest.mark.parametrize("default", [Header(), Cookie(), Query(1), Body()])
def test_a_default_of_fastapi_is_refused_by_its_own_name(default: Any) -> None:
    def wipe(event: Any, given: str = default) -> None: ...

    with pytest.raises(HandlerError, match=type(default).__name__):
        Handler(wipe, "wipe", "handle")


def test_the_error_names_the_channel_the_parameter_and_a_remedy() -> None:
    ipc_main = IpcMain()
    with pytest.raises(HandlerError) as caught:
        ipc_main.handle("wipe", by_annotation)
    assert str(caught.value) == (
        "handler for 'wipe': FastAPI would fill in 'user' (Depends), but a message of a page is no request: "
        "call the dependency in the body, with what it needs of the event"
    )


def test_a_listener_with_a_dependency_is_refused_too() -> None:
    def listen(event: IpcMainEvent, user: CurrentUser) -> None: ...

    with pytest.raises(HandlerError, match="Depends"):
        IpcMain().on("wipe", listen)


def test_constraints_of_pydantic_and_generic_models_are_ordinary_arguments() -> None:
    def draw(event: Any, size: Annotated[int, Field(gt=0)], page: Page[User], names: dict[str, list[str]]) -> None: ...

    bound = Handler(draw, "draw", "handle").bind([1, {"item": {"name": "Ada"}}, {}])
    assert bound == [1, Page[User](item=User(name="Ada")), {}]
