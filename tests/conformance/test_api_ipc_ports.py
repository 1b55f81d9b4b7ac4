"""Electron's spec/api-ipc-spec.ts, ports: from the page to Python, from Python to the page, and within Python."""

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Once, Window, collected
from webipc import ArrayBuffer, EventEmitter, MessageChannelMain, MessageEvent, MessagePortMain
from webipc.core.values import undefined
from webipc.electron.message_port_main import TransferError, TransferTypeError


async def once(emitter: EventEmitter, name: str) -> tuple[Any, ...]:
    """Return the arguments of the next emit, as Node's `once` does, in the event loop."""
    came: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
    emitter.once(name, lambda *args: came.set_result(args))
    return await came


@electron("ipc module › MessagePort › can send a port to the main process")
def test_a_page_can_send_a_port_to_the_main_process(main: Main, window: Window) -> None:
    port = main.once("port")
    window.run("const channel = new MessageChannel(); ipcRenderer.postMessage('port', 'hi', [channel.port1])")
    event, message = port.wait()
    assert (message, len(event.ports)) == ("hi", 1)
    assert event.sender_frame.parent is None
    assert event.sender_frame.frame_token == window.main_frame.frame_token
    assert isinstance(event.ports[0], EventEmitter)


@electron("ipc module › MessagePort › can sent a message without a transfer")
def test_a_page_can_post_a_message_without_ports(main: Main, window: Window) -> None:
    port = main.once("port")
    window.run("ipcRenderer.postMessage('port', 'hi')")
    event, message = port.wait()
    assert (message, event.ports) == ("hi", [])
    assert event.sender_frame.frame_token == window.main_frame.frame_token


@electron("ipc module › MessagePort › throws when the transferable is invalid")
def test_a_page_cannot_transfer_what_is_not_a_port(window: Window) -> None:
    thrown = window.evaluate("thrown(() => ipcRenderer.postMessage('port', '', [new ArrayBuffer(10)]))")
    assert thrown == "TypeError: Invalid value for transfer"


@electron("ipc module › MessagePort › can communicate between main and renderer")
def test_a_port_communicates_between_main_and_renderer(main: Main, window: Window) -> None:
    came = main.once("port")
    window.run("""
      const channel = window.channel = new MessageChannel()
      channel.port2.onmessage = (event) => { channel.port2.postMessage(event.data * 2) }
      ipcRenderer.postMessage('port', '', [channel.port1])
    """)
    event, _ = came.wait()
    (port,) = event.ports
    answer = Once(port, "message")
    port.start()
    port.post_message(42)
    assert answer.wait()[0].data == 84


@electron("ipc module › MessagePort › can receive a port from a renderer over a MessagePort connection")
def test_a_port_arrives_through_a_port(main: Main, window: Window) -> None:
    came = main.once("port")
    window.run("""
      const [channel1, channel2] = window.channels = [new MessageChannel(), new MessageChannel()]
      channel1.port2.postMessage('', [channel2.port1])
      channel2.port2.postMessage('matryoshka')
      ipcRenderer.postMessage('port', '', [channel1.port1])
    """)
    event, _ = came.wait()
    (port1,) = event.ports
    first = Once(port1, "message")
    port1.start()
    (port2,) = first.wait()[0].ports
    second = Once(port2, "message")
    port2.start()
    assert second.wait()[0].data == "matryoshka"


@electron("ipc module › MessagePort › can forward a port from one renderer to another renderer")
def test_a_port_is_forwarded_from_one_page_to_another(main: Main, open_window: Callable[[], Window]) -> None:
    first, second = open_window(), open_window()
    came = main.once("port")
    received = main.once("message received")
    first.run("""
      const channel = window.channel = new MessageChannel()
      channel.port2.onmessage = (event) => { ipcRenderer.send('message received', event.data) }
      ipcRenderer.postMessage('port', '', [channel.port1])
    """)
    (port,) = came.wait()[0].ports
    second.run("ipcRenderer.on('port', ({ ports: [port] }) => { port.postMessage('a message') })")
    second.web_contents.post_message("port", "", [port])
    assert received.wait()[1] == "a message"


