"""A function is inspected when it is registered, and refused there with the right signature if it cannot work."""

from __future__ import annotations

import functools
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar
from unittest.mock import AsyncMock, Mock

import pytest
from pydantic import BaseModel, Field

from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler, HandlerError, Role
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTheTypeChecker

    from webipc.electron import ipc_event as only_for_the_type_checker

EventT = TypeVar("EventT", bound=IpcMainEvent)
AnyT = TypeVar("AnyT")

EVENT: Any = "the event"


class Point(BaseModel):
    x: float
    y: float = 0


class HasSender(Protocol):
    sender: Any


class OwnEvent(IpcMainInvokeEvent):
    """An application may derive its own, for its type checker."""


class Service:
    """Has methods to register."""

    def add(self, event: IpcMainInvokeEvent, a: int) -> int:
        return a + 1

    async def add_later(self, event: IpcMainInvokeEvent, a: int) -> int:
        return a + 1

    @classmethod
    def of_class(cls, event: IpcMainInvokeEvent, a: int) -> int:  # noqa: ARG003 - it is to be there
        return a + 1

    @staticmethod
    def of_none(event: IpcMainInvokeEvent, a: int) -> int:  # noqa: ARG004 - it is to be there
        return a + 1


class Callee:
    def __call__(self, event: IpcMainInvokeEvent, a: int) -> int:
        return a + 1


