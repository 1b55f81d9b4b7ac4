"""Messages with ports, and messages through ports, between a page and the program: contents, listeners and order."""

import asyncio
import logging
import threading
from typing import Any

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.port_listeners import PortListener, PortReceiver
from tests.support.waiting import until
from webipc import (
    IpcMainEvent,
    IpcMainInvokeEvent,
    Limits,
    MessageChannelMain,
    MessagePortMain,
    undefined,
)
from webipc.testing import Renderer


async def test_a_page_sends_a_port_and_both_ends_exchange_messages(site: Site) -> None:
    """Electron: can send a port to the main process; can communicate between main and renderer."""
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    channel = MessageChannelMain()
    channel.port1.post_message("before")
    page.post_message("port", {"hi": 1}, [channel.port2])
    channel.port1.post_message("after")
    here = PortListener(channel.port1)
    await until(lambda: receiver.listeners and len(receiver.listeners[0].received) == 2)
    assert (receiver.messages, receiver.listeners[0].received) == ([{"hi": 1}], ["before", "after"])
    receiver.listeners[0].port.post_message({"n": 2})
    await until(lambda: here.received)
    assert here.received == [{"n": 2}]


async def test_ports_arrive_in_order_and_without_ports_the_list_is_empty(site: Site) -> None:
    """Electron: can sent a message without a transfer."""
    _, ipc_main, page = site
    events: list[tuple[list[MessagePortMain], Any]] = []
    ipc_main.on("ports", lambda event, message: events.append((event.ports, message)))
    channels = [MessageChannelMain() for _ in range(3)]
    for index, channel in enumerate(channels):
        channel.port1.post_message(index)
    page.post_message("ports", undefined)
    page.post_message("ports", "hi", [channel.port2 for channel in channels])
    await until(lambda: len(events) == 2)
    assert events[0] == ([], undefined)
    listeners = [PortListener(port) for port in events[1][0]]
    await until(lambda: all(listener.received for listener in listeners))
    assert [listener.received for listener in listeners] == [[0], [1], [2]]


async def test_post_message_reaches_frame_contents_and_main_and_emits_no_ipc_message(site: Site) -> None:
    """Electron: cascades to WebContents and ipcMain; receives postMessage messages with MessagePorts."""
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    assert contents.main_frame is not None
    order: list[Any] = []
    contents.on("ipc-message", lambda *args: order.append("ipc-message"))
    for name, ipc in (("main", ipc_main), ("contents", contents.ipc), ("frame", contents.main_frame.ipc)):
        ipc.on("post", lambda event, message, name=name: order.append((name, message, len(event.ports))))
    ipc_main.handle("post", lambda event: order.append("handler"))
    page.post_message("post", 42, [MessageChannelMain().port1])
    await until(lambda: len(order) == 3)
    assert order == [("frame", 42, 1), ("contents", 42, 1), ("main", 42, 1)]


async def test_the_event_of_post_message_has_ports_and_no_reply_and_that_of_send_the_opposite(site: Site) -> None:
    _, ipc_main, page = site
    events: dict[str, IpcMainEvent] = {}

    @ipc_main.on("kind")
    def kind(event: IpcMainEvent, name: str) -> None:
        events[name] = event

    page.send("kind", "send")
    page.post_message("kind", "post")
    await until(lambda: len(events) == 2)
    assert not hasattr(events["post"], "reply")
    assert not hasattr(events["send"], "ports")
    events["post"].return_value = "harmless"
    frame = events["post"].sender_frame
    assert frame is not None
    assert (events["post"].ports, events["post"].frame_id, frame.parent) == ([], frame.routing_id, None)


async def test_a_port_sent_through_a_port_keeps_its_queued_messages(site: Site) -> None:
    """Electron: can receive a port from a renderer over a MessagePort connection."""
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    outer, inner = MessageChannelMain(), MessageChannelMain()
    inner.port1.post_message("matryoshka")
    outer.port1.post_message("see", [inner.port2])
    page.post_message("port", None, [outer.port2])
    await until(lambda: receiver.listeners and receiver.listeners[0].ports)
    listener = PortListener(receiver.listeners[0].ports[0])
    await until(lambda: listener.received)
    assert listener.received == ["matryoshka"]
    back = PortListener(inner.port1)
    listener.port.post_message("back")
    await until(lambda: back.received)
    assert back.received == ["back"]