KEEP_PORT = """
  ipcRenderer.on('port', ({ ports: [port] }) => {
    window.port = port
    port.start()
    port.onclose = () => { ipcRenderer.send('closed') }
    ipcRenderer.send('kept')
  })
"""


@electron(
    "ipc module › MessagePort › close event › in renderer › is emitted when the main process closes its end of the port"
)
def test_a_port_of_a_page_emits_close_when_the_main_process_closes_its_end(main: Main, window: Window) -> None:
    closed = main.once("closed")
    window.run(KEEP_PORT)
    channel = MessageChannelMain()
    window.web_contents.post_message("port", None, [channel.port2])
    channel.port1.close()
    closed.wait()


@electron(
    "ipc module › MessagePort › close event › in renderer › "
    "is emitted when the other end of a port is garbage-collected"
)
def test_a_port_of_a_page_emits_close_when_python_collects_the_other_end(main: Main, window: Window) -> None:
    kept, closed = main.once("kept"), main.once("closed")
    window.run(KEEP_PORT)
    main.call(lambda: window.web_contents.post_message("port", None, [MessageChannelMain().port2]))
    kept.wait()
    collected(lambda: closed.has_come, "the page hears the close")


@electron(
    "ipc module › MessagePort › close event › in renderer › is emitted when the other end of a port is sent to nowhere"
)
def test_an_end_that_no_listener_receives_closes_the_other(main: Main, window: Window) -> None:
    kept = main.once("kept")
    window.run(KEEP_PORT)
    channel = MessageChannelMain()
    window.web_contents.post_message("port", None, [channel.port2])
    kept.wait()
    closed = Once(channel.port1, "close")
    main.call(channel.port1.start)
    window.run("ipcRenderer.postMessage('nobody-listening', null, [port])")
    collected(lambda: closed.has_come, "the other end hears the close")


@electron("ipc module › MessagePort › close event › when context destroyed › does not crash")
def test_a_reload_of_a_page_with_ports_does_no_harm(main: Main, window: Window) -> None:
    came = main.once("port")
    window.run("window.channel = new MessageChannel(); ipcRenderer.postMessage('port', null, [channel.port1])")
    (port,) = came.wait()[0].ports
    closed = Once(port, "close")
    main.call(port.start)
    window.load()
    main.ipc_main.handle("still there", lambda event: True)
    assert window.evaluate("ipcRenderer.invoke('still there')") is True
    closed.wait()


@electron("ipc module › MessagePort › MessageChannelMain › can be created")
def test_a_channel_can_be_created() -> None:
    channel = MessageChannelMain()
    assert isinstance(channel.port1, MessagePortMain)
    assert isinstance(channel.port2, MessagePortMain)


@electron(
    "ipc module › MessagePort › MessageChannelMain › should not throw when supported values are passed as message"
)
def test_a_port_takes_every_supported_message() -> None:
    channel = MessageChannelMain()
    channel.port1.post_message()
    messages: list[Any] = [undefined, 42, False, [], "hello", {"hello": "goodbye"}]
    for message in messages:
        channel.port1.post_message(message)


@electron(
    "ipc module › MessagePort › MessageChannelMain › throws an error when an invalid parameter is sent to postMessage"
)
def test_a_port_refuses_to_transfer_what_is_not_a_port() -> None:
    channel = MessageChannelMain()
    with pytest.raises(TransferTypeError, match="transferables must be an array of MessagePorts"):
        channel.port1.post_message(None, {})  # type: ignore[arg-type] # the wrong type is what is tested
    wrong: list[Any] = [ArrayBuffer(b"0123456789"), "1", datetime.now(UTC)]
    for each in wrong:
        with pytest.raises(TransferTypeError, match="Port at index 0 is not a valid port"):
            channel.port1.post_message(None, [each])


@electron(
    "ipc module › MessagePort › MessageChannelMain › throws when postMessage transferables contains the source port",
    "ipc module › MessagePort › MessageChannelMain › throws when passing itself",
)
def test_a_port_cannot_be_sent_through_itself() -> None:
    channel = MessageChannelMain()
    with pytest.raises(TransferError, match=r"Port at index 0 contains the source port\."):
        channel.port1.post_message(None, [channel.port1])