class AsyncCallee:
    async def __call__(self, event: IpcMainInvokeEvent, a: int) -> int:
        return a + 1


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as well-behaved decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def logged_async(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def handler_of(function: Any, role: Role = "handle") -> Handler:
    return Handler(function, "add", role)


def refusal(function: Any, role: Role = "handle") -> str:
    with pytest.raises(HandlerError) as caught:
        Handler(function, "add", role)
    assert caught.value.code == "bad-handler"
    assert caught.value.channel == "add"
    return str(caught.value)


async def plain(event: IpcMainInvokeEvent, a: int) -> int:
    return a


def three(event: IpcMainInvokeEvent, b: int, a: int) -> int:
    return a


@pytest.mark.parametrize(
    "function, kind",
    [
        (plain, "async"),
        (functools.partial(plain), "async"),
        (functools.partial(functools.partial(plain)), "async"),
        (Service().add_later, "async"),
        (functools.partial(Service().add_later), "async"),
        (AsyncCallee(), "async"),
        (functools.partial(AsyncCallee()), "async"),
        (logged_async(plain), "async"),
        (AsyncMock(), "async"),
        (logged(plain), "sync"),
        (Service().add, "sync"),
        (Service.of_class, "sync"),
        (Service.of_none, "sync"),
        (Callee(), "sync"),
        (lambda event, a: a, "sync"),
        (Mock(), "sync"),
        (print, "sync"),
        ([].append, "sync"),
    ],
)
def test_the_kind_of_a_function(function: Any, kind: str) -> None:
    handler = handler_of(function)

    assert handler.kind == kind
    assert handler.is_async == (kind == "async")


@pytest.mark.parametrize(
    "function",
    [
        plain,
        functools.partial(plain),
        Service().add,
        Service().add_later,
        Service.of_class,
        Service.of_none,
        Callee(),
        AsyncCallee(),
        logged(plain),
        logged(Service().add),
        logged_async(plain),
        functools.partial(logged(plain)),
    ],
)
def test_annotations_are_found_behind_every_kind_of_wrapper(function: Any) -> None:
    handler = handler_of(function)

    assert handler.bind(["5"]) == [5]
    with pytest.raises(ArgumentError):
        handler.bind([])


def test_annotations_belong_to_the_module_of_the_function_not_of_its_decorator() -> None:
    decorators: dict[str, Any] = {"functools": functools}
    source = (
        "def logged(f):\n    @functools.wraps(f)\n    def wrapper(*args):\n        return f(*args)\n    return wrapper"
    )
    exec(source, decorators)

    def draw(event: IpcMainEvent, point: Point) -> None:
        """Take a model that the decorator's module does not know."""

    assert handler_of(decorators["logged"](draw)).bind([{"x": 1}]) == [Point(x=1)]


def test_a_partial_has_only_the_parameters_that_are_left() -> None:
    handler = handler_of(functools.partial(lambda bound, event, a: (bound, event, a), "bound"))

    assert handler(EVENT, 1) == ("bound", EVENT, 1)
    with pytest.raises(ArgumentError, match=r"^add takes 1 argument \(a\), 2 were given$"):
        handler(EVENT, 1, 2)


def test_a_partial_that_leaves_a_keyword_behind_is_refused() -> None:
    text = refusal(functools.partial(three, b=1))

    assert text == (
        "handler for 'add': the keyword-only parameter 'a' needs a default: a page sends its arguments by position"
    )


def test_calling_a_handler_binds_and_calls() -> None:
    assert handler_of(Service().add)(EVENT, "5") == 6


def test_a_builtin_without_a_signature_is_called_with_every_argument() -> None:
    assert handler_of(max)(3, 5) == 5


def event_unannotated(event, a: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - this is the point
    """Take it as it comes."""


def event_any(event: Any, a: int) -> None:
    """Take anything."""


def event_object(event: object, a: int) -> None:
    """Take anything, strictly typed."""


def event_either(event: IpcMainEvent | IpcMainInvokeEvent | None, a: int) -> None:
    """Serve both."""


def event_annotated(event: Annotated[IpcMainEvent, "a note"], a: int) -> None:
    """Have a note."""


def event_quoted(event: "IpcMainEvent", a: int) -> None:  # noqa: UP037 - quoted although all annotations are strings
    """Quote it."""


def event_derived(event: OwnEvent, a: int) -> None:
    """Use an own class."""


def event_protocol(event: HasSender, a: int) -> None:
    """Ask for what is needed."""


def event_bound(event: EventT, a: int) -> EventT:
    return event


def event_variable(event: AnyT, a: int) -> AnyT:
    return event


def event_unresolvable(event: only_for_the_type_checker.IpcMainEvent, a: int) -> None:
    """Import the event for the type checker alone."""


def event_positional(event: IpcMainEvent, /, a: int) -> None:
    """Be strict about positions."""


@pytest.mark.parametrize(
    "function",
    [
        event_unannotated,
        event_any,
        event_object,
        event_either,
        event_annotated,
        event_quoted,
        event_derived,
        event_protocol,
        event_bound,
        event_variable,
        event_unresolvable,
        event_positional,
    ],
)
def test_what_the_event_may_be_annotated_as(function: Any) -> None:
    assert handler_of(function).bind(["5"]) == [5]


def everything(*args: Any) -> None:
    """Take the event and everything behind it."""


def everything_else(event: IpcMainEvent, *args: Any) -> None:
    """Take everything behind the event."""


@pytest.mark.parametrize("function", [everything, everything_else, Mock(), lambda event, *rest: None])
def test_star_args_take_everything(function: Any) -> None:
    args = [1, "x", None]

    assert handler_of(function).bind(args) == args
    assert handler_of(function).bind([]) == []


def no_parameters() -> None:
    """Forget the event."""


async def no_event(a: int, b: int) -> None:
    """Forget the event, too."""


def no_event_but_more(a: dict[str, int], *rest: str, flag: bool = False, **more: Any) -> None:
    """Have every kind of parameter."""


def event_is_a_dict(event: dict[str, Any], a=1) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
    """Take something else for the event."""


def event_is_an_optional_int(value: int | None = None) -> None:
    """Have a union without an event."""


def event_is_half(value: int | IpcMainEvent) -> None:
    """Have a union with an event."""


def event_is_a_model(point: Point) -> None:
    """Take the argument first."""


def event_is_unresolvable(amount: OnlyForTheTypeChecker) -> None:
    """Have a first parameter of an unknown type."""


def numbers_only(*numbers: int) -> None:
    """Take numbers."""


def keywords_only(*, event: IpcMainEvent) -> None:
    """Take nothing by position."""


@pytest.mark.parametrize(
    "function, signature",
    [
        (no_parameters, "def no_parameters(event)"),
        (no_event, "async def no_event(event, a: int, b: int)"),
        (
            no_event_but_more,
            "def no_event_but_more(event, a: dict[str, int], *rest: str, flag: bool = False, **more: Any)",
        ),
        (event_is_a_dict, "def event_is_a_dict(event, a=1)"),
        (event_is_an_optional_int, "def event_is_an_optional_int(event, value: int | None = None)"),
        (event_is_half, "def event_is_half(event, value: int | IpcMainEvent)"),
        (event_is_a_model, "def event_is_a_model(event, point: Point)"),
        (event_is_unresolvable, "def event_is_unresolvable(event, amount: OnlyForTheTypeChecker)"),
        (numbers_only, "def numbers_only(event, *numbers: int)"),
        (keywords_only, "def keywords_only(event)"),
        (lambda: None, "def handler(event)"),
        (functools.partial(no_event, 1), "async def no_event(event, b: int)"),
    ],
)
def test_a_function_without_the_event_is_refused_with_the_right_signature(function: Any, signature: str) -> None:
    assert refusal(function) == f"handler for 'add' must take the event first: {signature}"


def test_a_listener_is_called_a_listener() -> None:
    assert refusal(no_parameters, "on") == "listener for 'add' must take the event first: def no_parameters(event)"


async def async_stream(event: IpcMainInvokeEvent) -> AsyncIterator[int]:
    yield 1


def stream(event: IpcMainInvokeEvent) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    "function, kind",
    [
        (async_stream, "an async generator"),
        (functools.partial(async_stream), "an async generator"),
        (stream, "a generator"),
    ],
)
def test_generators_are_refused(function: Any, kind: str) -> None:
    assert refusal(function) == (
        f"handler for 'add' is {kind}, which cannot be streamed to a page: "
        "return a list, or send each item with event.sender.send()"
    )


def test_a_keyword_only_parameter_needs_a_default() -> None:
    def good(event: IpcMainEvent, a: int, *, flag: bool = False, **more: Any) -> None:
        """Have a default."""

    def bad(event: IpcMainEvent, *, flag: bool) -> None:
        """Have none."""

    assert handler_of(good).bind(["5"]) == [5]
    assert "the keyword-only parameter 'flag' needs a default" in refusal(bad)


def test_an_annotation_that_cannot_be_resolved_is_refused() -> None:
    def pay(event: IpcMainEvent, amount: OnlyForTheTypeChecker) -> None:
        """Take an argument of an unknown type."""

    assert refusal(pay) == (
        "handler for 'add': the annotation 'OnlyForTheTypeChecker' of 'amount' cannot be resolved "
        "(name 'OnlyForTheTypeChecker' is not defined): "
        "it validates the argument, so import it outside of TYPE_CHECKING"
    )


def test_an_annotation_that_cannot_be_validated_is_refused() -> None:
    def draw(event: IpcMainEvent, service: Service) -> None:
        """Take what no page can send."""

    assert refusal(draw).startswith("handler for 'add': the annotation 'Service' of 'service' cannot be validated: ")


def test_a_field_as_default_is_refused() -> None:
    def draw(event: IpcMainEvent, size: int = Field(gt=0)) -> None:
        """Write as FastAPI once did."""

    assert refusal(draw).endswith("write size: Annotated[int, Field(...)] instead")


def test_annotations_may_name_what_is_local_to_the_enclosing_function() -> None:
    class Local(BaseModel):
        x: int

    def draw(event: IpcMainEvent, local: Local, more: list[Local]) -> None:
        """Use a local class, whose name is a string in this module."""

    assert handler_of(draw).bind([{"x": 1}, [{"x": 2}]]) == [Local(x=1), [Local(x=2)]]


def test_describe_has_the_name_docstring_parameters_and_result() -> None:
    def draw(  # type: ignore[no-untyped-def]  # `color` is to have no annotation
        event: IpcMainInvokeEvent,
        point: Point,
        color="red",  # noqa: ANN001 - as said above
        *more: float,
        quick: bool = False,
    ) -> list[Point]:
        """Draw a point.

        Twice.
        """
        return []

    assert handler_of(draw).describe() == {
        "name": "draw",
        "channel": "add",
        "doc": "Draw a point.\n\nTwice.",
        "parameters": [
            {"name": "point", "annotation": "Point", "default": None, "required": True},
            {"name": "color", "annotation": "", "default": "'red'", "required": False},
            {"name": "*more", "annotation": "float", "default": None, "required": False},
        ],
        "returns": "list[Point]",
    }


def test_describe_of_a_function_without_docstring_and_annotations() -> None:
    assert handler_of(lambda event: None).describe() == {
        "name": "handler",
        "channel": "add",
        "doc": None,
        "parameters": [],
        "returns": "",
    }


def test_repr_names_the_function_and_the_channel() -> None:
    assert repr(handler_of(functools.partial(plain))) == "<Handler plain for 'add'>"
    assert repr(handler_of(Callee())) == "<Handler Callee for 'add'>"


def test_the_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(HandlerError("add", "a text")))

    assert (str(error), error.channel, error.detail) == ("a text", "add", "a text")
