"""Ports between a page and the program, and from page to page: what is said, what is refused, who hears of an end."""

import asyncio
import gc
import json
import logging
import threading
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.waiting import settled, until
from webipc import (
    CloneError,
    DestroyedError,
    FeatureError,
    IpcMain,
    IpcMainEvent,
    IpcMainInvokeEvent,
    LimitError,
    Limits,
    MessageChannelMain,
    MessageEvent,
    MessagePortMain,
    undefined,
)
from webipc.core.errors import CloseCode
from webipc.core.frame import encode_control
from webipc.electron.message_port_main import TransferError, TransferTypeError
from webipc.electron.web_frame_main import DisposedError
from webipc.testing import Renderer
from webipc.testing.browser import Browser, MemorySocket


class Ear:
    """Keeps what a port has heard."""

    def __init__(self, port: MessagePortMain) -> None:
        self.heard: list[Any] = []
        self.ports: list[MessagePortMain] = []
        self.port = port
        port.on("message", self._came)
        port.on("close", lambda: self.heard.append("close"))
        port.start()

    def _came(self, event: MessageEvent) -> None:
        self.heard.append(event.data)
        self.ports += event.ports


class Taking:
    """Listens for ports on the channel `port`, and to each of them."""

    def __init__(self, ipc_main: IpcMain) -> None:
        self.ears: list[Ear] = []
        self.messages: list[Any] = []
        ipc_main.on("port", self._port)

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        self.messages.append(message)
        self.ears += [Ear(port) for port in event.ports]


def open_ports(ipc_main: IpcMain) -> list[int]:
    """Return how many ports are open on each link."""
    assert ipc_main._hub is not None
    return [len(connection.ports) for connection in ipc_main._hub._links.values()]


# --- from the page --------------------------------------------------------------------------------------------------


async def test_a_page_sends_a_port_and_both_talk(site: Site) -> None:
    """Electron: can send a port to the main process; can communicate between main and renderer."""
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    channel = MessageChannelMain()
    channel.port1.post_message("before")
    page.post_message("port", {"hi": 1}, [channel.port2])
    channel.port1.post_message("after")
    here = Ear(channel.port1)
    await until(lambda: taking.ears and len(taking.ears[0].heard) == 2)
    assert (taking.messages, taking.ears[0].heard) == ([{"hi": 1}], ["before", "after"])
    taking.ears[0].port.post_message({"n": 2})
    await until(lambda: here.heard)
    assert here.heard == [{"n": 2}]


async def test_ports_come_in_their_order_and_without_any_the_list_is_empty(site: Site) -> None:
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
    ears = [Ear(port) for port in events[1][0]]
    await until(lambda: all(ear.heard for ear in ears))
    assert [ear.heard for ear in ears] == [[0], [1], [2]]


async def test_it_reaches_frame_contents_and_main_and_fires_no_ipc_message(site: Site) -> None:
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


async def test_the_event_has_ports_and_no_reply_and_those_of_others_have_no_ports(site: Site) -> None:
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


@pytest.mark.parametrize("wrong", [None, "ports", 5, [b""], [5], [None], ["twice", "twice"], ["used"]])
async def test_a_page_that_sends_anything_but_usable_ports_is_refused(site: Site, wrong: Any) -> None:
    """Electron: throws when the transferable is invalid."""
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    channel, used = MessageChannelMain(), MessageChannelMain()
    MessageChannelMain().port1.post_message(None, [used.port1])
    named = {"twice": channel.port1, "used": used.port1}
    transfer = (
        [named.get(each, each) if isinstance(each, str) else each for each in wrong]
        if isinstance(wrong, list)
        else wrong
    )
    with pytest.raises(TransferTypeError, match=r"^Invalid value for transfer$"):
        page.post_message("port", 1, transfer)
    page.post_message("port", 2, [channel.port1])
    await until(lambda: taking.ears)
    assert taking.messages == [2]


