"""Behaviour for which Electron has no test: unusual failures of handlers, `handleOnce`, and the end of the caller."""

import asyncio
from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Window
from tests.support.serving import wait_until
from webipc import HandlerError, IpcError, IpcMain, IpcMainEvent, IpcMainInvokeEvent, SecondHandlerError

PREFIX = "Error: Error invoking remote method 'test': "


def rejection(window: Window, *args: int) -> str:
    """Return what `invoke('test', ...args)` rejects with in the page."""
    text: str = window.evaluate(f"rejected(ipcRenderer.invoke('test', ...{list(args)}))")
    return text.removeprefix(PREFIX)


class Strange(Exception):  # noqa: N818 - the page receives the name
    """An exception class of the application."""


@electron("invoke rejects with the name and the text of what the handler threw, and with the name alone without a text")
@pytest.mark.parametrize("settings", [{"debug": True}])
def test_a_rejection_has_the_name_and_the_text_of_the_exception(main: Main, window: Window) -> None:
    raised: list[Exception] = [TypeError("foo"), Strange("message"), Strange(), IpcError("told"), IpcError("")]

    def test(event: IpcMainInvokeEvent, index: int) -> None:
        raise raised[index]

    main.ipc_main.handle("test", test)
    texts = [rejection(window, index) for index in range(len(raised))]
    assert texts == ["TypeError: foo", "Strange: message", "Strange", "Error: told", "Error"]


class Unspeakable(Exception):  # noqa: N818 - named for its missing text
    """An exception without a text."""

    def __str__(self) -> str:
        raise TypeError("Cannot read properties of undefined (reading 'toString')")


@electron("invoke hangs when what the handler threw has no toString, and reports it nowhere")
@pytest.mark.parametrize("settings", [{"debug": True}])
def test_an_exception_without_a_text_rejects_too(main: Main, window: Window) -> None:
    def test(event: IpcMainInvokeEvent) -> None:
        raise Unspeakable

    main.ipc_main.handle("test", test)
    assert rejection(window) == "Unspeakable: (its text cannot be shown: __str__ raised TypeError)"


@electron("a result that cannot be cloned rejects the invoke, and affects no other call")
def test_a_result_that_cannot_be_cloned_rejects_and_affects_no_other_call(main: Main, window: Window) -> None:
    heard = main.once("after")

    async def test(event: IpcMainInvokeEvent) -> Any:
        return {"on": [lambda: None]}

    main.ipc_main.handle("test", test)
    assert rejection(window).startswith("Error: An object could not be cloned.")
    window.run("ipcRenderer.send('after', 1)")
    assert heard.wait()[1:] == (1,)


@electron("handle checks for a second handler before it checks its argument")
def test_handle_refuses_a_second_handler_before_it_checks_for_a_function() -> None:
    ipc_main = IpcMain()
    nothing: Any = None
    with pytest.raises(HandlerError, match="Expected handler to be a function, but found type 'NoneType'") as caught:
        ipc_main.handle("test", nothing)
    assert isinstance(caught.value, TypeError)
    ipc_main.handle("test", lambda event: None)
    with pytest.raises(SecondHandlerError, match="Attempted to register a second handler for 'test'"):
        ipc_main.handle("test", nothing)


@electron("handleOnce removes its handler before it runs: a second invoke finds none, also while the first is pending")
def test_handle_once_removes_its_handler_before_it_runs(main: Main, window: Window) -> None:
    async def test(event: IpcMainInvokeEvent) -> str:
        # Answers when the page has received the rejection of the second call.
        asked = asyncio.get_running_loop().create_future()
        main.ipc_main.once("go on", lambda event: asked.set_result(None))
        await asked
        return "first"

    main.ipc_main.handle_once("test", test)
    script = """
      const first = ipcRenderer.invoke('test')
      const second = await rejected(ipcRenderer.invoke('test'))
      ipcRenderer.send('go on')
      return [await first, second]
    """
    assert window.run(script) == ["first", f"{PREFIX}Error: No handler registered for 'test'"]


@electron("handleOnce removes a handler that throws as well")
def test_handle_once_removes_a_handler_that_raises(main: Main, window: Window) -> None:
    def test(event: IpcMainInvokeEvent) -> None:
        raise IpcError("some error")

    main.ipc_main.handle_once("test", test)
    assert [rejection(window), rejection(window)] == ["Error: some error", "Error: No handler registered for 'test'"]


@electron("handleOnce does not check its argument, but refuses a second handler")
def test_handle_once_refuses_a_second_handler_and_what_is_not_a_function() -> None:
    ipc_main = IpcMain()
    nothing: Any = None
    with pytest.raises(HandlerError, match="Expected handler to be a function"):
        ipc_main.handle_once("test", nothing)
    ipc_main.handle("test", lambda event: None)
    with pytest.raises(SecondHandlerError):
        ipc_main.handle_once("test", nothing)


@electron("a page that is loaded again leaves its handlers running, and their answers are dropped")
def test_the_handler_of_a_page_that_has_gone_continues_and_nothing_is_logged(
    main: Main, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @main.ipc_main.handle("test")
    async def test(event: IpcMainInvokeEvent) -> str:
        begun.set()
        await go_on.wait()
        done.set()
        return "dropped"

    window.run("ipcRenderer.invoke('test')")
    wait_until(begun.is_set, "the handler runs")
    window.load()
    main.call(go_on.set)
    wait_until(done.is_set, "the handler has run to its end")
    main.ipc_main.handle("still there", lambda event: True)
    assert window.evaluate("ipcRenderer.invoke('still there')") is True
    assert [record.getMessage() for record in caplog.records if record.name == "webipc"] == []


@electron("after a navigation event.sender.send reaches the new document, and event.reply is dropped")
def test_the_sender_of_an_old_event_is_the_tab_and_its_reply_is_dropped(main: Main, window: Window) -> None:
    kept: list[IpcMainEvent] = []
    main.ipc_main.on("keep", kept.append)
    window.run("ipcRenderer.send('keep')")
    wait_until(lambda: kept, "the message arrives")
    window.load("/frame.html")
    window.run("window.heard = []; ipcRenderer.on('late', (event, text) => { heard.push(text) })")
    kept[0].reply("late", "reply")
    kept[0].sender.send("late", "send")
    assert window.run("await until(() => heard.length > 0); return heard") == ["send"]
