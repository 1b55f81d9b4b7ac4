"""The event objects: the first argument of every listener and handler.

Which kind of message gives which fields is Electron's (docs/electron-parity.md, events): `reply` on `send` and
`sendSync`, `return_value` on `sendSync`, `ports` on `postMessage`.
"""

import logging
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import HTTPConnection

from webipc.access.caller import Caller
from webipc.channels.event import Event
from webipc.core.values import undefined

if TYPE_CHECKING:
    from webipc.electron.document import Document
    from webipc.electron.message_port_main import MessagePortMain
    from webipc.electron.web_contents import WebContents
    from webipc.electron.web_frame_main import WebFrameMain

logger = logging.getLogger("webipc")

LATE_FRAME = (
    "Frame property was accessed after it navigated or was destroyed. Avoid asynchronous tasks prior to indexing."
)


class _FrameEvent(Event):
    """What every message of a frame has in common (Electron's `IpcMainEvent` and `IpcMainInvokeEvent`)."""

    __slots__ = ("_caller", "_connection", "_document", "default_prevented")

    # Electron tells frames and service workers apart by this.
    type = "frame"

    # The connection, once it was asked for.
    _connection: HTTPConnection

    def __init__(self, document: "Document", caller: Caller) -> None:
        self._document = document
        # Who brought the message.
        self._caller = caller
        # True after `prevent_default()`, which means nothing for a message (as in Electron).
        self.default_prevented = False

    def prevent_default(self) -> None:
        """Do nothing but say so in `default_prevented`, as in Electron."""
        self.default_prevented = True

    @property
    def connection(self) -> HTTPConnection:
        """What brought this message, as FastAPI shows a request: `headers`, `cookies`, `client`, `session`, `state`.

        That of the socket, the synchronous request or the beacon, as it was when it came: cookies that were set later
        are not in it. Made when it is first read. Writing to the `session` has no effect, because nothing carries a
        cookie back. Electron has no such property.
        """
        try:
            return self._connection
        except AttributeError:
            connection = self._connection = HTTPConnection(self._caller.attach_scope.scope())
            return connection

    @property
    def user(self) -> Any:
        """Who brought this message; None for nobody. Electron has no such property."""
        return self._caller.user

    @property
    def sender(self) -> "WebContents":
        """The web contents that sent the message. `sender.send()` goes to its main frame."""
        return self._document.tab.contents

    @property
    def sender_frame(self) -> "WebFrameMain | None":
        """The frame that sent the message, or None, with a line in the log, once its document is gone."""
        if self._document.disposed:
            logger.warning(LATE_FRAME)
            return None
        return self._document.frame

    @property
    def frame_id(self) -> int:
        """Electron's routing id of the frame: an integer, unique for one document of the application."""
        return self._document.routing_id

    @property
    def process_id(self) -> int:
        """Electron's id of the renderer process; here the id of the tab, which is as near as a server can come."""
        return self._document.tab.id

    @property
    def frame_tree_node_id(self) -> int:
        """Stays the same when the tab's main frame shows another document."""
        return self._document.frame_tree_node_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self._document!r}>"


class IpcMainEvent(_FrameEvent):
    """The event of `ipcRenderer.send(channel, ...args)`, and of `sendSync` and `postMessage` with what those add."""

    __slots__ = ()

    @property
    def ports(self) -> "list[MessagePortMain]":
        """The ports that came with `ipcRenderer.postMessage`, in their order.

        Raises AttributeError for any other message, as Electron's event has no such property there.
        """
        raise AttributeError("ports: only a message of ipcRenderer.postMessage has them")

    @property
    def return_value(self) -> Any:
        """What `ipcRenderer.sendSync` returns: set it. Reading it gives `undefined`, as in Electron.

        The first assignment answers, at once; later ones, of this or another listener, do nothing. Raises CloneError
        and LimitError for what cannot be sent: nothing was answered then. May be set later, and from any thread, which
        may have to wait as with `send`; BufferFullError is a LimitError. On a message of `send` it means nothing.
        """
        return undefined

    @return_value.setter
    def return_value(self, value: Any) -> None:
        """Do nothing: no page waits for it."""

    def reply(self, channel: str, *args: Any) -> None:
        """Send to the frame that sent this message (`sender.send` always goes to the main frame).

        Raises TypeError when `channel` is not a string. A frame that is gone is no error: nothing happens. Arguments
        that cannot be sent are logged, not raised, as in Electron (docs/electron-parity.md). May be called from any
        thread; what one thread sends arrives in the order in which it was sent.
        """
        if self._document.outlet is not None:
            self._document.frame.send(channel, *args)


class Answerable(Protocol):
    """A call that waits for its one answer."""

    def answer(self, value: Any) -> None:
        """Give the answer, from any thread. Raises CloneError and LimitError."""

    def forsake(self) -> None:
        """Note that nothing holds the event any more: there will be no answer. From any thread."""


class IpcMainSyncEvent(IpcMainEvent):
    """The event of `ipcRenderer.sendSync(channel, ...args)`. The page is blocked until `return_value` is set.

    When nothing holds the event any more and it was not answered, the page gets `reply was never sent`.
    """

    __slots__ = ("_call",)

    def __init__(self, document: "Document", caller: Caller, call: Answerable) -> None:
        super().__init__(document, caller)
        self._call = call

    @property
    def return_value(self) -> Any:
        """See `IpcMainEvent.return_value`."""
        return undefined

    @return_value.setter
    def return_value(self, value: Any) -> None:
        self._call.answer(value)

    def __del__(self) -> None:
        # Electron leaves it to its garbage collector too; Python's counts references and is prompt.
        self._call.forsake()


class IpcMainPostEvent(IpcMainEvent):
    """The event of `ipcRenderer.postMessage(channel, message, transfer)`. It has no `reply`: answer through a port."""

    __slots__ = ("_ports",)

    def __init__(self, document: "Document", caller: Caller, ports: "list[MessagePortMain]") -> None:
        super().__init__(document, caller)
        self._ports = ports

    @property
    def ports(self) -> "list[MessagePortMain]":
        """See `IpcMainEvent.ports`."""
        return self._ports

    @property
    def reply(self) -> Any:  # Electron's event has none, and asking tells it apart
        """Raise AttributeError: a message of `postMessage` is not replied to."""
        raise AttributeError("reply: a message of ipcRenderer.postMessage has none; answer through a port")


class IpcMainInvokeEvent(_FrameEvent):
    """The event of `ipcRenderer.invoke(channel, ...args)`. It has no `reply`: the handler returns the answer."""

    __slots__ = ()


class WebContentsEvent:
    """The event of `@ipc_main.web_contents_created`, and of `destroyed` and `frame-created` of a web contents."""

    __slots__ = ("adopted", "sender")

    def __init__(self, sender: "WebContents", *, adopted: bool = False) -> None:
        # The web contents that it is about.
        self.sender = sender
        # They are not new, but have come here from another process of the server, which has ended: what was registered
        # for them there is to be registered here. Electron has no such property.
        self.adopted = adopted
