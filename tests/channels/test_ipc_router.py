"""A router declares channels once, and they are registered wherever it is included, before and after that."""

import gc
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from webipc.channels.complaint import ArgumentError
from webipc.channels.emitter import MaxListenersExceededWarning
from webipc.channels.handler import HandlerError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.channels.ipc_router import IpcRouter
from webipc.channels.registering import SecondHandlerError
from webipc.channels.returned import ResultError
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent

EVENT: Any = "the event"


@pytest.fixture
def ipc() -> IpcMainImpl:
    return IpcMainImpl()


@pytest.fixture
def router() -> IpcRouter:
    return IpcRouter(prefix="todos:")


def answer(event: IpcMainInvokeEvent) -> int:
    return 42


def other(event: IpcMainInvokeEvent) -> int:
    return 43


def hear(event: IpcMainEvent) -> None:
    """Listen."""


def answers(ipc: IpcMainImpl, channel: str) -> Any:
    """Return what the handler of a channel answers; None without one."""
    handler = ipc.take_handler(channel)
    return None if handler is None else handler(EVENT)


def test_what_was_declared_before_the_inclusion_is_registered(ipc: IpcMainImpl, router: IpcRouter) -> None:
    router.handle("add", answer)
    router.on("moved", hear)

    ipc.include_router(router)

    assert answers(ipc, "todos:add") == 42
    assert answers(ipc, "add") is None
    assert ipc.listeners("todos:moved") == [hear]


def test_what_is_declared_after_the_inclusion_is_registered_too(ipc: IpcMainImpl, router: IpcRouter) -> None:
    ipc.include_router(router)

    router.handle("add", answer)
    router.on("moved", hear)

    assert answers(ipc, "todos:add") == 42
    assert ipc.listeners("todos:moved") == [hear]


def test_each_verb_is_a_decorator_that_gives_the_function_back(router: IpcRouter) -> None:
    assert router.handle("a")(answer) is answer
    assert router.handle_once("b")(answer) is answer
    assert router.on("c")(hear) is hear
    assert router.once("d")(hear) is hear


def test_with_a_function_on_returns_the_router_and_handle_nothing(router: IpcRouter) -> None:
    handle: Any = router.handle
    assert router.on("c", hear).once("d", hear) is router
    assert handle("a", answer) is None


def test_the_channel_is_all_prefixes_on_the_way_and_the_name(ipc: IpcMainImpl) -> None:
    inner, outer = IpcRouter(prefix="inner:"), IpcRouter(prefix="outer:")
    inner.handle("add", answer)

    outer.include_router(inner, prefix="b:")
    ipc.include_router(outer, prefix="a:")

    assert [entry["channel"] for entry in ipc.channels()] == ["a:outer:b:inner:add"]


def test_a_number_is_a_channel_as_it_is_without_a_router(ipc: IpcMainImpl, router: IpcRouter) -> None:
    untyped: Any = router
    untyped.handle(5, answer)
    ipc.include_router(router)

    assert answers(ipc, "todos:5") == 42
    untyped.remove_handler(5)
    assert answers(ipc, "todos:5") is None


def test_several_places_have_what_a_router_declares(router: IpcRouter) -> None:
    one, two = IpcMainImpl(), IpcMainImpl()
    one.include_router(router)
    two.include_router(router, prefix="v2:")
    one.include_router(router, prefix="old:")

    router.handle("add", answer)

    assert [answers(one, "todos:add"), answers(one, "old:todos:add"), answers(two, "v2:todos:add")] == [42, 42, 42]


def test_a_router_in_a_router_that_is_included_already_reaches_everything(ipc: IpcMainImpl, router: IpcRouter) -> None:
    outer = IpcRouter()
    ipc.include_router(outer)

    outer.include_router(router)
    router.handle("add", answer)
    assert answers(ipc, "todos:add") == 42

    router.remove_handler("add")
    assert answers(ipc, "todos:add") is None


def test_a_router_that_nothing_else_holds_still_connects_what_it_includes(ipc: IpcMainImpl, router: IpcRouter) -> None:
    outer = IpcRouter()
    outer.include_router(router)
    ipc.include_router(outer)
    del outer
    gc.collect()

    router.handle("add", answer)

    assert answers(ipc, "todos:add") == 42


def test_a_router_keeps_nothing_alive_that_includes_it(router: IpcRouter) -> None:
    ipc = IpcMainImpl()
    router.handle("add", answer)
    router.once("moved", hear)
    ipc.include_router(router)
    gone = weakref.ref(ipc)

    del ipc
    gc.collect()

    assert gone() is None
    router.remove_handler("add")
    router.off("moved", hear)