async def test_the_program_sends_a_port_to_a_page(site: Site) -> None:
    """Electron: can pass one end to a WebContents; sends a message."""
    _, ipc_main, page = site
    channel = MessageChannelMain()
    channel.port1.post_message("early")
    contents_of(ipc_main, page).post_message("port", {"some": "message"}, [channel.port2])
    event, args = await page.arrival("port")
    assert (args, event.sender, event.sender_id, len(event.ports)) == ([{"some": "message"}], page, 0, 1)
    listener, here = PortListener(event.ports[0]), PortListener(channel.port1)
    channel.port1.post_message("late")
    await until(lambda: len(listener.received) == 2)
    listener.port.post_message("back")
    await until(lambda: here.received)
    assert (listener.received, here.received) == (["early", "late"], ["back"])


async def test_a_port_that_returns_to_its_sender_is_the_same_channel(site: Site) -> None:
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    channel = MessageChannelMain()
    contents_of(ipc_main, page).post_message("port", None, [channel.port2])
    event, _ = await page.arrival("port")
    page.post_message("port", "back", event.ports)
    await until(lambda: receiver.listeners)
    here = PortListener(channel.port1)
    receiver.listeners[0].port.post_message("round")
    await until(lambda: here.received)
    channel.port1.post_message("trip")
    await until(lambda: receiver.listeners[0].received)
    assert (here.received, receiver.listeners[0].received) == (["round"], ["trip"])


async def test_a_def_handler_can_create_a_channel_and_listen_to_it(site: Site) -> None:
    _, ipc_main, page = site
    received: list[tuple[Any, int]] = []

    @ipc_main.handle("open")
    def open_channel(event: IpcMainInvokeEvent) -> None:
        channel = MessageChannelMain()
        channel.port1.on("message", lambda event: received.append((event.data, threading.get_ident())))
        channel.port1.start()
        channel.port2.post_message("from the handler")
        event.sender.post_message("port", None, [channel.port2])

    await page.invoke("open")
    event, _ = await page.arrival("port")
    event.ports[0].post_message("from the page")
    await until(lambda: len(received) == 2)
    here = threading.get_ident()
    assert received == [("from the handler", here), ("from the page", here)]


async def test_send_and_post_message_arrive_in_the_order_of_the_calls(site: Site) -> None:
    _, ipc_main, page = site
    received: list[int] = []
    page.on("n", lambda event, value: received.append(value))
    contents = contents_of(ipc_main, page)
    for index in range(0, 100, 2):
        contents.send("n", index)
        contents.post_message("n", index + 1)
    await until(lambda: len(received) == 100)
    assert received == list(range(100))


async def test_a_message_of_the_loop_arrives_after_earlier_messages_of_threads(site: Site) -> None:
    _, ipc_main, page = site
    channel = MessageChannelMain()
    contents_of(ipc_main, page).post_message("port", None, [channel.port2])
    listener = PortListener((await page.arrival("port"))[0].ports[0])
    for index in range(100):
        # The loop is blocked here, so callbacks that the thread has scheduled cannot have run.
        thread = threading.Thread(target=channel.port1.post_message, args=(2 * index,))
        thread.start()
        thread.join()
        channel.port1.post_message(2 * index + 1)
    thread = threading.Thread(target=channel.port1.post_message, args=("last",))
    thread.start()
    thread.join()
    channel.port1.close()
    await until(lambda: listener.received[-1:] == ["close"])
    assert listener.received == [*range(200), "last", "close"]


class ForwardLog(logging.Handler):
    """Posts each log message into a port."""

    def __init__(self, port: MessagePortMain) -> None:
        super().__init__()
        self._port = port

    def emit(self, record: logging.LogRecord) -> None:
        self._port.post_message(record.getMessage())


async def test_a_log_handler_that_posts_into_a_port_causes_no_deadlock() -> None:
    app, ipc_main = application(limits=Limits(message_bytes=1000))
    logger = logging.getLogger("webipc")
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        logs = MessageChannelMain()
        contents.post_message("logs", None, [logs.port2])
        seen = PortListener((await page.arrival("logs"))[0].ports[0])
        handler = ForwardLog(logs.port1)
        logger.addHandler(handler)

        def work() -> None:
            for index in range(1000):
                logger.warning("number %d", index)

        try:
            async with asyncio.timeout(20):
                working = asyncio.create_task(asyncio.to_thread(work))
                for _ in range(500):
                    channel = MessageChannelMain()
                    # Too large for the page, to which the port is sent later: logged then, in the thread of the loop.
                    channel.port1.post_message("x" * 1000)
                    contents.post_message("port", None, [channel.port2])
                    await asyncio.sleep(0)
                await working
            await until(lambda: len(seen.received) == 1500)
        finally:
            logger.removeHandler(handler)
        numbers = [text for text in seen.received if text.startswith("number ")]
        assert numbers == [f"number {index}" for index in range(1000)]
