"""Electron's spec/api-ipc-main-spec.ts: `sendSync` of a page that goes away, `reply`, and the emitter of `ipcMain`."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.conformance.titles import electron
from tests.conformance.window import Main, Once, Window
from tests.support.network import relay
from webipc import IpcMain, IpcMainEvent, Limits


@electron("ipc main module › ipc.sendSync › does not crash when reply is not sent and browser is destroyed")
@pytest.mark.parametrize("settings", [{"limits": Limits(sync_ms=1000, grace_ms=200, goodbye_ms=10)}])
def test_a_page_that_goes_away_during_send_sync_affects_no_other_page(
    main: Main, window: Window, browser: WebDriver
) -> None:
    asked = main.once("send-sync-message")
    with relay(main.server.port) as network:
        browser.switch_to.new_window("tab")
        vanishing = Window(browser, main)
        vanishing.load(url=network.url)
        # After a delay, so that the driver gets its answer before the page blocks.
        vanishing.run("setTimeout(() => { ipcRenderer.sendSync('send-sync-message') }, 50)")
        (event,) = asked.wait()
        destroyed = Once(event.sender, "destroyed")
        network.down()
        destroyed.wait()
        event.return_value = None
    main.ipc_main.handle("still there", lambda event: True)
    assert window.evaluate("ipcRenderer.invoke('still there')") is True


@electron("ipc main module › ipc.sendSync › does not crash when reply is not sent and browser is destroyed")
@pytest.mark.engines("chromium")
@pytest.mark.parametrize("settings", [{"limits": Limits(sync_ms=1000, grace_ms=200, goodbye_ms=10)}])
def test_a_tab_that_is_closed_during_send_sync_affects_no_other_page(
    main: Main, window: Window, browser: WebDriver
) -> None:
    asked = main.once("send-sync-message")
    front = browser.current_window_handle
    browser.switch_to.new_window("tab")
    closing = browser.current_window_handle
    blocked = Window(browser, main)
    blocked.load()
    blocked.run("setTimeout(() => { ipcRenderer.sendSync('send-sync-message') }, 50)")
    (event,) = asked.wait()
    destroyed = Once(event.sender, "destroyed")
    # This driver can close it from another tab; the blocked tab does not respond to commands.
    browser.switch_to.window(front)
    browser.execute_cdp_cmd("Target.closeTarget", {"targetId": closing})
    destroyed.wait()
    event.return_value = None
    main.ipc_main.handle("still there", lambda event: True)
    assert window.evaluate("ipcRenderer.invoke('still there')") is True


@electron("ipc main module › ipc.sendSync › does not crash when reply is sent by multiple listeners")
def test_send_sync_has_the_answer_of_the_first_of_several_listeners(main: Main, window: Window) -> None:
    def answer_with(value: int) -> Callable[[IpcMainEvent], None]:
        def answer(event: IpcMainEvent) -> None:
            event.return_value = value

        return answer

    main.ipc_main.on("send-sync-message", answer_with(1))
    main.ipc_main.on("send-sync-message", answer_with(2))
    assert window.evaluate("ipcRenderer.sendSync('send-sync-message')") == 1


@electron("ipc main module › ipcMain.on › is not used for internals")
def test_ipc_main_has_no_listeners_of_the_library() -> None:
    assert IpcMain().event_names() == ["error"]


@electron("ipc main module › ipcMain.on › can be replied to")
def test_a_message_can_be_replied_to(main: Main, window: Window) -> None:
    @main.ipc_main.on("test-echo")
    def echo(event: IpcMainEvent, arg: Any) -> None:
        event.reply("test-echo", arg)

    script = "const reply = once('test-echo'); ipcRenderer.send('test-echo', 'hello'); return (await reply)[1]"
    assert window.run(script) == "hello"


def ipc_main_with_two_channels() -> IpcMain:
    ipc_main = IpcMain()
    ipc_main.remove_all_listeners()
    ipc_main.on("channel1", lambda event: None)
    ipc_main.on("channel2", lambda event: None)
    return ipc_main


@electron("ipc main module › ipcMain.removeAllListeners › removes only the given channel")
def test_remove_all_listeners_removes_only_the_given_channel() -> None:
    ipc_main = ipc_main_with_two_channels()
    ipc_main.remove_all_listeners("channel1")
    assert ipc_main.event_names() == ["channel2"]


@electron("ipc main module › ipcMain.removeAllListeners › removes all channels if no channel is specified")
def test_remove_all_listeners_removes_all_channels_if_none_is_given() -> None:
    ipc_main = ipc_main_with_two_channels()
    ipc_main.remove_all_listeners()
    assert ipc_main.event_names() == []