# --- removal ----------------------------------------------------------------------------------------------------------


def test_a_handler_that_is_removed_is_gone_everywhere(router: IpcRouter) -> None:
    one, two = IpcMainImpl(), IpcMainImpl()
    one.include_router(router)
    two.include_router(router, prefix="v2:")
    router.handle("add", answer)

    router.remove_handler("add")
    router.remove_handler("add")

    assert [answers(one, "todos:add"), answers(two, "v2:todos:add")] == [None, None]
    three = IpcMainImpl()
    three.include_router(router)
    assert answers(three, "todos:add") is None
    router.handle("add", other)
    assert [answers(ipc, "todos:add") for ipc in (one, three)] == [43, 43]


def test_off_removes_the_last_declaration_of_a_listener_everywhere(ipc: IpcMainImpl, router: IpcRouter) -> None:
    ipc.include_router(router)
    router.on("moved", hear).on("moved", print).on("moved", hear)

    router.off("moved", hear)
    assert ipc.listeners("todos:moved") == [hear, print]
    router.remove_listener("moved", hear).off("moved", hear)
    assert ipc.listeners("todos:moved") == [print]


def test_off_leaves_the_same_function_that_was_registered_without_the_router(
    ipc: IpcMainImpl, router: IpcRouter
) -> None:
    ipc.include_router(router)
    router.once("moved", hear)
    ipc.on("todos:moved", hear)

    router.off("moved", hear)

    assert ipc.raw_listeners("todos:moved") == [hear]


def test_remove_handler_leaves_another_handler_that_has_the_channel_by_now(ipc: IpcMainImpl, router: IpcRouter) -> None:
    router.handle("add", answer)
    ipc.include_router(router)
    ipc.remove_handler("todos:add")
    ipc.handle("todos:add", other)

    router.remove_handler("add")

    assert answers(ipc, "todos:add") == 43


def test_all_listeners_of_a_channel_or_of_all_can_be_removed(ipc: IpcMainImpl, router: IpcRouter) -> None:
    ipc.include_router(router)
    router.handle("moved", answer)
    router.on("moved", hear).once("moved", hear).on("left", hear)

    router.remove_all_listeners("moved")
    assert ipc.event_names() == ["error", "todos:left"]
    router.remove_all_listeners()
    assert ipc.event_names() == ["error"]
    assert answers(ipc, "todos:moved") == 42


def test_a_program_may_remove_what_came_from_a_router_in_one_place(router: IpcRouter) -> None:
    one, two = IpcMainImpl(), IpcMainImpl()
    router.on("moved", hear)
    one.include_router(router)
    two.include_router(router)

    one.off("todos:moved", hear)

    assert (one.listener_count("todos:moved"), two.listener_count("todos:moved")) == (0, 1)


def test_removal_is_announced_where_the_listener_was(ipc: IpcMainImpl, router: IpcRouter) -> None:
    told: list[object] = []
    ipc.on("newListener", lambda channel, listener: told.append(("new", channel, listener)))
    ipc.on("removeListener", lambda channel, listener: told.append(("gone", channel, listener)))
    ipc.include_router(router)
    told.clear()

    router.on("moved", hear)
    router.off("moved", hear)

    assert told == [("new", "todos:moved", hear), ("gone", "todos:moved", hear)]


# --- once -------------------------------------------------------------------------------------------------------------


def test_once_counts_in_each_place_for_itself(router: IpcRouter) -> None:
    one, two = IpcMainImpl(), IpcMainImpl()
    one.include_router(router)
    two.include_router(router)
    router.handle_once("add", answer)
    router.once("moved", hear)

    assert [answers(one, "todos:add"), answers(one, "todos:add"), answers(two, "todos:add")] == [42, None, 42]
    assert [len(list(ipc.calls("todos:moved"))) for ipc in (one, one, two)] == [1, 0, 1]


def test_a_declaration_of_once_that_has_been_called_can_be_removed(ipc: IpcMainImpl, router: IpcRouter) -> None:
    ipc.include_router(router)
    router.handle_once("add", answer)
    assert answers(ipc, "todos:add") == 42
    ipc.handle("todos:add", other)

    router.remove_handler("add")

    assert answers(ipc, "todos:add") == 43
    router.once("moved", hear)
    list(ipc.calls("todos:moved"))
    router.off("moved", hear)
    later = IpcMainImpl()
    later.include_router(router)
    assert later.event_names() == ["error"]


