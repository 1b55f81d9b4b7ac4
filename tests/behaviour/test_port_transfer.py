"""What `postMessage` refuses to transfer, with Electron's texts, and which ports stay usable after that."""

from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.port_listeners import PortListener, PortReceiver
from tests.support.waiting import until
from webipc import (
    CloneError,
    DestroyedError,
    Limits,
    MessageChannelMain,
    undefined,
)
from webipc.electron.message_port_main import TransferError, TransferTypeError
from webipc.electron.web_frame_main import DisposedError
from webipc.testing import Renderer


@pytest.mark.parametrize("wrong", [None, "ports", 5, [b""], [5], [None], ["twice", "twice"], ["used"]])
async def test_a_page_can_transfer_only_usable_ports(site: Site, wrong: Any) -> None:
    """Electron: throws when the transferable is invalid."""
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
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
    await until(lambda: receiver.listeners)
    assert receiver.messages == [2]


async def test_a_message_that_cannot_be_cloned_leaves_the_ports_usable(site: Site) -> None:
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    channel = MessageChannelMain()
    for message in (print, channel.port1, [channel.port2]):
        with pytest.raises(CloneError, match=r"^An object could not be cloned\. message"):
            page.post_message("port", message, [channel.port1])
    with pytest.raises(TypeError, match=r"^Error processing argument at index 0, conversion failure from null$"):
        page.post_message(None, 1)  # type: ignore[arg-type] # on purpose
    page.post_message("port", "good", [channel.port1])
    await until(lambda: receiver.listeners)
    assert receiver.messages == ["good"]


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
    """Electron: the ten tests of WebContents.postMessage, and the same ten of WebFrameMain.postMessage."""
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


async def test_post_message_to_a_document_that_has_gone_raises_and_loses_the_ports(site: Site) -> None:
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
        listener = PortListener(channel.port1)
        with pytest.raises(CloneError):
            target.post_message("port", print, [channel.port2])
        with pytest.raises(DisposedError, match=r"^Render frame was disposed before WebFrameMain could be accessed$"):
            target.post_message("port", None, [channel.port2])
        with pytest.raises(TransferError, match="already neutered"):
            target.post_message("port", None, [channel.port2])
        await until(lambda listener=listener: listener.received == ["close"])  # type: ignore[misc] # bound in the loop


async def test_post_message_to_a_destroyed_tab_raises_and_leaves_the_ports_usable() -> None:
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
