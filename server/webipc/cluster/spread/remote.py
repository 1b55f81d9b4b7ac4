"""`RemoteWebContents`: a tab by its id, wherever it is: what `ipc_main.remote(id)` returns."""

import logging
from collections.abc import Callable
from typing import Any

from webipc.channels.emitter import UNSET
from webipc.cluster.spread.commands import Name, run_here
from webipc.cluster.spread.ports.posting import post_here
from webipc.cluster.spread.spread import Spread
from webipc.core.errors import DestroyedError, LocalError
from webipc.core.frame import EncodedMessage
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.link.held import held_by
from webipc.core.link.sizes import check_channel
from webipc.electron.post_message import checked_message, checked_ports
from webipc.electron.tab import Tab
from webipc.hub.hub import Hub
from webipc.link.outlet import encode_send
from webipc.ports.ends import PortMessage

logger = logging.getLogger("webipc")


class RemoteWebContents:
    """A tab of any worker. It is a name, as a group is: nothing is looked up before something is done with it.

    It is no WebContents: it has neither `ipc` nor `on`, because listeners run where the tab is at home. A tab of this
    worker is reached in the same way, and so is each tab in a single process. Electron has nothing like it.
    """

    __slots__ = ("_hub", "_id", "_spread")

    def __init__(self, contents_id: int, hub: Callable[[], Hub | None], spread: Callable[[], Spread | None]) -> None:
        """For `IpcMain.remote`. `spread` leads to the other workers; None in a single process. Raises TypeError."""
        if type(contents_id) is not int:
            raise TypeError(f"expected the id of web contents, an int; got {type(contents_id).__name__}")
        self._id = contents_id
        self._hub = hub
        self._spread = spread

    @property
    def id(self) -> int:
        """The id of the tab."""
        return self._id

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to the document that the tab shows; its `ipcRenderer.on(channel)` listeners get `args`.

        It arrives at most once, and what one worker sends to a tab in this way arrives in its order. It is lost, with a
        line in the log, where the tab is gone or between two documents, or its worker dies meanwhile. A tab that moves
        from worker to worker gets it when it is there. A page whose socket is lost gets it when it is back.

        From any thread: the arguments are encoded before this returns, and what one thread sends arrives in its order.
        Raises TypeError when `channel` is not a string, CloneError and LimitError when the arguments cannot be sent,
        DestroyedError when the event loop is closed, BufferFullError in a thread that has waited five seconds for the
        event loop to take what was sent before. Without a running application nothing happens.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        hub = self._hub()
        if hub is not None:
            message = encode_send(channel, args, hub.limits)
            hub.run(held_by(message), self._send, hub, message)

    def _send(self, hub: Hub, message: EncodedMessage) -> None:
        spread = self._spread()
        if spread is not None:
            spread.saying.send(self._id, message)
            return
        tab = hub.tabs.from_id(self._id)
        if tab is None or tab.shown is None:
            logger.warning("a message for page #%d did not arrive: it is gone, or between two documents", self._id)
        else:
            tab.shown.pass_on(message)

    def post_message(self, channel: Any = UNSET, message: Any = UNSET, transfer: Any = UNSET) -> None:
        """Send one value and ports to the document that the tab shows, as `WebContents.post_message`.

        The ports lead to the page from now on, wherever it is. They close where the tab is gone, between two documents
        or on its way to another worker, or its client is too old for ports, with a line in the log; and when the tab
        moves, one of the workers ends, or something of what they carry may be lost between these. What waits to be
        taken at the other worker is at most 256 KiB for each port; the rest waits here.

        Raises what Electron throws: TypeError without a channel that is a string, or without a message; CloneError;
        TransferError for a list that is none, or holds anything but usable ports. Raises LimitError for too long a
        channel and too large a message. Order and threads as `send`; where it is not yet known where the tab is, what
        is sent afterwards waits for that. Without a running application the ports are closed.
        """
        hub = self._hub()
        limits = DEFAULT_LIMITS if hub is None else hub.limits
        value = PortMessage.encode(checked_message(channel, message), limits)
        check_channel(channel, limits)
        carried = value.with_ends(port.neuter() for port in checked_ports(transfer))
        if hub is None:
            carried.close_ends()
            return
        try:
            hub.run(carried.held, self._post, hub, channel, carried)
        except LocalError:
            carried.close_ends()
            raise

    def _post(self, hub: Hub, channel: str, message: PortMessage) -> None:
        spread = self._spread()
        tab = hub.tabs.from_id(self._id)
        if spread is not None:
            spread.ports.post(self._id, channel, message)
        elif tab is not None:
            post_here(tab, channel, message)
        else:
            logger.warning("a message with ports for page #%d did not arrive: it is gone", self._id)
            message.close_ends()

    async def execute_javascript(self, code: str) -> Any:
        """Run code in the document that the tab shows, as `WebContents.execute_javascript`, and return its value.

        In the event loop of the application, as the other coroutines here. It comes behind what was sent before,
        unless the tab moves just then. Raises
        the JSError that the page has thrown, also when it does not allow this; DestroyedError when the tab is gone;
        DisposedError between two documents, and while it moves; FeatureError when the page's client is too old;
        UnreadableError when the answer cannot be read; ResetError when the page, or its worker, goes before it has
        answered: then it may have run, unless the code of the error is `not-sent`; BusError when the workers cannot be
        reached.
        """
        if not isinstance(code, str):
            raise TypeError(f"expected the code as a text, got {type(code).__name__}")
        return await self._command("executeJavaScript", code)

    async def reload(self) -> None:
        """Load the document again, if its page allows it. Raises as `execute_javascript`."""
        await self._command("reload")

    async def close(self) -> None:
        """Close the tab, if its page allows it: see `WebContents.close`. Raises as `execute_javascript`."""
        await self._command("close")

    async def exists(self) -> bool:
        """Tell whether the tab is at a worker that lives, or on its way to one. Raises BusError where no one knows."""
        spread = self._spread()
        if spread is not None:
            return await spread.commands.exists(self._id)
        return self._tab_here() is not None

    async def _command(self, name: Name, *args: Any) -> Any:
        spread = self._spread()
        if spread is not None:
            return await spread.commands.run(self._id, name, *args)
        tab = self._tab_here()
        if tab is None:
            raise DestroyedError
        return await run_here(tab, name, args)

    def _tab_here(self) -> Tab | None:
        hub = self._hub()
        return None if hub is None else hub.tabs.from_id(self._id)

    def __repr__(self) -> str:
        return f"<RemoteWebContents #{self._id}>"
