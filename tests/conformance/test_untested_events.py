"""Behaviour for which Electron has no test: emitters, events and their fields, answers of `sendSync`, failed sends."""

from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Once, Window, collected
from tests.support.logged import troubles
from webipc import CloneError, DestroyedError, IpcMainEvent, Limits, MessageChannelMain, undefined

NEVER_SENT = {"error": "reply was never sent"}


def fail(event: Any, *args: Any) -> None:
    raise ValueError("not this one")


@electron("a listener that throws stops the listeners after it, including those of the wider emitters")
def test_a_listener_that_raises_stops_the_listeners_of_wider_scopes(
    main: Main, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    end = main.once("end")
    window.main_frame.ipc.on("test", lambda event: heard.append("frame"))
    window.web_contents.ipc.on("test", fail)
    window.web_contents.ipc.on("test", lambda event: heard.append("second of contents"))
    main.ipc_main.on("test", lambda event: heard.append("main"))
    window.run("ipcRenderer.send('test'); ipcRenderer.send('end')")
    end.wait()
    assert heard == ["frame"]
    assert troubles(caplog) == ["A listener for 'test' raised"]


@electron("every ipc has a guard for the channel error, and removeAllListeners takes it away")
def test_every_ipc_object_has_a_guard_for_the_channel_error(main: Main, window: Window) -> None:
    scopes = [main.ipc_main, window.web_contents.ipc, window.main_frame.ipc]
    assert [scope.event_names() for scope in scopes] == [["error"]] * 3
    end = main.once("end")
    window.run("ipcRenderer.send('error', 1); ipcRenderer.send('end')")
    end.wait()
    main.ipc_main.remove_all_listeners()
    assert main.ipc_main.event_names() == []


@electron("ipcRenderer has no guard for the channel error: a message on it is an uncaught error of the page")
def test_a_message_on_the_channel_error_is_an_uncaught_error_of_the_page(window: Window) -> None:
    window.run("""
      window.uncaught = []
      addEventListener('error', (event) => { uncaught.push(event.message); event.preventDefault() })
    """)
    window.web_contents.send("error")
    assert "Unhandled error." in window.run("await until(() => uncaught.length > 0); return uncaught[0]")
    window.run("window.next = once('next')")
    window.web_contents.send("next", "the link goes on")
    assert window.run("return (await next)[1]") == "the link goes on"


@electron("only the first returnValue counts, later ones are no error, and reading it gives undefined")
def test_only_the_first_return_value_counts(main: Main, window: Window) -> None:
    kept: list[IpcMainEvent] = []

    @main.ipc_main.on("test")
    def test(event: IpcMainEvent) -> None:
        kept.append(event)
        event.return_value = 1
        event.return_value = 2

    assert window.evaluate("ipcRenderer.sendSync('test')") == 1
    assert kept[0].return_value is undefined
    kept[0].return_value = 3
    assert window.evaluate("ipcRenderer.sendSync('test')") == 1


@electron("sendSync returns that the reply was never sent when its event is collected")
def test_send_sync_returns_when_its_event_is_collected(main: Main, window: Window) -> None:
    kept: list[IpcMainEvent] = []
    main.ipc_main.on("silent", lambda event: None)
    main.ipc_main.on("keep", kept.append)
    assert window.evaluate("ipcRenderer.sendSync('silent')") == NEVER_SENT
    window.run("setTimeout(() => { window.answer = ipcRenderer.sendSync('keep') }, 50)")
    collected(lambda: kept, "the page asks")
    main.call(kept.clear)
    assert window.run("await until(() => window.answer); return answer") == NEVER_SENT


@electron("sendSync does not receive what a listener throws")
def test_send_sync_does_not_receive_the_exception_of_a_listener(
    main: Main, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    main.ipc_main.on("test", fail)
    assert window.evaluate("ipcRenderer.sendSync('test')") == NEVER_SENT
    assert troubles(caplog) == ["A listener for 'test' raised"]


@electron("a returnValue that cannot be cloned throws in the listener, and a later one still answers")
def test_a_return_value_that_cannot_be_cloned_raises_and_a_later_one_answers(main: Main, window: Window) -> None:
    raised: list[str] = []

    @main.ipc_main.on("test")
    def test(event: IpcMainEvent) -> None:
        try:
            event.return_value = test
        except CloneError as error:
            raised.append(str(error))
        event.return_value = "later"

    assert window.evaluate("ipcRenderer.sendSync('test')") == "later"
    assert [text.startswith("An object could not be cloned.") for text in raised] == [True]


FIELDS = ["ports", "reply"]
COMMON = ["frame_id", "frame_tree_node_id", "process_id", "sender", "sender_frame", "type"]


def fields_of(event: Any) -> dict[str, Any]:
    """Return the fields of an event that only some kinds of events have."""
    assert all(hasattr(event, name) for name in COMMON)
    return {name: hasattr(event, name) for name in FIELDS}


@electron("each kind of message has an event with its own fields")
def test_each_kind_of_message_has_an_event_with_its_own_fields(main: Main, window: Window) -> None:
    kinds: dict[str, dict[str, Any]] = {}

    def note(event: Any, kind: str) -> None:
        kinds[kind] = fields_of(event)
        event.return_value = None

    async def handle(event: Any, kind: str) -> None:
        kinds[kind] = fields_of(event)
        kinds[kind]["return_value"] = hasattr(event, "return_value")

    main.ipc_main.on("test", note)
    main.ipc_main.handle("test", handle)
    window.run("""
      ipcRenderer.send('test', 'send')
      ipcRenderer.sendSync('test', 'sendSync')
      ipcRenderer.postMessage('test', 'postMessage')
      await ipcRenderer.invoke('test', 'invoke')
    """)
    assert kinds == {
        "send": {"ports": False, "reply": True},
        "sendSync": {"ports": False, "reply": True},
        "postMessage": {"ports": True, "reply": False},
        "invoke": {"ports": False, "reply": False, "return_value": False},
    }


@electron("postMessage reaches listeners of frame, contents and main, no handler, and no ipc-message")
def test_post_message_reaches_only_listeners(main: Main, window: Window) -> None:
    heard: list[str] = []
    contents = window.web_contents
    contents.on("ipc-message", lambda event, channel, *args: heard.append(f"ipc-message {channel}"))
    main.ipc_main.handle("test", lambda event, *args: heard.append("handler"))
    main.ipc_main.on("test", lambda event, message: heard.append("main"))
    contents.ipc.on("test", lambda event, message: heard.append("contents"))
    window.main_frame.ipc.on("test", lambda event, message: heard.append("frame"))
    end = main.once("end")
    window.run("ipcRenderer.postMessage('test', null); ipcRenderer.send('end')")
    end.wait()
    assert heard == ["frame", "contents", "main", "ipc-message end"]


@electron("webContents.send logs arguments that cannot be cloned, and does not throw")
def test_send_logs_what_cannot_be_cloned(window: Window, caplog: pytest.LogCaptureFixture) -> None:
    window.run("window.next = once('next')")
    window.web_contents.send("next", lambda: None)
    window.web_contents.send("next", "after")
    assert window.run("return (await next)[1]") == "after"
    assert troubles(caplog) == ["Error sending from webFrameMain: Error: Failed to serialize arguments"]


DISPOSED = "Render frame was disposed before WebFrameMain could be accessed"


@electron("the send of a disposed frame is logged, and does not throw")
@pytest.mark.parametrize("settings", [{"limits": Limits(grace_ms=200, goodbye_ms=5000)}])
def test_the_send_of_a_disposed_frame_is_logged(main: Main, window: Window, caplog: pytest.LogCaptureFixture) -> None:
    frame = window.main_frame
    window.load("/frame.html")
    collected(frame.is_destroyed, "the document before is disposed")
    frame.send("late")
    assert troubles(caplog) == [f"Error sending from webFrameMain: Error: {DISPOSED}"]


@electron("the postMessage of a disposed frame throws, and its ports are lost")
@pytest.mark.parametrize("settings", [{"limits": Limits(grace_ms=200, goodbye_ms=5000)}])
def test_the_post_message_of_a_disposed_frame_raises_and_loses_its_ports(main: Main, window: Window) -> None:
    frame = window.main_frame
    window.load("/frame.html")
    collected(frame.is_destroyed, "the document before is disposed")
    channel = MessageChannelMain()
    closed = Once(channel.port1, "close")
    main.call(channel.port1.start)
    with pytest.raises(CloneError):
        frame.post_message("late", frame, [channel.port2])
    assert not closed.has_come
    with pytest.raises(DestroyedError, match=DISPOSED):
        frame.post_message("late", None, [channel.port2])
    closed.wait()


@electron("the send of a destroyed webContents throws")
@pytest.mark.parametrize("settings", [{"limits": Limits(goodbye_ms=10)}])
def test_the_send_of_destroyed_contents_raises(window: Window) -> None:
    contents = window.web_contents
    destroyed = Once(contents, "destroyed")
    window.run("connection.close()")
    destroyed.wait()
    with pytest.raises(DestroyedError, match="Object has been destroyed") as caught:
        contents.send("late")
    assert isinstance(caught.value, TypeError)


@electron("what a listener has started continues before the next message is dispatched")
def test_an_async_listener_runs_to_its_first_await_before_the_next_message(main: Main, window: Window) -> None:
    order: list[str] = []
    end = main.once("end")

    @main.ipc_main.on("test")
    async def test(event: IpcMainEvent, number: int) -> None:
        order.append(f"async {number}")

    main.ipc_main.on("test", lambda event, number: order.append(f"next {number}"))
    window.run("ipcRenderer.send('test', 1); ipcRenderer.send('test', 2); ipcRenderer.send('end')")
    end.wait()
    assert order == ["async 1", "next 1", "async 2", "next 2"]


@electron("each message is a task of the page: promise jobs of one message run before the next message")
def test_each_message_is_a_task_of_the_page(main: Main, window: Window) -> None:
    window.run("""
      window.order = []
      ipcRenderer.on('test', async (event, number) => {
        order.push(`message ${number}`)
        await null
        await null
        order.push(`promise ${number}`)
      })
    """)

    def send() -> None:
        # In one iteration of the loop, and so in one frame.
        window.web_contents.send("test", 1)
        window.web_contents.send("test", 2)

    main.call(send)
    expected = ["message 1", "promise 1", "message 2", "promise 2"]
    assert window.run("await until(() => order.length === 4); return order") == expected
