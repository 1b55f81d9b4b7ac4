"""Electron's spec/api-ipc-spec.ts: invoke, payloads and order.

The rest of that file is in test_api_ipc_ports.py, test_api_ipc_post_message.py and test_api_ipc_scopes.py.
"""

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Window
from webipc import IpcError, IpcMainEvent, IpcMainInvokeEvent, SecondHandlerError

RENDERER_INVOKE = """
  const rendererInvoke = async (...args) => {
    try {
      return { result: await ipcRenderer.invoke('test', ...args) }
    } catch (error) {
      return { error: error.message }
    }
  }
"""


def renderer_invoke(window: Window, args: str = "") -> Any:
    """Invoke `test` in the page, and return `{result}` or `{error}`, as Electron's function of this name does."""
    return window.run(f"{RENDERER_INVOKE} return rendererInvoke({args})")


@electron("ipc module › invoke › receives a response from a synchronous handler")
def test_invoke_receives_a_response_from_a_synchronous_handler(main: Main, window: Window) -> None:
    heard: list[int] = []

    def test(event: IpcMainInvokeEvent, arg: int) -> int:
        heard.append(arg)
        return 3

    main.ipc_main.handle_once("test", test)
    assert renderer_invoke(window, "123") == {"result": 3}
    assert heard == [123]


@electron("ipc module › invoke › receives a response from an asynchronous handler")
def test_invoke_receives_a_response_from_an_asynchronous_handler(main: Main, window: Window) -> None:
    heard: list[int] = []

    async def test(event: IpcMainInvokeEvent, arg: int) -> int:
        heard.append(arg)
        await asyncio.sleep(0)
        return 3

    main.ipc_main.handle_once("test", test)
    assert renderer_invoke(window, "123") == {"result": 3}
    assert heard == [123]


class Lazy:
    """Starts its work only when it is awaited."""

    def __init__(self) -> None:
        self.started = False

    def __await__(self) -> Generator[Any, None, int]:
        self.started = True
        yield from asyncio.sleep(0).__await__()
        return 3


@electron("ipc module › invoke › receives a response from a handler that returns a lazy thenable")
def test_invoke_receives_a_response_from_a_handler_that_returns_a_lazy_awaitable(main: Main, window: Window) -> None:
    returned = Lazy()
    main.ipc_main.handle_once("test", lambda event: returned)
    assert renderer_invoke(window) == {"result": 3}
    assert returned.started


@electron("ipc module › invoke › receives an error from a synchronous handler")
def test_invoke_receives_an_error_from_a_synchronous_handler(main: Main, window: Window) -> None:
    def test(event: IpcMainInvokeEvent) -> None:
        raise IpcError("some error")

    main.ipc_main.handle_once("test", test)
    assert renderer_invoke(window) == {"error": "Error invoking remote method 'test': Error: some error"}


@electron("ipc module › invoke › receives an error when the handler result cannot be cloned")
def test_invoke_receives_an_error_when_the_result_cannot_be_cloned(main: Main, window: Window) -> None:
    main.ipc_main.handle_once("test", lambda event: {"notCloneable": lambda: None})
    assert "could not be cloned" in renderer_invoke(window)["error"]


@electron("ipc module › invoke › receives an error from an asynchronous handler")
def test_invoke_receives_an_error_from_an_asynchronous_handler(main: Main, window: Window) -> None:
    async def test(event: IpcMainInvokeEvent) -> None:
        await asyncio.sleep(0)
        raise IpcError("some error")

    main.ipc_main.handle_once("test", test)
    assert renderer_invoke(window) == {"error": "Error invoking remote method 'test': Error: some error"}


@electron("ipc module › invoke › does not report an unhandled rejection for a handler that rejects")
def test_invoke_leaves_no_unhandled_exception_in_the_event_loop(main: Main, window: Window) -> None:
    unhandled: list[Any] = []
    assert main.server.loop is not None
    main.server.loop.set_exception_handler(lambda loop, context: unhandled.append(context))

    async def test(event: IpcMainInvokeEvent) -> None:
        raise IpcError("some error")

    main.ipc_main.handle_once("test", test)
    assert "some error" in renderer_invoke(window)["error"]
    main.call(gc.collect)
    assert unhandled == []


@electron("ipc module › invoke › throws an error if no handler is registered")
def test_invoke_throws_an_error_if_no_handler_is_registered(window: Window) -> None:
    text = "Error invoking remote method 'test': Error: No handler registered for 'test'"
    assert renderer_invoke(window) == {"error": text}


@electron("ipc module › invoke › throws an error when invoking a handler that was removed")
def test_invoke_throws_an_error_when_the_handler_was_removed(main: Main, window: Window) -> None:
    main.ipc_main.handle("test", lambda event: None)
    main.ipc_main.remove_handler("test")
    assert "No handler registered" in renderer_invoke(window)["error"]


