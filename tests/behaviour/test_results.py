"""What a handler returns is narrowed to its return annotation, as the result of a FastAPI route is.

The classes here have a subclass each, whose instances carry a field more: it must not reach a page.
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Optional, TypeVar
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, PlainSerializer, SerializeAsAny
from typing_extensions import TypedDict

from tests.support.applications import application
from tests.support.logged import troubles
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, JSMap, JSSet
from webipc.testing import InvokeError, Renderer

if TYPE_CHECKING:
    from tests.behaviour.nowhere import Elsewhere  # type: ignore[import-not-found,unused-ignore]

T = TypeVar("T")
SECRET = "$2b$12$hash"


class UserOut(BaseModel):
    name: str


class UserInDb(UserOut):
    hashed_password: str = SECRET


class Tag(BaseModel, frozen=True):
    text: str


class OwnedTag(Tag, frozen=True):
    owner: str = SECRET


class Page(BaseModel, Generic[T]):
    items: list[T]


class Node(BaseModel):
    nodes: "list[Node]" = []


class Problem(BaseModel):
    kind: Literal["problem"] = "problem"


@dataclasses.dataclass
class Point:
    x: int


@dataclasses.dataclass
class OwnedPoint(Point):
    owner: str = SECRET


@dataclasses.dataclass
class Frame:
    """Has a field that Pydantic has no schema for."""

    pixels: memoryview
    size: int


@dataclasses.dataclass
class OwnedFrame(Frame):
    owner: str = SECRET


class Row(TypedDict):
    name: str
    rows: list["Row"]


class Named(TypedDict):
    """Fields with names that the schemas of Pydantic have as well."""

    type: str
    metadata: list[UserOut]
    config: set[Tag]
    default: UserOut
    schema: UserOut


class Record:
    """What a database gives: neither a model nor a dict."""

    def __init__(self) -> None:
        self.name = "Ada"
        self.hashed_password = SECRET


class Rich(BaseModel):
    """Values that structured clone has, or Python alone, and JSON has not."""

    when: datetime
    data: bytes
    tags: set[str]
    price: Decimal
    id: UUID
    more: Any


class OwnedRich(Rich):
    owner: str = SECRET


ADA = UserInDb(name="Ada")
NAME = {"name": "Ada"}
ROW = {"name": "Ada", "secret": SECRET, "rows": [{"name": "Eve", "rows": [], "secret": SECRET}]}

CASES: dict[str, tuple[Any, Any, Any]] = {
    "a model": (UserOut, ADA, NAME),
    "a dict for a model": (UserOut, {"name": "Ada", "hashed_password": SECRET}, NAME),
    "an object for a model": (UserOut, Record(), NAME),
    "a list": (list[UserOut], [ADA, ADA], [NAME, NAME]),
    "a dict": (dict[str, UserOut], {"a": ADA}, {"a": NAME}),
    "a mapping": (Mapping[str, UserOut], {"a": ADA}, {"a": NAME}),
    "a sequence": (Sequence[UserOut], [ADA], [NAME]),
    "an iterable": (Iterable[UserOut], [ADA], [NAME]),
    "a tuple": (tuple[UserOut, int], (ADA, 1), [NAME, 1]),
    "X | None": (UserOut | None, ADA, NAME),
    "Optional": (Optional[UserOut], None, None),  # noqa: UP045 - it is the question
    "a union": (Problem | UserOut, ADA, NAME),
    "Annotated": (Annotated[list[UserOut], Field(max_length=9)], [ADA], [NAME]),
    "a generic": (Page[UserOut], Page[UserInDb](items=[ADA]), {"items": [NAME]}),
    "a forward reference": ("UserOut", ADA, NAME),
    "a forward reference inside": (list["UserOut"], [ADA], [NAME]),
    "a coroutine": (Awaitable[UserOut], ADA, NAME),
    "a set": (set[Tag], {OwnedTag(text="a")}, JSSet([{"text": "a"}])),
    "a frozenset": (frozenset[Tag], frozenset({OwnedTag(text="a")}), JSSet([{"text": "a"}])),
    "fields of any name": (
        Named,
        {"type": "a", "metadata": [ADA], "config": {OwnedTag(text="a")}, "default": ADA, "schema": ADA},
        {"type": "a", "metadata": [NAME], "config": JSSet([{"text": "a"}]), "default": NAME, "schema": NAME},
    ),
    "a JSMap": (JSMap[str, UserOut], JSMap([("a", ADA)]), JSMap([("a", NAME)])),
    "a JSSet": (JSSet[UserOut], JSSet([ADA]), JSSet([NAME])),
    "a dataclass": (Point, OwnedPoint(1), {"x": 1}),
    "dataclasses": (list[Point], [OwnedPoint(1), Point(2)], [{"x": 1}, {"x": 2}]),
    "a dataclass without a schema": (Frame, OwnedFrame(memoryview(b"px"), 2), {"pixels": b"px", "size": 2}),
    "a TypedDict": (Row, ROW, {"name": "Ada", "rows": [{"name": "Eve", "rows": []}]}),
}


def plain(value: Any) -> Any:
    """Return a Set or Map as a list: their members here are dicts, which are compared by identity inside of them."""
    if isinstance(value, JSSet):
        return list(value)
    if isinstance(value, dict):
        return {name: plain(field) for name, field in value.items()}
    return list(value.items()) if isinstance(value, JSMap) else value


def register(ipc_main: IpcMain, annotation: Any, value: Any) -> None:
    """Register a handler of each kind, `async`, `def` and `lambda`, which returns this value."""

    async def in_loop(event: IpcMainInvokeEvent) -> Any:
        return value

    def in_thread(event: IpcMainInvokeEvent) -> Any:
        return value

    def later(event: IpcMainInvokeEvent) -> Any:
        return in_loop(event)

    functions: list[Callable[..., Any]] = [in_loop, in_thread, later]
    for function in functions:
        function.__annotations__["return"] = annotation
        ipc_main.handle(function.__name__, function)


KINDS = ["in_loop", "in_thread", "later"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
async def test_a_result_has_the_fields_of_its_annotation_and_no_others(case: str, kind: str) -> None:
    annotation, value, expected = CASES[case]
    app, ipc_main = application()
    register(ipc_main, annotation, value)
    async with Renderer(app) as page:
        answer = await page.invoke(kind)
    assert type(answer) is type(expected)
    assert plain(answer) == plain(expected)
    assert SECRET not in repr(answer)


@pytest.mark.parametrize("case", ["a model", "a list", "a dict for a model", "a union", "a generic", "a TypedDict"])
async def test_a_route_of_fastapi_with_the_annotation_answers_the_same(case: str) -> None:
    annotation, value, _ = CASES[case]
    app, ipc_main = application()
    register(ipc_main, annotation, value)

    def route() -> Any:
        return value

    app.get("/route", response_model=annotation)(route)
    async with Renderer(app) as page:
        answer = await page.invoke("in_loop")
    assert TestClient(app).get("/route").json() == answer


@pytest.mark.parametrize("annotation", [None, Any, object, dict, list, "no annotation"])
async def test_without_a_model_in_its_annotation_a_result_is_sent_as_it_is(annotation: Any) -> None:
    app, ipc_main = application()

    async def handler(event: IpcMainInvokeEvent) -> Any:
        return {"user": ADA}

    del handler.__annotations__["return"]
    if annotation != "no annotation":
        handler.__annotations__["return"] = annotation
    ipc_main.handle("in_loop", handler)
    assert (found := ipc_main.handler("in_loop")) is not None
    assert found.narrow is None
    async with Renderer(app) as page:
        assert await page.invoke("in_loop") == {"user": {"name": "Ada", "hashed_password": SECRET}}


async def test_an_annotation_may_ask_for_the_fields_of_the_class() -> None:
    app, ipc_main = application()
    register(ipc_main, SerializeAsAny[UserOut], ADA)
    async with Renderer(app) as page:
        assert await page.invoke("in_loop") == {"name": "Ada", "hashed_password": SECRET}


async def test_a_serializer_of_the_annotation_is_used() -> None:
    app, ipc_main = application()
    register(ipc_main, Annotated[UserOut, PlainSerializer(lambda user: f"<{user.name}>")], ADA)
    async with Renderer(app) as page:
        assert await page.invoke("in_loop") == "<Ada>"


@pytest.mark.parametrize("annotation", [Rich, list[Rich], None])
async def test_values_that_json_lacks_arrive_as_without_an_annotation(annotation: Any) -> None:
    app, ipc_main = application()
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    more = JSMap([(1, 2**60)])
    value = OwnedRich(when=moment, data=b"\0", tags={"a"}, price=Decimal("1.50"), id=UUID(int=1), more=more)
    is_list = annotation == list[Rich]
    register(ipc_main, annotation, [value] if is_list else value)
    async with Renderer(app) as page:
        answer = await page.invoke("in_loop")
    answer = answer[0] if is_list else answer
    assert answer == {
        "when": moment,
        "data": b"\0",
        "tags": JSSet(["a"]),
        "price": "1.50",
        "id": "00000000-0000-0000-0000-000000000001",
        "more": more,
        **({"owner": SECRET} if annotation is None else {}),
    }


MISFITS: dict[str, tuple[Any, Any, str]] = {
    "missing": (UserOut, {"nom": SECRET}, "result.name is missing"),
    "a wrong type": (UserOut, {"name": 5, "x": SECRET}, "result.name must be a valid string, got int"),
    "no value": (UserOut, None, "result must be a valid dictionary"),
    "in a list": (list[UserOut], [ADA, {"name": 5}], "result[1].name must be a valid string, got int"),
    "in a dict": (dict[str, UserOut], {"a": {"name": 5}}, "result.a.name must be a valid string, got int"),
    "in a union": (list[Point | UserOut], [{"name": 5}], "result[0].x is missing (and 1 more)"),
    "in a model": (Page[UserOut], {"items": [{"name": 5}]}, "result.items[0].name must be a valid string, got int"),
    "many": (list[UserOut], [{"name": 5}] * 9, "result[0].name must be a valid string, got int"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", MISFITS)
async def test_a_result_that_does_not_fit_is_an_internal_error_and_the_log_names_the_path(
    case: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    annotation, value, text = MISFITS[case]
    app, ipc_main = application(debug=False)
    register(ipc_main, annotation, value)
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="Internal error") as caught:
            await page.invoke(kind)
    assert caught.value.reference is not None
    assert f"the handler for '{kind}' does not keep its return annotation: {text}" in caplog.text
    # What does not fit may be a secret.
    assert SECRET not in caplog.text


async def test_in_debug_the_caller_reads_where_a_result_does_not_fit() -> None:
    app, ipc_main = application(debug=True)
    register(ipc_main, UserOut, {})
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"ResultError: .*: result\.name is missing"):
            await page.invoke("in_loop")


async def test_a_result_that_holds_itself_is_refused_with_a_path() -> None:
    app, ipc_main = application(debug=True)
    node = Node()
    node.nodes.append(node)
    register(ipc_main, Node, node)
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"An object could not be cloned\. result: a Node that cannot be"):
            await page.invoke("in_loop")


async def test_a_class_that_is_defined_below_the_handler_is_found_at_the_first_result() -> None:
    app, ipc_main = application()

    @ipc_main.handle("below")
    async def below(event: IpcMainInvokeEvent) -> "list[Below]":
        return [OwnedBelow()]

    async with Renderer(app) as page:
        assert await page.invoke("below") == [{"x": 1}]


class Below(BaseModel):
    x: int = 1


class OwnedBelow(Below):
    owner: str = SECRET


async def test_an_annotation_that_cannot_be_resolved_is_named_once_and_narrows_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()

    @ipc_main.handle("elsewhere")
    async def elsewhere(event: IpcMainInvokeEvent) -> "Elsewhere":
        return ADA

    async with Renderer(app) as page:
        for _ in range(2):
            assert await page.invoke("elsewhere") == {"name": "Ada", "hashed_password": SECRET}
    [line] = troubles(caplog)
    assert "elsewhere for 'elsewhere'" in line
    assert "name 'Elsewhere' is not defined (if it holds a model, import that outside of TYPE_CHECKING)" in line


async def test_answers_that_have_no_annotation_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    """`event.return_value` has none, and what a listener returns is ignored, whether it fits or not."""
    caplog.set_level(logging.INFO)
    app, ipc_main = application()

    @ipc_main.on("sync")
    def sync(event: IpcMainEvent) -> UserOut:
        event.return_value = ADA
        return None  # type: ignore[return-value]  # it is the question

    async with Renderer(app) as page:
        assert await page.send_sync("sync") == {"name": "Ada", "hashed_password": SECRET}
    assert troubles(caplog) == []
