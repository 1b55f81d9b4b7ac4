"""Behaviour for which Electron has no test: ports after an error, and when ports start and close."""

import asyncio
from typing import Any

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Window
from tests.support.serving import wait_until
from webipc import ArrayBuffer, IpcMainEvent, MessageChannelMain, MessageEvent, MessagePortMain

CHANNELS = """
  const [good, used] = window.channels = [new MessageChannel(), new MessageChannel()]
  ipcRenderer.postMessage('test', 'first', [used.port1])
"""


def listen(main: Main) -> tuple[list[Any], list[Any]]:
    """Return the messages of the channel `test`, and the messages of the ports that arrive with them."""
    messages: list[Any] = []
    said: list[Any] = []

    @main.ipc_main.on("test")
    def test(event: IpcMainEvent, message: Any) -> None:
        messages.append(message)
        for port in event.ports:
            port.on("message", lambda event: said.append(event.data))
            port.start()

    return messages, said


@electron("a message that cannot be cloned leaves the ports of its transfer list usable")
def test_a_message_that_cannot_be_cloned_leaves_its_ports_usable(main: Main, window: Window) -> None:
    messages, said = listen(main)
    script = f"""
      {CHANNELS}
      const text = thrown(() => ipcRenderer.postMessage('test', () => 1, [good.port1]))
      ipcRenderer.postMessage('test', 'second', [good.port1])
      good.port2.postMessage('through it')
      return text
    """
    assert "An object could not be cloned." in window.run(script)
    wait_until(lambda: said == ["through it"], "the port works")
    assert messages == ["first", "second"]


@electron("a used port in a transfer list loses the ports before it")
def test_a_used_port_in_a_transfer_list_loses_the_ports_before_it(main: Main, window: Window) -> None:
    messages, said = listen(main)
    script = f"""
      {CHANNELS}
      const refused = () => thrown(() => ipcRenderer.postMessage('test', 'second', [good.port1, used.port1]))
      const texts = [refused(), thrown(() => ipcRenderer.postMessage('test', 'third', [good.port1]))]
      ipcRenderer.postMessage('test', 'end')
      return texts
    """
    assert window.run(script) == ["TypeError: Invalid value for transfer"] * 2
    wait_until(lambda: messages == ["first", "end"], "nothing of it was sent")
    assert said == []


@electron("a port inside of a message is refused, listed or not")
def test_a_port_inside_a_message_is_refused(window: Window) -> None:
    script = """
      const { port1, port2 } = new MessageChannel()
      return [[], [port1]].map((list) => thrown(() => ipcRenderer.postMessage('test', { port: port1 }, list)))
    """
    texts = window.run(script)
    assert ["An object could not be cloned." in text for text in texts] == [True, True]


async def settle(rounds: int = 10) -> None:
    """Let the event loop run what is scheduled."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@electron("messages wait for start, which a listener does not call, and which does nothing a second time")
async def test_messages_wait_for_start() -> None:
    channel = MessageChannelMain()
    heard: list[Any] = []
    channel.port1.on("message", lambda event: heard.append(event.data))
    channel.port2.post_message(1)
    channel.port2.post_message(2)
    await settle()
    assert heard == []
    channel.port1.start()
    channel.port1.start()
    assert heard == []
    await settle()
    assert heard == [1, 2]
    channel.port1.close()
    channel.port1.start()


@electron("a port that is closed or transferred accepts any arguments, checks none, and sends nothing")
async def test_a_closed_or_transferred_port_checks_no_arguments() -> None:
    gone, away, carrier = MessageChannelMain(), MessageChannelMain(), MessageChannelMain()
    heard: list[MessageEvent] = []
    gone.port2.on("message", heard.append)
    gone.port2.start()
    gone.port1.close()
    carrier.port1.post_message(None, [away.port1])
    wrong: Any = {"neither": "list nor ports"}
    for port in (gone.port1, away.port1):
        port.post_message(lambda: None, wrong)
    await settle()
    assert heard == []


@electron("close is emitted at once on the port that closes, later on the other, and once")
async def test_close_is_emitted_at_once_on_this_end_and_later_on_the_other() -> None:
    channel = MessageChannelMain()
    order: list[str] = []
    channel.port1.on("close", lambda *args: order.append(f"here {args}"))
    channel.port2.on("close", lambda *args: order.append(f"there {args}"))
    channel.port2.start()
    channel.port1.close()
    channel.port1.close()
    assert order == ["here ()"]
    await settle()
    assert order == ["here ()", "there ()"]


@electron("a closed port can be transferred, and arrives closed")
def test_a_closed_port_can_be_transferred_and_arrives_closed(main: Main, window: Window) -> None:
    window.run("""
      ipcRenderer.on('port', ({ ports: [port] }) => {
        port.onmessage = (event) => { ipcRenderer.send('heard', event.data) }
        port.postMessage('into nothing')
        ipcRenderer.send('arrived', port instanceof MessagePort)
      })
    """)
    heard: list[Any] = []
    arrived = main.once("arrived")
    channel = MessageChannelMain()

    def give() -> MessagePortMain:
        channel.port2.on("message", heard.append)
        channel.port2.start()
        channel.port1.close()
        window.web_contents.post_message("port", None, [channel.port1])
        return channel.port1

    port = main.call(give)
    assert arrived.wait()[1] is True
    assert heard == []
    with pytest.raises(Exception, match="already neutered"):
        window.web_contents.post_message("port", None, [port])


@electron("an ArrayBuffer that a page transfers through a port loses the whole message")
def test_an_array_buffer_that_a_page_transfers_through_a_port_arrives(main: Main, window: Window) -> None:
    _, said = listen(main)
    window.run("""
      const { port1, port2 } = window.channel = new MessageChannel()
      ipcRenderer.postMessage('test', null, [port2])
      const { buffer } = new Uint8Array([1, 2, 3])
      port1.postMessage({ buffer }, [buffer])
    """)
    wait_until(lambda: said, "the message arrives")
    assert said == [{"buffer": ArrayBuffer(b"\x01\x02\x03")}]
