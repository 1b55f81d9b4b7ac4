"""`ipcMain`'s registrations, in Electron's words and with Electron's texts (api-ipc-main-spec, api-ipc-spec)."""

import asyncio
import pickle
from typing import Any

import pytest

from webipc.channels.complaint import ArgumentError
from webipc.channels.emitter import MaxListenersExceededWarning
from webipc.channels.handler import Handler, HandlerError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.channels.registering import SecondHandlerError
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent


@pytest.fixture
def ipc() -> IpcMainImpl:
    return IpcMainImpl()


def answer(event: IpcMainInvokeEvent) -> int:
    return 42


def other(event: IpcMainInvokeEvent) -> int:
    return 43


def test_is_not_used_for_internals(ipc: IpcMainImpl) -> None:
    assert ipc.event_names() == ["error"]


def test_a_message_on_the_channel_error_does_not_raise(ipc: IpcMainImpl) -> None:
    assert ipc.emit("error", "event", 1, 2)
    assert len(list(ipc.calls("error"))) == 1


def test_removes_only_the_given_channel(ipc: IpcMainImpl) -> None:
    ipc.on("channel1", lambda event: None).on("channel2", lambda event: None)

    ipc.remove_all_listeners("channel1")

    assert ipc.event_names() == ["error", "channel2"]


def test_removes_all_channels_if_no_channel_is_specified(ipc: IpcMainImpl) -> None:
    """Also the guard on `error`, as in Electron."""
    ipc.on("channel1", lambda event: None).remove_all_listeners()

    assert ipc.event_names() == []


def test_removing_all_listeners_leaves_the_handlers(ipc: IpcMainImpl) -> None:
    ipc.handle("add", answer)
    ipc.remove_all_listeners()

    assert ipc.handler("add") is not None


def test_listeners_and_off_use_the_function_that_was_given(ipc: IpcMainImpl) -> None:
    def ping(event: IpcMainEvent) -> None:
        """Listen."""

    ipc.on("ping", ping).once("ping", ping)
    assert ipc.listeners("ping") == [ping, ping]
    assert ipc.raw_listeners("ping")[0] is ping

    ipc.off("ping", ping).off("ping", ping)
    assert ipc.event_names() == ["error"]


def test_calls_are_handlers_with_the_channel(ipc: IpcMainImpl) -> None:
    ipc.on("ping", lambda event, *args: None)

    (handler,) = ipc.calls("ping")

    assert isinstance(handler, Handler)
    assert (handler.channel, handler.role) == ("ping", "on")
    assert list(ipc.calls("nobody")) == []


def test_a_once_listener_is_gone_when_it_is_reached(ipc: IpcMainImpl) -> None:
    ipc.once("ping", lambda event: None).once("ping", lambda event: None)

    calls = ipc.calls("ping")
    assert ipc.listener_count("ping") == 2
    next(calls)
    assert ipc.listener_count("ping") == 1
    assert ipc.listener_count("ping") == len(list(ipc.calls("ping")))
    assert list(calls) == []


def test_emit_is_local_and_validates_too(ipc: IpcMainImpl) -> None:
    heard: list[object] = []

    @ipc.on("move")
    def move(event: IpcMainEvent, x: float) -> None:
        heard.append((event, x))

    assert ipc.emit("move", "any event", "1.5")
    assert heard == [("any event", 1.5)]
    with pytest.raises(ArgumentError):
        ipc.emit("move", "any event", "far")


def test_emit_without_an_event_gives_none(ipc: IpcMainImpl) -> None:
    heard: list[object] = []
    ipc.on("ping", heard.append)

    ipc.emit("ping")

    assert heard == [None]


async def test_emit_starts_an_async_listener(ipc: IpcMainImpl) -> None:
    done = asyncio.Event()

    @ipc.on("ping")
    async def ping(event: IpcMainEvent) -> None:
        done.set()

    ipc.emit("ping", "any event")

    await done.wait()


def test_meta_events_reach_listeners_without_an_event(ipc: IpcMainImpl) -> None:
    heard: list[object] = []

    @ipc.on("newListener")
    def added(channel: str, listener: Any) -> None:
        heard.append((channel, listener))

    def ping(event: IpcMainEvent) -> None:
        """Listen."""

    ipc.on("ping", ping)

    assert heard == [("ping", ping)]