async def test_a_message_that_cannot_be_cloned_leaves_the_ports_usable(site: Site) -> None:
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    channel = MessageChannelMain()
    for message in (print, channel.port1, [channel.port2]):
        with pytest.raises(CloneError, match=r"^An object could not be cloned\. message"):
            page.post_message("port", message, [channel.port1])
    with pytest.raises(TypeError, match=r"^Error processing argument at index 0, conversion failure from null$"):
        page.post_message(None, 1)  # type: ignore[arg-type] # on purpose
    page.post_message("port", "good", [channel.port1])
    await until(lambda: taking.ears)
    assert taking.messages == ["good"]


async def test_a_port_that_is_sent_where_nobody_listens_is_closed(site: Site) -> None:
    """Electron: is emitted when the other end of a port is sent to nowhere."""
    _, _, page = site
    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    page.post_message("nobody listens", None, [channel.port2])
    await until(lambda: ear.heard)
    assert ear.heard == ["close"]


async def test_a_listener_that_raises_lets_its_ports_go_though_the_log_keeps_the_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    _, ipc_main, page = site

    @ipc_main.on("port")
    def port(event: IpcMainEvent, message: Any) -> None:
        ports = event.ports
        raise ValueError(len(ports))

    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    gc.disable()
    try:
        page.post_message("port", None, [channel.port2])
        await until(lambda: ear.heard)
    finally:
        gc.enable()
    assert [record.getMessage() for record in caplog.records] == ["A listener for 'port' raised"]


async def test_a_port_comes_through_a_port_with_what_was_said_before(site: Site) -> None:
    """Electron: can receive a port from a renderer over a MessagePort connection."""
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    outer, inner = MessageChannelMain(), MessageChannelMain()
    inner.port1.post_message("matryoshka")
    outer.port1.post_message("see", [inner.port2])
    page.post_message("port", None, [outer.port2])
    await until(lambda: taking.ears and taking.ears[0].ports)
    ear = Ear(taking.ears[0].ports[0])
    await until(lambda: ear.heard)
    assert ear.heard == ["matryoshka"]
    back = Ear(inner.port1)
    ear.port.post_message("back")
    await until(lambda: back.heard)
    assert back.heard == ["back"]


# --- to the page ----------------------------------------------------------------------------------------------------


async def test_the_program_gives_a_port_to_a_page(site: Site) -> None:
    """Electron: can pass one end to a WebContents; sends a message."""
    _, ipc_main, page = site
    channel = MessageChannelMain()
    channel.port1.post_message("early")
    contents_of(ipc_main, page).post_message("port", {"some": "message"}, [channel.port2])
    event, args = await page.arrival("port")
    assert (args, event.sender, event.sender_id, len(event.ports)) == ([{"some": "message"}], page, 0, 1)
    ear, here = Ear(event.ports[0]), Ear(channel.port1)
    channel.port1.post_message("late")
    await until(lambda: len(ear.heard) == 2)
    ear.port.post_message("back")
    await until(lambda: here.heard)
    assert (ear.heard, here.heard) == (["early", "late"], ["back"])


async def test_what_is_sent_and_what_is_posted_arrives_in_the_order_of_the_calls(site: Site) -> None:
    _, ipc_main, page = site
    heard: list[int] = []
    page.on("n", lambda event, value: heard.append(value))
    contents = contents_of(ipc_main, page)
    for index in range(0, 100, 2):
        contents.send("n", index)
        contents.post_message("n", index + 1)
    await until(lambda: len(heard) == 100)
    assert heard == list(range(100))


async def test_both_ends_hear_of_a_close_whoever_closes(site: Site) -> None:
    """Electron: is emitted when the main process closes its end of the port."""
    _, ipc_main, page = site
    for closes in ("page", "program"):
        channel = MessageChannelMain()
        contents_of(ipc_main, page).post_message("port", None, [channel.port2])
        event, _ = await page.arrival("port")
        there, here = Ear(event.ports[0]), Ear(channel.port1)
        last = there if closes == "page" else here
        for index in range(3):
            last.port.post_message(index)
        last.port.close()
        other = here if closes == "page" else there
        await until(lambda other=other: len(other.heard) == 4)  # type: ignore[misc] # bound in the loop
        assert (last.heard, other.heard) == (["close"], [0, 1, 2, "close"])
    assert open_ports(ipc_main) == [0]