# --- what a function is -----------------------------------------------------------------------------------------------


def test_errors_name_the_channel_of_the_place(ipc: IpcMainImpl, router: IpcRouter) -> None:
    @router.handle("add")
    def add(event: IpcMainInvokeEvent, a: int) -> int:
        return a

    ipc.include_router(router, prefix="v2:")
    handler = ipc.take_handler("v2:todos:add")
    assert handler is not None

    with pytest.raises(ArgumentError, match=r"^v2:todos:add: argument 1 \(a\) must be a valid integer"):
        handler(EVENT, "x")
    assert (handler.channel, handler.describe()["channel"]) == ("v2:todos:add", "v2:todos:add")


def test_the_error_of_a_result_names_the_channel_of_the_place(ipc: IpcMainImpl, router: IpcRouter) -> None:
    class Public(BaseModel):
        name: str

    @router.handle("get")
    def get(event: IpcMainInvokeEvent) -> Public:
        untyped: Any = {"name": 5}
        return untyped  # type: ignore[no-any-return]  # on purpose

    ipc.include_router(router, prefix="v2:")
    handler = ipc.take_handler("v2:todos:get")
    assert handler is not None
    assert handler.narrow is not None
    with pytest.raises(ResultError, match=r"^the handler for 'v2:todos:get' does not keep its return annotation"):
        handler.narrow(handler(EVENT))


def router_of_a_factory() -> IpcRouter:
    router = IpcRouter()

    class Todo(BaseModel):
        title: str

    @router.handle("add")
    def add(event: IpcMainInvokeEvent, todo: "Todo") -> "Todo":
        return todo

    return router


def test_annotations_may_name_what_was_local_where_the_function_was_defined(ipc: IpcMainImpl) -> None:
    """When the router is included, those names are gone."""
    ipc.include_router(router_of_a_factory())

    handler = ipc.take_handler("add")
    assert handler is not None
    assert handler(EVENT, {"title": "Milk"}).title == "Milk"


def test_a_function_that_cannot_be_a_handler_is_refused_where_it_is_declared(router: IpcRouter) -> None:
    with pytest.raises(HandlerError, match=r"^handler for 'todos:add' must take the event first: def add\(event\)$"):

        @router.handle("add")
        def add() -> None:
            """Refused."""

    with pytest.raises(HandlerError, match=r"^listener for 'todos:moved' must take the event first"):
        router.on("moved", lambda: None)
    untyped: Any = router
    with pytest.raises(HandlerError, match=r"^Expected handler to be a function, but found type 'NoneType'$"):
        untyped.handle("add", None)
    with pytest.raises(TypeError, match=r'^The "listener" argument must be of type function\. Received None$'):
        untyped.on("moved", None)
    with pytest.raises(TypeError, match=r"^handle takes the channel, a string, first"):
        untyped.handle(answer)
    router.handle("add", answer)


# --- refused ----------------------------------------------------------------------------------------------------------


def test_a_router_refuses_a_second_handler_with_the_text_of_electron(router: IpcRouter) -> None:
    router.handle("add", answer)
    declare: list[Callable[[Any, Any], object]] = [router.handle, router.handle_once]
    for verb in declare:
        with pytest.raises(SecondHandlerError) as caught:
            verb("add", None)
        assert str(caught.value) == "Attempted to register a second handler for 'todos:add'"


def test_a_channel_that_has_a_handler_is_refused_with_everything_of_the_router(
    ipc: IpcMainImpl, router: IpcRouter
) -> None:
    ipc.handle("todos:add", other)
    router.on("moved", hear)
    router.handle("list", answer)
    router.handle("add", answer)
    router.on("left", hear)

    with pytest.raises(SecondHandlerError) as caught:
        ipc.include_router(router)

    assert str(caught.value) == "Attempted to register a second handler for 'todos:add'"
    assert (ipc.event_names(), answers(ipc, "todos:list"), answers(ipc, "todos:add")) == (["error"], None, 43)
    # The exception, whose traceback leads to the inclusion, is still held.
    ipc.handle("todos:later", other)
    router.handle("later", answer)
    assert answers(ipc, "todos:later") == 43


def test_a_handler_that_one_place_refuses_is_declared_in_none(router: IpcRouter) -> None:
    places = [IpcMainImpl() for _ in range(10)]
    for ipc in places:
        ipc.include_router(router)
    places[5].handle("todos:add", other)

    with pytest.raises(SecondHandlerError):
        router.handle("add", answer)

    assert [answers(ipc, "todos:add") for ipc in places] == [None] * 5 + [43] + [None] * 4
    router.handle("list", answer)