def test_a_listener_that_does_not_take_the_event_is_refused(ipc: IpcMainImpl) -> None:
    with pytest.raises(HandlerError, match=r"^listener for 'ping' must take the event first: def ping\(event\)$"):

        @ipc.on("ping")
        def ping() -> None:
            """Refused."""

    assert ipc.event_names() == ["error"]


def test_a_warning_of_many_listeners_names_the_line_of_the_program(ipc: IpcMainImpl) -> None:
    ipc.set_max_listeners(1).on("ping", answer)
    with pytest.warns(MaxListenersExceededWarning) as caught:
        ipc.on("ping", answer)
    ipc.remove_all_listeners("ping").on("ping", answer)
    with pytest.warns(MaxListenersExceededWarning) as decorated:
        ipc.on("ping")(answer)

    assert [warning.filename for warning in [*caught, *decorated]] == [__file__, __file__]


def test_handle_returns_nothing_and_the_decorator_the_function(ipc: IpcMainImpl) -> None:
    handle: Any = ipc.handle
    assert handle("a", answer) is None
    assert ipc.handle("b")(answer) is answer
    assert ipc.handle_once("c")(answer) is answer


def test_forbids_multiple_handlers(ipc: IpcMainImpl) -> None:
    ipc.handle("test", answer)

    for register in (ipc.handle, ipc.handle_once):
        with pytest.raises(SecondHandlerError) as caught:
            register("test", other)

        assert str(caught.value) == "Attempted to register a second handler for 'test'"
        assert (caught.value.code, caught.value.channel) == ("second-handler", "test")
    handler = ipc.handler("test")
    assert handler is not None
    assert handler.function is answer


def test_each_instance_has_handlers_of_its_own(ipc: IpcMainImpl) -> None:
    ipc.handle("test", answer)
    IpcMainImpl().handle("test", answer)


@pytest.mark.parametrize("value, found", [(None, "NoneType"), (5, "int"), ("x", "str")])
def test_a_handler_that_is_no_function_is_refused(ipc: IpcMainImpl, value: object, found: str) -> None:
    for register in (ipc.handle, ipc.handle_once):
        untyped: Any = register
        with pytest.raises(TypeError) as caught:
            untyped("test", value)

        assert str(caught.value) == f"Expected handler to be a function, but found type '{found}'"
        assert ipc.handler("test") is None


def test_the_second_handler_is_refused_before_its_type_is_checked(ipc: IpcMainImpl) -> None:
    ipc.handle("test", answer)
    handle: Any = ipc.handle

    with pytest.raises(SecondHandlerError):
        handle("test", None)


def test_a_decorator_without_its_channel_is_refused(ipc: IpcMainImpl) -> None:
    handle: Any = ipc.handle
    with pytest.raises(TypeError, match=r'^handle takes the channel, a string, first: @emitter\.handle\("channel"\)'):
        handle(answer)


def test_a_handler_can_be_taken_for_every_call(ipc: IpcMainImpl) -> None:
    ipc.handle("test", answer)

    assert ipc.take_handler("test") is ipc.take_handler("test") is ipc.handler("test")


def test_a_handle_once_handler_is_taken_for_one_call(ipc: IpcMainImpl) -> None:
    ipc.handle_once("test", answer)

    taken = ipc.take_handler("test")

    assert taken is not None
    assert taken.function is answer
    assert ipc.take_handler("test") is None
    ipc.handle("test", other)
    assert ipc.take_handler("test") is not None
    assert ipc.take_handler("test") is not None


def test_a_channel_without_a_handler_gives_none(ipc: IpcMainImpl) -> None:
    ipc.on("test", lambda event: None)

    assert ipc.take_handler("test") is None


def test_remove_handler(ipc: IpcMainImpl) -> None:
    ipc.handle("test", answer)
    ipc.remove_handler("test")
    ipc.remove_handler("test")
    assert ipc.handler("test") is None

    ipc.handle_once("test", answer)
    ipc.remove_handler("test")
    ipc.handle("test", answer)
    assert ipc.take_handler("test") is not None
    assert ipc.take_handler("test") is not None


def test_the_error_of_a_second_handler_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(SecondHandlerError("test")))

    assert str(error) == "Attempted to register a second handler for 'test'"