async def test_a_port_that_goes_there_and_back_is_the_same_channel(site: Site) -> None:
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    channel = MessageChannelMain()
    contents_of(ipc_main, page).post_message("port", None, [channel.port2])
    event, _ = await page.arrival("port")
    page.post_message("port", "back", event.ports)
    await until(lambda: taking.ears)
    here = Ear(channel.port1)
    taking.ears[0].port.post_message("round")
    await until(lambda: here.heard)
    channel.port1.post_message("trip")
    await until(lambda: taking.ears[0].heard)
    assert (here.heard, taking.ears[0].heard) == (["round"], ["trip"])


TEXTS: list[tuple[tuple[Any, ...], type[Exception], str]] = [
    ((), TypeError, "Insufficient number of arguments."),
    (("channel",), TypeError, "Insufficient number of arguments."),
    ((None, "message"), TypeError, "Error processing argument at index 0, conversion failure from null"),
    ((5, "message"), TypeError, "Error processing argument at index 0, conversion failure from 5"),
    (("channel", print), CloneError, "An object could not be cloned. message: "),
    (("channel", "message", None), TransferError, "Invalid value for transfer"),
    (("channel", "message", "ports"), TransferError, "Invalid value for transfer"),
    (("channel", "message", [123]), TransferError, "Invalid value for transfer"),
    (("channel", "message", [None]), TransferError, "Invalid value for transfer"),
    (("channel", "message", ["twice", "twice"]), TransferError, "Port at index 1 is a duplicate."),
    (("channel", "message", ["used"]), TransferError, "Port at index 0 is already neutered."),
]


@pytest.mark.parametrize("target", ["contents", "frame"])
@pytest.mark.parametrize("args, error, text", TEXTS)
async def test_post_message_of_the_program_raises_with_electrons_texts(
    site: Site, target: str, args: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    """Electron: WebContents.postMessage and WebFrameMain.postMessage, the ten of each."""
    _, ipc_main, page = site
    contents = contents_of(ipc_main, page)
    to = contents if target == "contents" else contents.main_frame
    assert to is not None
    channel, used = MessageChannelMain(), MessageChannelMain()
    channel.port1.post_message(None, [used.port1])
    named = {"twice": channel.port2, "used": used.port1}
    given = [[named.get(each, each) for each in arg] if isinstance(arg, list) else arg for arg in args]
    with pytest.raises(error) as caught:
        to.post_message(*given)
    assert str(caught.value).startswith(text)
    assert str(caught.value) == text or error is CloneError
    to.post_message("", "an empty channel is one", undefined)
    assert await page.received("") == ["an empty channel is one"]


async def test_a_document_that_is_gone_loses_the_ports_and_raises(site: Site) -> None:
    app, ipc_main, _ = site
    other = Renderer(app)
    await other.connect()
    contents = contents_of(ipc_main, other)
    frame = contents.main_frame
    assert frame is not None
    await other.close()
    await until(lambda: contents.main_frame is None)
    for target in (frame, contents):
        channel = MessageChannelMain()
        ear = Ear(channel.port1)
        with pytest.raises(CloneError):
            target.post_message("port", print, [channel.port2])
        with pytest.raises(DisposedError, match=r"^Render frame was disposed before WebFrameMain could be accessed$"):
            target.post_message("port", None, [channel.port2])
        with pytest.raises(TransferError, match="already neutered"):
            target.post_message("port", None, [channel.port2])
        await until(lambda ear=ear: ear.heard == ["close"])  # type: ignore[misc] # bound in the loop


async def test_a_destroyed_tab_raises_and_keeps_its_hands_off_the_ports() -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=20))
    async with Renderer(app) as page:
        other = page.open()
        await other.connect()
        contents = contents_of(ipc_main, other)
        await other.close()
        await until(contents.is_destroyed)
        channel = MessageChannelMain()
        with pytest.raises(DestroyedError, match=r"^Object has been destroyed$"):
            contents.post_message("port", None, [channel.port1])
        contents_of(ipc_main, page).post_message("port", None, [channel.port1])
        await page.arrival("port")


