"""Electron's spec/api-ipc-spec.ts, `postMessage` of contents and frames: what it sends and what it refuses.

Electron generates the same ten tests for both. Here each of them is one test with a parameter.
"""

from collections.abc import Callable

import pytest

from tests.conformance.titles import electron
from tests.conformance.window import Main, Window
from webipc import CloneError, MessageChannelMain
from webipc.electron.message_port_main import TransferError

PostMessage = Callable[..., None]

WAYS: dict[str, Callable[[Window], PostMessage]] = {
    "WebContents": lambda window: window.web_contents.post_message,
    "WebFrameMain": lambda window: window.main_frame.post_message,
}


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
def post_message(request: pytest.FixtureRequest, window: Window) -> PostMessage:
    """`post_message` of the page's web contents, and of its main frame."""
    way: Callable[[Window], PostMessage] = request.param
    return way(window)


@electron(
    "ipc module › MessagePort › WebContents.postMessage › sends a message",
    "ipc module › MessagePort › WebFrameMain.postMessage › sends a message",
)
def test_post_message_sends_a_message(main: Main, window: Window, post_message: PostMessage) -> None:
    echo = main.once("bar")
    window.run("ipcRenderer.on('foo', (event, message) => { ipcRenderer.send('bar', message) })")
    post_message("foo", {"some": "message"})
    assert echo.wait()[1] == {"some": "message"}


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on missing channel",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on missing channel",
)
def test_post_message_needs_a_channel(post_message: PostMessage) -> None:
    with pytest.raises(TypeError, match=r"Insufficient number of arguments\."):
        post_message()


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on invalid channel",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on invalid channel",
)
def test_post_message_needs_a_channel_that_is_a_string(post_message: PostMessage) -> None:
    with pytest.raises(TypeError, match="Error processing argument at index 0, conversion failure from null"):
        post_message(None, "", [])


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on missing message",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on missing message",
)
def test_post_message_needs_a_message(post_message: PostMessage) -> None:
    with pytest.raises(TypeError, match=r"Insufficient number of arguments\."):
        post_message("channel")


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on non-serializable message",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on non-serializable message",
)
def test_post_message_refuses_what_cannot_be_cloned(window: Window, post_message: PostMessage) -> None:
    with pytest.raises(CloneError, match=r"An object could not be cloned\."):
        post_message("channel", window)


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on invalid transferable list",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on invalid transferable list",
)
def test_post_message_refuses_a_transfer_that_is_not_a_list(post_message: PostMessage) -> None:
    with pytest.raises(TransferError, match="Invalid value for transfer"):
        post_message("", "", None)


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws on transferring non-transferable",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws on transferring non-transferable",
)
def test_post_message_refuses_to_transfer_what_is_not_a_port(post_message: PostMessage) -> None:
    with pytest.raises(TransferError, match="Invalid value for transfer"):
        post_message("channel", "", [123])


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws when passing null ports",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws when passing null ports",
)
def test_post_message_refuses_none_as_a_port(post_message: PostMessage) -> None:
    with pytest.raises(TransferError, match="Invalid value for transfer"):
        post_message("foo", None, [None])


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › throws when passing duplicate ports",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › throws when passing duplicate ports",
)
def test_post_message_refuses_a_port_twice(post_message: PostMessage) -> None:
    port = MessageChannelMain().port1
    with pytest.raises(TransferError, match=r"Port at index 1 is a duplicate\."):
        post_message("foo", None, [port, port])


@electron(
    "ipc module › MessagePort › WebContents.postMessage › error handling › "
    "throws when passing ports that have already been neutered",
    "ipc module › MessagePort › WebFrameMain.postMessage › error handling › "
    "throws when passing ports that have already been neutered",
)
def test_post_message_refuses_a_port_that_was_sent_away(post_message: PostMessage) -> None:
    port = MessageChannelMain().port1
    post_message("foo", None, [port])
    with pytest.raises(TransferError, match=r"Port at index 0 is already neutered\."):
        post_message("foo", None, [port])