def test_a_handler_of_a_router_is_the_handler_of_its_channel(ipc: IpcMainImpl, router: IpcRouter) -> None:
    router.handle("add", answer)
    ipc.include_router(router)

    with pytest.raises(SecondHandlerError):
        ipc.handle("todos:add", other)
    with pytest.raises(SecondHandlerError):
        ipc.include_router(router)


def test_what_is_no_router_is_refused(ipc: IpcMainImpl) -> None:
    untyped: Any = ipc
    for wrong, text in [
        (APIRouter(), "an instance of APIRouter"),
        (IpcRouter, "an instance of type"),
        (IpcMainImpl(), "an instance of IpcMainImpl"),
        (None, "None"),
    ]:
        with pytest.raises(TypeError) as caught:
            untyped.include_router(wrong)
        assert str(caught.value) == f"include_router takes an IpcRouter, got {text}"


@pytest.mark.parametrize("wrong, text", [(5, "type int (5)"), (None, "None"), (b"x:", "an instance of bytes")])
def test_a_prefix_that_is_no_string_is_refused(ipc: IpcMainImpl, wrong: Any, text: str) -> None:
    refusals: list[Callable[[], object]] = [
        lambda: IpcRouter(prefix=wrong),
        lambda: ipc.include_router(IpcRouter(), prefix=wrong),
        lambda: IpcRouter().include_router(IpcRouter(), prefix=wrong),
    ]
    for refused in refusals:
        with pytest.raises(TypeError) as caught:
            refused()
        assert str(caught.value) == f"the prefix of a router must be a string, such as 'todos:'; got {text}"


def test_a_circle_of_routers_is_refused() -> None:
    one, two, three = (IpcRouter(prefix=f"{name}:") for name in "abc")
    one.include_router(two)
    two.include_router(three)

    with pytest.raises(ValueError, match=r"^<IpcRouter 'c:'> cannot be included in itself: <IpcRouter 'a:'> includes"):
        three.include_router(one)
    with pytest.raises(ValueError, match="cannot be included in itself"):
        one.include_router(one)
    three.handle("add", answer)


# --- threads ----------------------------------------------------------------------------------------------------------


def declare_all(begin: threading.Barrier, router: IpcRouter, numbers: range) -> None:
    """Declare a listener for each number, and remove those for odd numbers at once."""
    begin.wait()
    for number in numbers:
        router.on(f"{number}", hear)
        if number % 2:
            router.off(f"{number}", hear)


def include_in_all(begin: threading.Barrier, router: IpcRouter, places: list[IpcMainImpl]) -> None:
    """Include the router in each."""
    begin.wait()
    for ipc in places:
        ipc.include_router(router)


def test_what_threads_declare_while_others_include_is_registered_once_everywhere(router: IpcRouter) -> None:
    places = [IpcMainImpl() for _ in range(8)]
    begin = threading.Barrier(4)

    threads = [
        threading.Thread(target=declare_all, args=[begin, router, range(300)]),
        threading.Thread(target=declare_all, args=[begin, router, range(300, 600)]),
        threading.Thread(target=include_in_all, args=[begin, router, places[:4]]),
        threading.Thread(target=include_in_all, args=[begin, router, places[4:]]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = {f"todos:{number}": 1 for number in range(0, 600, 2)}
    for ipc in places:
        found = {name: ipc.listener_count(name) for name in ipc.event_names() if name != "error"}
        assert found == expected


def test_a_listener_that_is_added_by_a_listener_for_newlistener_is_registered(
    ipc: IpcMainImpl, router: IpcRouter
) -> None:
    """No lock is held while the program's code runs."""
    ipc.include_router(router)

    @ipc.on("newListener")
    def added(channel: str, listener: Any) -> None:
        if channel == "todos:first":
            router.on("second", hear)

    router.on("first", hear)

    assert ipc.event_names() == ["error", "newListener", "todos:second", "todos:first"]


def test_a_warning_that_is_an_error_leaves_nothing_behind(ipc: IpcMainImpl, router: IpcRouter) -> None:
    ipc.set_max_listeners(1)
    router.on("moved", hear).on("moved", hear)

    with warnings.catch_warnings():
        warnings.simplefilter("error", MaxListenersExceededWarning)
        with pytest.raises(MaxListenersExceededWarning):
            ipc.include_router(router)

    assert ipc.event_names() == ["error"]