async def test_what_no_page_would_take_is_refused_at_the_call() -> None:
    app, ipc_main = application(limits=Limits(open_ports=2, message_bytes=1000, channel_length=10))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        # Ten code units, as the page counts them.
        contents.post_message("\U0001f600" * 5, 1)
        for args, limit in (
            (("\U0001f600" * 6, 1), "channel_length"),
            (("port", "x" * 1000), "message_bytes"),
            (("port", "x" * 990, [MessageChannelMain().port1]), "message_bytes"),
            (("port", 1, [MessageChannelMain().port1 for _ in range(3)]), "open_ports"),
        ):
            with pytest.raises(LimitError, match=limit):
                contents.post_message(*args)
        assert open_ports(ipc_main) == [0]
        assert await page.received("\U0001f600" * 5) == [1]
        contents.send("\U0001f600" * 6)
        contents.send("last")
        assert await page.received("last") == []


async def test_a_thread_posts_in_order_and_what_cannot_be_sent_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(limits=Limits(open_ports=100))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        channels = [MessageChannelMain() for _ in range(100)]

        def post() -> None:
            for index, channel in enumerate(channels):
                contents.post_message("n", index, [channel.port2])
                channel.port1.post_message(index)

        await asyncio.to_thread(post)
        for index in range(100):
            event, args = await page.arrival("n")
            ear = Ear(event.ports[0])
            await until(lambda ear=ear: ear.heard)  # type: ignore[misc] # bound in the loop
            assert (args, ear.heard) == ([index], [index])
        one_more = MessageChannelMain()
        ear = Ear(one_more.port1)
        await asyncio.to_thread(contents.post_message, "n", 100, [one_more.port2])
        await until(lambda: ear.heard)
        assert ear.heard == ["close"]
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert "cannot be sent, and its ports are closed" in record.getMessage()


async def test_a_def_handler_may_make_a_channel_and_listen_to_it(site: Site) -> None:
    _, ipc_main, page = site
    heard: list[tuple[Any, int]] = []

    @ipc_main.handle("open")
    def open_channel(event: IpcMainInvokeEvent) -> None:
        channel = MessageChannelMain()
        channel.port1.on("message", lambda event: heard.append((event.data, threading.get_ident())))
        channel.port1.start()
        channel.port2.post_message("from the handler")
        event.sender.post_message("port", None, [channel.port2])

    await page.invoke("open")
    event, _ = await page.arrival("port")
    event.ports[0].post_message("from the page")
    await until(lambda: len(heard) == 2)
    here = threading.get_ident()
    assert heard == [("from the handler", here), ("from the page", here)]


# --- from page to page ----------------------------------------------------------------------------------------------


def forward_to(ipc_main: IpcMain, target: Renderer) -> None:
    """Pass on to this page what is posted on `forward`."""

    @ipc_main.on("forward")
    def forward(event: IpcMainEvent, message: Any) -> None:
        contents_of(ipc_main, target).post_message("port", message, event.ports)


async def test_a_port_is_forwarded_to_another_page(site: Site) -> None:
    """Electron: can forward a port from one renderer to another renderer."""
    _, ipc_main, page = site
    async with page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        here = Ear(channel.port1)
        channel.port1.post_message("early")
        page.post_message("forward", "for you", [channel.port2])
        event, args = await other.arrival("port")
        there = Ear(event.ports[0])
        value: dict[str, Any] = {"bytes": b"\x01\x02", "deep": [{"n": undefined}]}
        value["self"] = value
        channel.port1.post_message(value)
        await until(lambda: len(there.heard) == 2)
        there.port.post_message("back")
        await until(lambda: here.heard)
        assert (args, there.heard[0], here.heard) == (["for you"], "early", ["back"])
        came = there.heard[1]
        assert (came["bytes"], came["deep"], came["self"] is came) == (b"\x01\x02", [{"n": undefined}], True)
        there.port.close()
        await until(lambda: here.heard[-1] == "close")
        assert open_ports(ipc_main) == [0, 0]


async def test_nobody_on_the_way_decodes_what_is_forwarded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, ipc_main, page = site
    async with page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        page.post_message("forward", None, [channel.port2])
        event, _ = await other.arrival("port")
        ear = Ear(event.ports[0])

        def refuse(*_: Any) -> None:
            raise AssertionError("decoded on the way")

        with monkeypatch.context() as patched:
            patched.setattr("webipc.ports.ends.decode_value", refuse)
            patched.setattr("webipc.ports.ends.clone.decode", refuse)
            channel.port1.post_message({"n": 1}, [MessageChannelMain().port1])
            # The receiving page is in this process too, and cannot read it; that is the one decoding there is.
            with pytest.raises(AssertionError, match="decoded on the way"):
                await decoded_by(ear.port)