@electron("ipc module › invoke › forbids multiple handlers")
def test_a_second_handler_is_refused(main: Main) -> None:
    main.ipc_main.handle("test", lambda event: None)
    with pytest.raises(SecondHandlerError, match="Attempted to register a second handler for 'test'"):
        main.ipc_main.handle("test", lambda event: None)


@electron("ipc module › invoke › throws an error in the renderer if the reply callback is dropped")
def test_invoke_throws_an_error_when_the_reply_is_dropped(main: Main, window: Window) -> None:
    @main.ipc_main.handle("test")
    async def test(event: IpcMainInvokeEvent) -> None:
        never = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(never.cancel)
        await never

    assert renderer_invoke(window) == {"error": "Error invoking remote method 'test': reply was never sent"}


SIZES = [0, 1, 65535, 65536, 65537, 256 * 1024 + 3, 3 * 1024 * 1024 + 1]

ROUND_TRIPS = """
  const isSame = (one, other) => {
    // Firefox runs what is evaluated beside the page, where a Uint8Array of the page is not one of its own.
    if (ArrayBuffer.isView(one)) {
      return ArrayBuffer.isView(other) && one.length === other.length && one.every((byte, i) => byte === other[i])
    }
    if (typeof one !== 'object') return one === other
    const keys = Object.keys(one)
    return keys.join() === Object.keys(other).join() && keys.every((key) => isSame(one[key], other[key]))
  }
  const trips = {
    invoke: (value) => ipcRenderer.invoke('echo-large', value),
    sendSync: (value) => ipcRenderer.sendSync('echo-large-sync', value),
    send: async (value) => {
      const reply = once('echo-large-reply')
      ipcRenderer.send('echo-large-send', value)
      return (await reply)[1]
    },
  }
  const different = []
  for (const size of sizes) {
    const text = `<${'x'.repeat(size)}>`
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7) & 255)
    const nested = { text, bytes, meta: { size, list: [1, 'two', { three: true }] } }
    for (const [kind, value] of Object.entries({ text, bytes, nested })) {
      for (const [trip, there] of Object.entries(trips)) {
        if (!isSame(value, await there(value))) different.push([size, kind, trip])
      }
    }
  }
  return different
"""


@electron(
    "ipc module › payloads across the shared-memory threshold › round trips strings, typed arrays and nested objects of"
    " each size through invoke, sendSync and send"
)
def test_payloads_of_each_size_round_trip_through_invoke_send_sync_and_send(main: Main, window: Window) -> None:
    main.ipc_main.handle("echo-large", lambda event, value: value)

    @main.ipc_main.on("echo-large-sync")
    def answer(event: IpcMainEvent, value: Any) -> None:
        event.return_value = value

    main.ipc_main.on("echo-large-send", lambda event, value: event.sender.send("echo-large-reply", value))
    assert window.run(f"const sizes = {SIZES}; {ROUND_TRIPS}") == []


def listen_for_numbers(main: Main) -> list[int]:
    received: list[int] = []

    @main.ipc_main.on("test-sync")
    def sync(event: IpcMainEvent, number: int) -> None:
        received.append(number)
        event.return_value = None

    @main.ipc_main.handle("test-invoke")
    async def invoke(event: IpcMainInvokeEvent, number: int) -> None:
        received.append(number)

    main.ipc_main.on("test-async", lambda event, number: received.append(number))
    return received


@electron("ipc module › ordering › between send and sendSync is consistent")
def test_the_order_between_send_and_send_sync_is_consistent(main: Main, window: Window) -> None:
    received = listen_for_numbers(main)
    done = main.once("done")
    window.run("""
      for (let i = 0; i < 1000; i++) {
        if (Math.random() < 1 / 2) ipcRenderer.send('test-async', i)
        else ipcRenderer.sendSync('test-sync', i)
      }
      ipcRenderer.send('done')
    """)
    done.wait()
    assert received == list(range(1000))


@electron("ipc module › ordering › between send, sendSync, and invoke is consistent")
def test_the_order_between_send_send_sync_and_invoke_is_consistent(main: Main, window: Window) -> None:
    received = listen_for_numbers(main)
    done = main.once("done")
    window.run("""
      for (let i = 0; i < 1000; i++) {
        const dice = Math.random() * 3
        if (dice < 1) ipcRenderer.send('test-async', i)
        else if (dice < 2) ipcRenderer.sendSync('test-sync', i)
        else void ipcRenderer.invoke('test-invoke', i)
      }
      ipcRenderer.send('done')
    """)
    done.wait()
    assert received == list(range(1000))
