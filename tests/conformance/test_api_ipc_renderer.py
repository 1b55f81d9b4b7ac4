"""Electron's spec/api-ipc-renderer-spec.ts: what a page sends, and its emitter."""

from datetime import UTC, datetime

import pytest

from tests.browser.browsers import PageError
from tests.conformance.titles import electron
from tests.conformance.window import Main, Window
from webipc import IpcMainEvent


@electron("ipcRenderer module › send() › should work when sending an object containing id property")
def test_an_object_may_have_a_property_id(main: Main, window: Window) -> None:
    message = main.once("message")
    window.run("ipcRenderer.send('message', { id: 1, name: 'ly' })")
    assert message.wait()[1] == {"id": 1, "name": "ly"}


@electron("ipcRenderer module › send() › can send instances of Date as Dates")
def test_a_date_arrives_as_a_datetime(main: Main, window: Window) -> None:
    message = main.once("message")
    window.run("ipcRenderer.send('message', new Date('2026-11-25T01:02:03.456Z'))")
    assert message.wait()[1] == datetime(2026, 11, 25, 1, 2, 3, 456000, UTC)


@electron("ipcRenderer module › send() › can send instances of Buffer")
def test_bytes_arrive_as_bytes(main: Main, window: Window) -> None:
    message = main.once("message")
    window.run("ipcRenderer.send('message', new TextEncoder().encode('hello'))")
    (_, received) = message.wait()
    assert received == b"hello"
    assert type(received) is bytes


@electron("ipcRenderer module › send() › throws when sending objects with DOM class prototypes")
def test_an_object_of_the_dom_is_refused(window: Window) -> None:
    with pytest.raises(PageError, match=r"An object could not be cloned\."):
        window.run("ipcRenderer.send('message', document.location)")


@electron("ipcRenderer module › send() › can send objects that both reference the same object")
def test_a_shared_object_arrives_once(main: Main, window: Window) -> None:
    message = main.once("message")
    window.run("""
      const child = { hello: 'world' }
      const foo = { name: 'foo', child }
      const bar = { name: 'bar', child }
      ipcRenderer.send('message', [foo, bar], foo, bar, child)
    """)
    _, array, foo, bar, child = message.wait()
    assert (foo, bar, child) == ({"name": "foo", "child": child}, {"name": "bar", "child": child}, {"hello": "world"})
    assert array[0] is foo
    assert array[1] is bar
    assert foo["child"] is bar["child"] is child


@electron("ipcRenderer module › send() › can handle cyclic references")
def test_cycles_arrive_as_cycles(main: Main, window: Window) -> None:
    message = main.once("message")
    window.run("""
      const array = [5]
      array.push(array)
      const child = { hello: 'world' }
      child.child = child
      ipcRenderer.send('message', array, child)
    """)
    _, array, child = message.wait()
    assert array[0] == 5
    assert array[1] is array
    assert child["hello"] == "world"
    assert child["child"] is child


@electron("ipcRenderer module › sendSync() › can be replied to by setting event.returnValue")
def test_send_sync_returns_the_return_value(main: Main, window: Window) -> None:
    @main.ipc_main.once("echo")
    def echo(event: IpcMainEvent, message: str) -> None:
        event.return_value = message

    assert window.evaluate("ipcRenderer.sendSync('echo', 'test')") == "test"


@electron("ipcRenderer module › ipcRenderer.on › is not used for internals")
def test_ipc_renderer_has_no_listeners_of_the_library(window: Window) -> None:
    assert window.evaluate("ipcRenderer.eventNames()") == []


@electron("ipcRenderer module › ipcRenderer.removeAllListeners › removes only the given channel")
def test_remove_all_listeners_removes_only_the_given_channel(window: Window) -> None:
    script = """
      ipcRenderer.on('channel1', () => {})
      ipcRenderer.on('channel2', () => {})
      ipcRenderer.removeAllListeners('channel1')
      return ipcRenderer.eventNames()
    """
    assert window.run(script) == ["channel2"]


@electron("ipcRenderer module › ipcRenderer.removeAllListeners › removes all channels if no channel is specified")
def test_remove_all_listeners_removes_all_channels_if_none_is_given(window: Window) -> None:
    script = """
      ipcRenderer.on('channel1', () => {})
      ipcRenderer.on('channel2', () => {})
      ipcRenderer.removeAllListeners()
      return ipcRenderer.eventNames()
    """
    assert window.run(script) == []


@electron("ipcRenderer module › after context is released › throws an exception")
def test_a_page_that_has_gone_away_throws(window: Window) -> None:
    script = """
      const frame = document.createElement('iframe')
      frame.src = '/frame.html'
      document.body.append(frame)
      await until(() => frame.contentWindow.opened)
      await frame.contentWindow.opened
      const { ipcRenderer: released } = frame.contentWindow
      frame.remove()
      await until(() => thrown(() => released.send('hello')))
      try {
        released.send('hello')
      } catch ({ message }) {
        return message
      }
    """
    assert window.run(script) == "IPC method called after context was released"