async def decoded_by(port: MessagePortMain) -> None:
    """Wait until the message is there that a port would decode next, and decode it."""
    end = port._end
    assert end is not None
    end.pause()
    await until(lambda: end.news)
    message = end.take()
    assert message is not None
    message.decode()


# --- what lies ------------------------------------------------------------------------------------------------------


class Liar:
    """A page that writes its frames by hand."""

    def __init__(self, app: FastAPI, link: str = "a" * 32, features: tuple[str, ...] = ("ports",)) -> None:
        self.browser = Browser(app, {"host": "testserver", "origin": "http://testserver"})
        self.frames: list[Any] = []
        self.close: tuple[int, str] | None = None
        self.socket = MemorySocket(self.browser, "/ipc/socket", self)
        known = {"link": link, "secret": "b" * 32, "attempt": 1, "received": 0, "first": 1, "fresh": True}
        self.hello = encode_control(0, "hello", {**known, "features": list(features)})

    async def connect(self) -> "Liar":
        await self.socket.start()
        self.socket.write(self.hello)
        await until(lambda: self.frames)
        return self

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        self.frames.append(json.loads(data))

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        self.close = self.close or (code, reason)

    @property
    def contents_id(self) -> int:
        contents_id: int = self.frames[0][2][1]["webContentsId"]
        return contents_id


@contextmanager
def alive(page: Renderer) -> Any:
    """Check that another page's link is not touched."""
    link_id = page._connection.page.link_id
    yield
    assert page.connected
    assert page._connection.page.link_id == link_id


