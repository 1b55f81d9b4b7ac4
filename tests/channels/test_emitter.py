"""The emitter behaves as Node's: each fact below was observed in Node 20 first."""

import asyncio
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from webipc.channels.emitter import EventEmitter, MaxListenersExceededWarning, Registration, UnhandledError


class Heard(list[Any]):
    """What the listeners were called with, in order."""

    def listener(self, name: str) -> Callable[..., None]:
        def listen(*args: Any) -> None:
            self.append((name, *args))

        return listen


@pytest.fixture
def emitter() -> EventEmitter:
    return EventEmitter()


@pytest.fixture
def heard() -> Heard:
    return Heard()


class Owner:
    """Has a method to listen with; each access to it makes a new object."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def listen(self, *args: Any) -> None:
        self._heard.append(args)


def test_listeners_run_in_order_of_registration_with_all_arguments(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("a", heard.listener("1")).on("a", heard.listener("2")).on("b", heard.listener("3"))

    assert emitter.emit("a", "x", 5) is True
    assert heard == [("1", "x", 5), ("2", "x", 5)]


def test_emit_without_listeners_returns_false(emitter: EventEmitter) -> None:
    assert emitter.emit("a", 1) is False


def test_prepended_listeners_run_first(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("a", heard.listener("1"))
    emitter.prepend_listener("a", heard.listener("2"))
    emitter.prepend_once_listener("a", heard.listener("3"))

    emitter.emit("a")
    emitter.emit("a")

    assert heard == [("3",), ("2",), ("1",), ("2",), ("1",)]


def test_a_function_added_twice_runs_twice(emitter: EventEmitter, heard: Heard) -> None:
    listener = heard.listener("1")
    emitter.on("a", listener).add_listener("a", listener)

    emitter.emit("a")

    assert len(heard) == 2


def test_off_removes_the_most_recently_added_instance(emitter: EventEmitter, heard: Heard) -> None:
    twice = heard.listener("twice")
    emitter.on("a", twice).on("a", heard.listener("between")).on("a", twice)

    emitter.off("a", twice)
    emitter.emit("a")

    assert heard == [("twice",), ("between",)]


def test_off_of_an_unknown_listener_or_channel_does_nothing(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("a", heard.listener("1"))

    assert emitter.off("a", heard.listener("1")).remove_listener("b", print) is emitter
    assert emitter.listener_count("a") == 1


def test_off_removes_a_bound_method(emitter: EventEmitter, heard: Heard) -> None:
    owner, other = Owner(heard), Owner(heard)
    emitter.on("a", owner.listen).on("a", other.listen)

    emitter.off("a", owner.listen)

    assert emitter.listeners("a") == [other.listen]


def test_a_listener_removed_during_an_emit_still_runs_that_once(emitter: EventEmitter, heard: Heard) -> None:
    second = heard.listener("second")
    emitter.on("a", lambda: emitter.off("a", second)).on("a", second)

    emitter.emit("a")
    emitter.emit("a")

    assert heard == [("second",)]


def test_a_listener_added_during_an_emit_waits_for_the_next(emitter: EventEmitter, heard: Heard) -> None:
    emitter.once("a", lambda: emitter.on("a", heard.listener("late")))

    emitter.emit("a")
    assert heard == []

    emitter.emit("a")
    assert heard == [("late",)]


def test_once_is_removed_before_it_is_called(emitter: EventEmitter, heard: Heard) -> None:
    def listener() -> None:
        heard.append(emitter.listener_count("a"))
        emitter.emit("a")

    emitter.once("a", listener)
    emitter.emit("a")

    assert heard == [0]


def test_once_is_not_called_again_by_the_emit_around_the_one_that_called_it(
    emitter: EventEmitter, heard: Heard
) -> None:
    emitter.once("a", lambda: emitter.emit("a"))
    emitter.once("a", heard.listener("second"))

    emitter.emit("a")

    assert heard == [("second",)]


def test_once_removed_during_an_emit_still_runs_that_once(emitter: EventEmitter, heard: Heard) -> None:
    second = heard.listener("second")
    emitter.on("a", lambda: emitter.off("a", second)).once("a", second)

    emitter.emit("a")

    assert heard == [("second",)]


def test_a_listener_that_raises_stops_those_behind_it(emitter: EventEmitter, heard: Heard) -> None:
    def fail() -> None:
        raise LookupError("no")

    emitter.on("a", heard.listener("1")).on("a", fail).on("a", heard.listener("3"))

    with pytest.raises(LookupError):
        emitter.emit("a")
    assert heard == [("1",)]


def test_a_once_listener_that_raises_is_removed(emitter: EventEmitter) -> None:
    emitter.once("a", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        emitter.emit("a")
    assert emitter.emit("a") is False


def test_once_listeners_behind_the_last_call_that_was_taken_stay(emitter: EventEmitter, heard: Heard) -> None:
    """A router reads `calls` one by one; a `once` listener that was not reached stays."""
    emitter.once("a", heard.listener("1")).once("a", heard.listener("2"))

    for call in emitter.calls("a"):
        call()
        break

    assert heard == [("1",)]
    assert emitter.listener_count("a") == 1


def test_as_a_decorator_it_returns_the_function(emitter: EventEmitter) -> None:
    @emitter.on("a")
    @emitter.once("b")
    @emitter.prepend_listener("c")
    def listener() -> str:
        return "unchanged"

    assert listener() == "unchanged"
    assert emitter.event_names() == ["c", "b", "a"]


def test_names_counts_and_lists(emitter: EventEmitter, heard: Heard) -> None:
    first, second = heard.listener("1"), heard.listener("2")
    emitter.on("b", first).once("a", second).on("b", first).off("b", first)

    assert emitter.event_names() == ["b", "a"]
    assert emitter.listener_count("b") == 1
    assert emitter.listener_count("b", first) == 1
    assert emitter.listener_count("b", second) == 0
    assert emitter.listener_count("nobody") == 0
    assert emitter.listeners("a") == [second]
    assert emitter.listeners("nobody") == []


def test_lists_are_copies(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("a", heard.listener("1"))
    emitter.listeners("a").clear()
    emitter.raw_listeners("a").clear()

    assert emitter.listener_count("a") == 1


def test_raw_listeners_show_the_wrapper_of_once(emitter: EventEmitter, heard: Heard) -> None:
    always, once = heard.listener("always"), heard.listener("once")
    emitter.on("a", always).once("a", once)

    raw = emitter.raw_listeners("a")
    assert raw[0] is always
    assert isinstance(raw[1], Registration)
    assert raw[1].listener is once

    raw[1]("by hand")
    raw[1]("again")
    assert heard == [("once", "by hand")]
    assert emitter.listeners("a") == [always]


def test_off_takes_the_wrapper_of_once(emitter: EventEmitter, heard: Heard) -> None:
    emitter.once("a", heard.listener("1"))
    emitter.off("a", emitter.raw_listeners("a")[0])

    assert emitter.event_names() == []


def test_remove_all_listeners_of_a_channel(emitter: EventEmitter) -> None:
    emitter.on("a", print).on("b", print)

    assert emitter.remove_all_listeners("a") is emitter
    assert emitter.event_names() == ["b"]


def test_remove_all_listeners_of_all_channels(emitter: EventEmitter) -> None:
    emitter.on("a", print).on("b", print).remove_all_listeners()

    assert emitter.event_names() == []


def test_new_listener_is_emitted_before_the_listener_is_added(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("newListener", lambda channel, listener: heard.append((channel, listener, emitter.listener_count("a"))))
    first, second = heard.listener("1"), heard.listener("2")
    emitter.on("a", first).once("a", second)

    assert heard == [("a", first, 0), ("a", second, 1)]


def test_what_new_listener_adds_comes_first(emitter: EventEmitter, heard: Heard) -> None:
    emitter.once("newListener", lambda channel, _: emitter.on(channel, heard.listener("before")))
    emitter.on("a", heard.listener("after"))

    emitter.emit("a")

    assert heard == [("before",), ("after",)]


def test_remove_listener_is_emitted_after_the_listener_is_removed(emitter: EventEmitter, heard: Heard) -> None:
    first, second = heard.listener("1"), heard.listener("2")
    emitter.on("a", first).once("a", second)
    emitter.on("removeListener", lambda channel, gone: heard.append((channel, gone, emitter.listener_count(channel))))

    emitter.emit("a")
    assert heard == [("1",), ("a", second, 1), ("2",)]

    heard.clear()
    emitter.off("a", first).off("a", first)
    assert heard == [("a", first, 0)]


def test_remove_all_listeners_emits_remove_listener_for_each_the_last_added_first(
    emitter: EventEmitter, heard: Heard
) -> None:
    first, second = heard.listener("1"), heard.listener("2")
    emitter.on("removeListener", lambda channel, gone: heard.append((channel, gone)))
    emitter.on("a", first).on("a", second).on("b", first)

    emitter.remove_all_listeners()

    assert heard == [("a", second), ("a", first), ("b", first)]
    assert emitter.event_names() == []


def test_an_error_without_a_listener_is_raised(emitter: EventEmitter) -> None:
    error = LookupError("no")

    with pytest.raises(LookupError) as caught:
        emitter.emit("error", error)
    assert caught.value is error


@pytest.mark.parametrize(
    "args, text",
    [
        ((), "Unhandled error. (undefined)"),
        (({"a": 1},), "Unhandled error. ({'a': 1})"),
        ((None,), "Unhandled error. (None)"),
        (("x" * 1000,), "Unhandled error. ('" + "x" * 79 + ")"),
    ],
)
def test_an_error_that_is_no_exception_is_raised_as_unhandled_error(
    emitter: EventEmitter, args: tuple[object, ...], text: str
) -> None:
    with pytest.raises(UnhandledError) as caught:
        emitter.emit("error", *args)

    assert str(caught.value) == text
    assert caught.value.code == "unhandled-error"


def test_an_error_with_a_listener_is_an_event_like_any_other(emitter: EventEmitter, heard: Heard) -> None:
    emitter.on("error", heard.listener("1"))

    assert emitter.emit("error", 5)
    assert heard == [("1", 5)]


@pytest.mark.parametrize(
    "listener, received",
    [(None, "None"), (5, "type int (5)"), ("x", "type str ('x')"), ([], "an instance of list")],
)
@pytest.mark.parametrize("method", ["on", "once", "off", "prepend_listener", "prepend_once_listener"])
def test_a_listener_that_is_no_function_is_refused(
    emitter: EventEmitter, method: str, listener: object, received: str
) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(emitter, method)("a", listener)

    assert str(caught.value) == f'The "listener" argument must be of type function. Received {received}'
    assert emitter.event_names() == []


def test_a_number_as_channel_is_its_digits(emitter: EventEmitter) -> None:
    on: Any = emitter.on
    on(5, print)

    assert emitter.event_names() == ["5"]


def test_a_decorator_without_its_channel_is_refused(emitter: EventEmitter) -> None:
    on: Any = emitter.on

    with pytest.raises(TypeError, match=r'on takes the channel, a string, first: @emitter\.on\("channel"\)'):
        on(lambda: None)


@pytest.mark.parametrize("channel", [None, True, 1.5, b"a"])
def test_a_channel_that_is_no_string_is_refused(emitter: EventEmitter, channel: object) -> None:
    on: Any = emitter.on
    with pytest.raises(TypeError, match="on takes the channel, a string, first"):
        on(channel, print)


def test_the_eleventh_listener_warns_once_for_its_channel(emitter: EventEmitter) -> None:
    for _ in range(10):
        emitter.on("ping", print)

    with pytest.warns(MaxListenersExceededWarning) as caught:
        emitter.on("ping", print).on("ping", print)

    assert [str(warning.message) for warning in caught] == [
        (
            "Possible EventEmitter memory leak detected. 11 ping listeners added to [EventEmitter]. MaxListeners is "
            "10. Use emitter.set_max_listeners() to increase limit"
        )
    ]
    assert caught[0].filename == __file__


def test_a_channel_that_was_emptied_warns_again(emitter: EventEmitter) -> None:
    emitter.set_max_listeners(1)
    for _ in range(2):
        with pytest.warns(MaxListenersExceededWarning, match="2 ping listeners added"):
            emitter.on("ping", print).on("ping", print)
        emitter.remove_all_listeners("ping")


def test_the_warning_names_the_class() -> None:
    class IpcMainImpl(EventEmitter):
        pass

    emitter = IpcMainImpl().set_max_listeners(1)
    with pytest.warns(MaxListenersExceededWarning, match=r"added to \[IpcMainImpl\]"):
        emitter.on("a", print).on("a", print)


@pytest.mark.parametrize("limit", [0, float("inf"), 100])
def test_the_limit_can_be_raised_or_removed(emitter: EventEmitter, limit: float) -> None:
    assert emitter.get_max_listeners() == 10
    emitter.set_max_listeners(limit)
    assert emitter.get_max_listeners() == limit

    with warnings.catch_warnings(action="error"):
        for _ in range(50):
            emitter.on("a", print)


@pytest.mark.parametrize("limit", [-1, float("nan")])
def test_a_limit_out_of_range_is_refused(emitter: EventEmitter, limit: float) -> None:
    with pytest.raises(ValueError, match=r'The value of "set_max_listeners" is out of range\. It must be >= 0'):
        emitter.set_max_listeners(limit)


def test_a_limit_that_is_no_number_is_refused(emitter: EventEmitter) -> None:
    set_max_listeners: Any = emitter.set_max_listeners
    with pytest.raises(TypeError, match=r"must be of type number\. Received type str \('a'\)"):
        set_max_listeners("a")


async def test_an_async_listener_begins_as_a_task(emitter: EventEmitter, heard: Heard) -> None:
    done = asyncio.Event()

    @emitter.on("a")
    async def listener(value: int) -> None:
        heard.append(value)
        done.set()

    assert emitter.emit("a", 5)
    assert heard == []
    await done.wait()
    assert heard == [5]


async def test_what_an_async_listener_raises_goes_to_the_loop(emitter: EventEmitter) -> None:
    reported: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.set_result(context["exception"]))

    @emitter.on("a")
    async def listener() -> None:
        raise LookupError("no")

    emitter.emit("a")

    assert isinstance(await reported, LookupError)


def test_an_async_listener_outside_of_a_loop_raises_runtime_error(emitter: EventEmitter) -> None:
    @emitter.on("a")
    async def listener() -> None:
        """Never begins."""

    with pytest.raises(RuntimeError, match=r"emit\('a'\) reached an async listener outside of a running event loop"):
        emitter.emit("a")


def test_registering_in_many_threads_loses_no_listener(emitter: EventEmitter) -> None:
    emitter.set_max_listeners(0)
    together = threading.Barrier(4)

    def register() -> None:
        together.wait()
        for _ in range(250):
            emitter.on("a", print)
            emitter.once("b", print)
            emitter.off("b", print)

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert emitter.listener_count("a") == 1000
    assert emitter.event_names() == ["a"]
