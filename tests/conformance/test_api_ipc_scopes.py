"""Electron's spec/api-ipc-spec.ts, `WebContents.ipc` and `WebFrameMain.ipc`: which listeners and handlers run.

Tests that Electron has for both scopes are one test here, with a parameter.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Once, Window
from webipc import IpcMainEvent
from webipc.channels.ipc_main_impl import IpcMainImpl

Scope = Callable[[Window], IpcMainImpl]

SCOPES: dict[str, Scope] = {
    "WebContents": lambda window: window.web_contents.ipc,
    "WebFrameMain": lambda window: window.main_frame.ipc,
}

each_scope = pytest.mark.parametrize("scope", SCOPES.values(), ids=list(SCOPES))


def double(event: Any, number: int) -> int:
    return number * 2


def refuse(event: Any, number: int) -> None:
    raise AssertionError("should not be called")


@electron(
    "ipc module › WebContents.ipc › receives ipc messages sent from the WebContents",
    "ipc module › WebFrameMain.ipc › responds to ipc messages in the main frame",
)
@each_scope
def test_a_scope_receives_what_its_page_sends(window: Window, scope: Scope) -> None:
    heard = Once(scope(window), "test")
    window.run("ipcRenderer.send('test', 42)")
    assert heard.wait()[1:] == (42,)


@electron(
    "ipc module › WebContents.ipc › receives sync-ipc messages sent from the WebContents",
    "ipc module › WebFrameMain.ipc › responds to sync ipc messages in the main frame",
)
@each_scope
def test_a_scope_answers_send_sync(window: Window, scope: Scope) -> None:
    def test(event: IpcMainEvent, number: int) -> None:
        event.return_value = number * 2

    scope(window).on("test", test)
    assert window.evaluate("ipcRenderer.sendSync('test', 42)") == 84


@electron(
    "ipc module › WebContents.ipc › receives postMessage messages sent from the WebContents, w/ MessagePorts",
    "ipc module › WebFrameMain.ipc › receives postMessage messages sent from the WebContents, w/ MessagePorts",
)
@each_scope
def test_a_scope_receives_post_message_with_ports(window: Window, scope: Scope) -> None:
    heard = Once(scope(window), "test")
    window.run("ipcRenderer.postMessage('test', null, [(new MessageChannel).port1])")
    event, message = heard.wait()
    assert (len(event.ports), message) == (1, None)


@electron(
    "ipc module › WebContents.ipc › handles invoke messages sent from the WebContents",
    "ipc module › WebFrameMain.ipc › handles invoke messages sent from the WebContents",
)
@each_scope
def test_a_scope_handles_invoke(window: Window, scope: Scope) -> None:
    scope(window).handle("test", double)
    assert window.evaluate("ipcRenderer.invoke('test', 42)") == 84


@electron(
    "ipc module › WebContents.ipc › cascades to ipcMain",
    "ipc module › WebFrameMain.ipc › cascades to WebContents and ipcMain",
)
def test_a_message_cascades_from_the_frame_to_the_contents_to_ipc_main(main: Main, window: Window) -> None:
    order: list[str] = []
    end = Once(main.ipc_main, "end")
    main.ipc_main.on("test", lambda event, number: order.append("ipcMain"))
    window.web_contents.ipc.on("test", lambda event, number: order.append("WebContents"))
    window.main_frame.ipc.on("test", lambda event, number: order.append("WebFrameMain"))
    window.run("ipcRenderer.send('test', 42); ipcRenderer.send('end')")
    end.wait()
    assert order == ["WebFrameMain", "WebContents", "ipcMain"]


@electron(
    "ipc module › WebContents.ipc › overrides ipcMain handlers",
    "ipc module › WebFrameMain.ipc › overrides ipcMain handlers",
)
@each_scope
def test_a_scope_overrides_the_handlers_of_ipc_main(main: Main, window: Window, scope: Scope) -> None:
    scope(window).handle("test", double)
    main.ipc_main.handle("test", refuse)
    assert window.evaluate("ipcRenderer.invoke('test', 42)") == 84


@electron("ipc module › WebFrameMain.ipc › overrides WebContents handlers")
def test_a_frame_overrides_the_handlers_of_its_contents(main: Main, window: Window) -> None:
    window.web_contents.ipc.handle("test", refuse)
    window.main_frame.ipc.handle("test", double)
    main.ipc_main.handle("test", refuse)
    assert window.evaluate("ipcRenderer.invoke('test', 42)") == 84


@electron("ipc module › WebContents.ipc › falls back to ipcMain handlers")
def test_an_invoke_falls_back_to_the_handler_of_ipc_main(main: Main, window: Window) -> None:
    window.web_contents.ipc.handle("other", refuse)
    main.ipc_main.handle("test", double)
    assert window.evaluate("ipcRenderer.invoke('test', 42)") == 84


@electron("ipc module › WebFrameMain.ipc › falls back to WebContents handlers")
def test_an_invoke_falls_back_to_the_handler_of_the_contents(window: Window) -> None:
    window.main_frame.ipc.handle("other", refuse)
    window.web_contents.ipc.handle("test", double)
    assert window.evaluate("ipcRenderer.invoke('test', 42)") == 84


@electron("ipc module › WebContents.ipc › receives ipcs from child frames")
def test_the_contents_receive_what_a_child_frame_sends(window: Window) -> None:
    child = window.add_frame()
    heard = Once(window.web_contents.ipc, "test")
    window.run("frames[0].ipcRenderer.send('test', 42)")
    event, number = heard.wait()
    assert (event.sender_frame, number) == (child, 42)


@electron("ipc module › WebFrameMain.ipc › receives ipcs from child frames")
def test_the_ipc_of_a_child_frame_receives_its_messages_and_that_of_the_main_frame_does_not(
    main: Main, window: Window
) -> None:
    child = window.add_frame()
    heard = Once(child.ipc, "test")
    end = main.once("test")
    not_heard = Once(window.main_frame.ipc, "test")
    window.run("frames[0].ipcRenderer.send('test', 42)")
    end.wait()
    assert heard.wait()[1:] == (42,)
    assert not not_heard.has_come


@electron("ipc module › WebFrameMain.ipc › receives ipcs from unloading frames in the main frame")
def test_the_ipc_of_the_main_frame_receives_messages_of_a_document_that_is_leaving(window: Window) -> None:
    frame = window.main_frame
    senders: list[Any] = []
    end = Once(frame.ipc, "unload")
    frame.ipc.on("unload", lambda event: senders.append(event.sender_frame))
    window.run("sendAtTheEnd('unload')")
    window.driver.get(f"{window.main.url}/frame.html")
    end.wait()
    assert senders == [frame]