LIES = {
    "an id of the server's": '["post","port",1,[2]]',
    "an id twice": '["post","port",1,[1,1]]',
    "ids that shrink": '["post","port",1,[3,1]]',
    "a message through a port that never was": '["port",1,"x",[]]',
    "a message through a port that the server never sent": '["port",2,"x",[]]',
    "a close of a port that never was": '["port-close",7]',
    "an id used again": '["post","port",1,[1]],["port-close",1],["post","port",1,[1]]',
    "an id used again in a port": '["post","port",1,[1]],["port",1,"x",[1]]',
    "a value of a post": '["post","port",1,[],[["d",[7]]]]',
    "no ids": '["post","port",1]',
    "an id that is none": '["post","port",1,["1"]]',
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_lie_about_ports_ends_that_link_alone(site: Site, lie: str) -> None:
    app, ipc_main, page = site
    taking = Taking(ipc_main)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write(f"[1,0,{lie}]")
        await until(lambda: liar.close)
        assert liar.close is not None
        assert liar.close[0] == CloseCode.PROTOCOL_ERROR
        page.post_message("port", "next")
        await until(lambda: taking.messages[-1:] == ["next"])
        # What came before the lie was heard, and its ports are over.
        await until(lambda: all(ear.heard[-1:] == ["close"] for ear in taking.ears))


async def test_a_message_to_a_port_that_is_closed_here_is_ignored_and_its_ports_are_closed(site: Site) -> None:
    app, ipc_main, _ = site
    ipc_main.on("port", lambda event, message: [port.close() for port in event.ports])
    liar = await Liar(app).connect()
    liar.socket.write('[1,0,["post","port",1,[1]]]')
    await until(lambda: ["port-close", 1] in [message for frame in liar.frames for message in frame[2:]])
    liar.socket.write('[2,1,["port",1,"late",[3]],["port-close",1],["send","end",[]]]')
    await until(lambda: ["port-close", 3] in [message for frame in liar.frames for message in frame[2:]])
    assert liar.close is None


async def test_more_ports_than_the_limit_are_4413() -> None:
    app, ipc_main = application(limits=Limits(open_ports=3))
    Taking(ipc_main)
    async with Renderer(app) as page:
        with alive(page):
            liar = await Liar(app).connect()
            liar.socket.write('[1,0,["post","port",1,[1,3]]]')
            await until(lambda: 2 in open_ports(ipc_main))
            liar.socket.write('[2,0,["post","port",1,[5,7]]]')
            await until(lambda: liar.close)
            assert liar.close is not None
            assert liar.close[0] == CloseCode.TOO_LARGE


UNREADABLE = {
    "no such path": '["port",1,"x",[],[["d",[7]]]]',
    "no such code": '["port",1,"x",[],[["?",[]]]]',
}


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_value_that_cannot_be_read_arrives_as_none_and_ends_nobodys_link(
    site: Site, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, ipc_main, page = site
    taking = Taking(ipc_main)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write(f'[1,0,["post","port",1,[1]],{message},["port",1,"next",[]]]')
        await until(lambda: taking.ears and len(taking.ears[0].heard) == 2)
        assert (taking.ears[0].heard, liar.close) == ([None, "next"], None)
        assert "cannot be read, and arrives as None" in caplog.text


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_lie_that_is_passed_on_ends_nobodys_link(site: Site, message: str) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write('[1,0,["post","forward",1,[1]]]')
        ear = Ear((await page.arrival("port"))[0].ports[0])
        liar.socket.write(f'[2,0,{message},["port",1,"next",[]]]')
        await until(lambda: len(ear.heard) == 2)
        assert (ear.heard, liar.close) == ([None, "next"], None)


async def test_what_is_too_deep_to_be_passed_on_closes_the_port_and_ends_nobodys_link(site: Site) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write('[1,0,["post","forward",1,[1]]]')
        ear = Ear((await page.arrival("port"))[0].ports[0])
        liar.socket.write(f'[2,0,["port",1,{"[" * 1010}{"]" * 1010},[]],["port",1,"next",[]]]')
        # How deep a Python can go is its own affair; either way no message is left out in the middle.
        await until(lambda: ear.heard[-1:] in (["close"], ["next"]))
        assert len(ear.heard) == (1 if ear.heard[-1] == "close" else 2)
        assert liar.close is None


async def test_a_page_whose_client_is_too_old_is_told_of_at_the_call(site: Site) -> None:
    app, ipc_main, _ = site
    old = await Liar(app, features=()).connect()
    contents = ipc_main.from_id(old.contents_id)
    assert contents is not None
    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    with pytest.raises(FeatureError):
        contents.post_message("port", None, [channel.port2])
    await until(lambda: ear.heard == ["close"])
    assert [frame[2:] for frame in old.frames[1:]] == [[] for _ in old.frames[1:]]


async def test_a_page_does_not_ask_a_server_for_what_it_has_not_named(site: Site) -> None:
    _, _, page = site
    assert page.welcome is not None
    page.welcome.features.clear()
    with pytest.raises(FeatureError):
        page.post_message("port", None)
    with pytest.raises(FeatureError):
        page.send_to(1, "channel")
    with pytest.raises(FeatureError):
        await page.send_sync("channel")


# --- the end of a link ----------------------------------------------------------------------------------------------


async def test_the_end_of_a_link_is_the_end_of_its_ports_on_both_sides(site: Site) -> None:
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    async with page.open() as other:
        mine, given = MessageChannelMain(), MessageChannelMain()
        here = Ear(mine.port1)
        other.post_message("port", None, [mine.port2])
        contents_of(ipc_main, other).post_message("port", None, [given.port2])
        there = Ear((await other.arrival("port"))[0].ports[0])
        program = Ear(given.port1)
        await until(lambda: taking.ears)
        await other.close()
        ears = [here, there, program, taking.ears[0]]
        await until(lambda: all(ear.heard == ["close"] for ear in ears))


async def test_a_reload_closes_the_ports_of_the_old_document_and_the_new_one_has_its_own(site: Site) -> None:
    """Electron: when context destroyed, does not crash."""
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    for index in range(3):
        channel = MessageChannelMain()
        page.post_message("port", index, [channel.port1])
        await until(lambda index=index: len(taking.ears) == index + 1)  # type: ignore[misc] # bound in the loop
        await page.reload()
    await until(lambda: [ear.heard for ear in taking.ears] == [["close"]] * 3)
    assert open_ports(ipc_main) == [0]


async def test_ports_outlive_a_lost_socket(site: Site) -> None:
    _, ipc_main, page = site
    taking = Taking(ipc_main)
    channel = MessageChannelMain()
    page.post_message("port", None, [channel.port2])
    here = Ear(channel.port1)
    await until(lambda: taking.ears)
    for index in range(20):
        if index % 5 == 2:
            await page.disconnect()
        channel.port1.post_message(index)
        taking.ears[0].port.post_message(index)
        if index % 5 == 4:
            await page.connect()
    await until(lambda: len(taking.ears[0].heard) == len(here.heard) == 20)
    assert taking.ears[0].heard == here.heard == list(range(20))


async def test_a_page_that_takes_no_more_loses_its_link_and_the_other_one_hears_of_it() -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    async with Renderer(app) as page, page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        here = Ear(channel.port1)
        page.post_message("forward", None, [channel.port2])
        there = Ear((await other.arrival("port"))[0].ports[0])
        await other.disconnect()
        with alive(page):
            for index in range(20):
                channel.port1.post_message(index)
            await until(lambda: here.heard == ["close"])
        await other.close()
        await until(lambda: there.heard[-1:] == ["close"])


async def test_what_stands_behind_a_message_that_ends_the_link_is_given_up_with_it() -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    said: list[Any] = []
    ipc_main.on("say", lambda event, *args: said.append(args))
    async with Renderer(app) as page:
        # What the page says into this port comes back to it.
        forward_to(ipc_main, page)
        channel = MessageChannelMain()
        page.post_message("forward", None, [channel.port2])
        there = (await page.arrival("port"))[0].ports[0]
        socket = page._connection._socket
        assert socket is not None
        echoes = [["port", 1, index, []] for index in range(11)]
        behind = [["post", "say", "port", [3]], ["send", "say", ["send"]], ["sync", 1, "say", ["sync"]]]
        (connection,) = ipc_main._hub._links.values()  # type: ignore[union-attr] # it is running
        socket.write(json.dumps([2, 0, *echoes, *behind]))
        await until(lambda: connection.ended)
        await settled()
        assert (said, len(connection.ports), connection.syncs.block) == ([], 0, False)
        there.close()
        channel.port1.close()


class ForwardLog(logging.Handler):
    """Says into a port what is logged."""

    def __init__(self, port: MessagePortMain) -> None:
        super().__init__()
        self._port = port

    def emit(self, record: logging.LogRecord) -> None:
        self._port.post_message(record.getMessage())


async def test_a_log_handler_that_says_into_a_port_what_is_logged_holds_up_nobody() -> None:
    app, ipc_main = application(limits=Limits(message_bytes=1000))
    logger = logging.getLogger("webipc")
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        logs = MessageChannelMain()
        contents.post_message("logs", None, [logs.port2])
        seen = Ear((await page.arrival("logs"))[0].ports[0])
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
                    contents.post_message("port", None, [channel.port2])
                    # Too large for this page: which is logged where it is said.
                    channel.port1.post_message("x" * 1000)
                    await asyncio.sleep(0)
                await working
            await until(lambda: len(seen.heard) == 1500)
        finally:
            logger.removeHandler(handler)
        numbers = [text for text in seen.heard if text.startswith("number ")]
        assert numbers == [f"number {index}" for index in range(1000)]


async def test_what_the_loop_says_stays_behind_what_a_thread_has_said_before_it(site: Site) -> None:
    _, ipc_main, page = site
    channel = MessageChannelMain()
    contents_of(ipc_main, page).post_message("port", None, [channel.port2])
    ear = Ear((await page.arrival("port"))[0].ports[0])
    for index in range(100):
        # The loop stands still meanwhile, so nothing that the thread has asked of it can have been done.
        thread = threading.Thread(target=channel.port1.post_message, args=(2 * index,))
        thread.start()
        thread.join()
        channel.port1.post_message(2 * index + 1)
    thread = threading.Thread(target=channel.port1.post_message, args=("last",))
    thread.start()
    thread.join()
    channel.port1.close()
    await until(lambda: ear.heard[-1:] == ["close"])
    assert ear.heard == [*range(200), "last", "close"]