@electron("ipc module › MessagePort › MessageChannelMain › can send messages within the process")
async def test_a_channel_carries_messages_within_the_process() -> None:
    channel = MessageChannelMain()
    channel.port2.post_message("hello")
    channel.port1.start()
    (event,) = await once(channel.port1, "message")
    assert event.data == "hello"


@electron("ipc module › MessagePort › MessageChannelMain › can pass one end to a WebContents")
def test_one_end_can_be_passed_to_a_page(main: Main, window: Window) -> None:
    done = main.once("done")
    window.run("ipcRenderer.on('port', ({ ports: [port] }) => { port.onmessage = () => { ipcRenderer.send('done') } })")
    channel = MessageChannelMain()
    channel.port1.post_message("hello")
    window.web_contents.post_message("port", None, [channel.port2])
    done.wait()


@electron("ipc module › MessagePort › MessageChannelMain › can be passed over another channel")
def test_one_end_can_be_passed_over_another_channel(main: Main, window: Window) -> None:
    done = main.once("done")
    window.run("""
      ipcRenderer.on('port', ({ ports: [outer] }) => {
        outer.onmessage = ({ ports: [inner] }) => {
          inner.onmessage = ({ data }) => { ipcRenderer.send('done', data) }
        }
      })
    """)
    outer, inner = MessageChannelMain(), MessageChannelMain()
    outer.port1.post_message(None, [inner.port2])
    inner.port1.post_message("hello")
    window.web_contents.post_message("port", None, [outer.port2])
    assert done.wait()[1] == "hello"


@electron("ipc module › MessagePort › MessageChannelMain › can send messages to a closed port")
async def test_a_closed_port_takes_messages_and_sends_none() -> None:
    channel = MessageChannelMain()
    received: list[MessageEvent] = []
    channel.port2.on("message", received.append)
    channel.port2.start()
    channel.port1.close()
    channel.port1.post_message("hello")
    await once(channel.port2, "close")
    assert received == []


@electron("ipc module › MessagePort › MessageChannelMain › can send messages to a port whose remote end is closed")
async def test_a_port_takes_messages_for_a_closed_end_and_sends_none() -> None:
    channel = MessageChannelMain()
    received: list[MessageEvent] = []
    channel.port2.on("message", received.append)
    channel.port1.start()
    channel.port2.start()
    channel.port2.close()
    channel.port1.post_message("hello")
    await once(channel.port1, "close")
    assert received == []


@electron("ipc module › MessagePort › MessageChannelMain › throws when passing null ports")
def test_a_port_refuses_none_as_a_port() -> None:
    channel = MessageChannelMain()
    nothing: Any = None
    with pytest.raises(TransferTypeError, match="Port at index 0 is not a valid port"):
        channel.port1.post_message(None, [nothing])


@electron("ipc module › MessagePort › MessageChannelMain › throws when passing duplicate ports")
def test_a_port_refuses_the_same_port_twice() -> None:
    channel, other = MessageChannelMain(), MessageChannelMain()
    with pytest.raises(TransferError, match=r"Port at index 1 is a duplicate\."):
        channel.port1.post_message(None, [other.port1, other.port1])


@electron("ipc module › MessagePort › MessageChannelMain › throws when passing ports that have already been neutered")
def test_a_port_refuses_one_that_was_sent_away() -> None:
    channel, other = MessageChannelMain(), MessageChannelMain()
    channel.port1.post_message(None, [other.port1])
    with pytest.raises(TransferError, match=r"Port at index 0 is already neutered\."):
        channel.port1.post_message(None, [other.port1])


@electron(
    "ipc module › MessagePort › MessageChannelMain › GC behavior › "
    "is not collected while it could still receive messages"
)
async def test_a_port_with_listeners_lives_as_long_as_its_other_end() -> None:
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def make() -> MessagePortMain:
        channel = MessageChannelMain()
        channel.port2.on("message", lambda event: heard.set_result(event.data))
        channel.port2.start()
        return channel.port1

    port = make()
    gc.collect()
    port.post_message("hello")
    assert await heard == "hello"
