"""`WebContents`: one tab of one browser, as handlers see it.

It outlives its documents: `id` stays over reload and navigation (docs/electron-parity.md, identity). What the server
keeps of a tab is in tab.py.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from webipc.channels.emitter import UNSET, EventEmitter
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import DestroyedError
from webipc.electron.post_message import checked_message, checked_ports
from webipc.electron.web_frame_main import (
    DISPOSED,
    DisposedError,
    WebFrameMain,
    logger,
    send_to,
)

if TYPE_CHECKING:
    from webipc.electron.document import Document
    from webipc.electron.tab import Tab
from webipc.ports.ends import PortMessage


class WebContents(EventEmitter):
    """One tab.

    Emits `ipc-message` (event, channel, *args) for every `send` of its frames and `ipc-message-sync` for every
    `sendSync`, `frame-created` (event, details) with `details["frame"]` for its first document and for each one in an
    iframe, and `destroyed` (event) at its end. As in Electron, navigation creates no frame.

    Emits `ipc-messages-lost` (event, details), which Electron does not have, after the last message of a document that
    has gone before all of its messages could arrive: `details["count"]` of them are lost, `details["frame"]` sent them.
    """

    def __init__(self, tab: "Tab") -> None:
        """For the tab itself: a program never makes one."""
        super().__init__()
        self._tab = tab

    @property
    def id(self) -> int:
        """An integer, unique for the life of the server; readable after the end."""
        return self._tab.id

    @property
    def frame_tree_node_id(self) -> int:
        """That of the main frame, whatever document it shows."""
        return self._tab.frame_tree_node_id

    @property
    def principal(self) -> str:
        """Whose browser it is: tabs with the same one belong to the same person, as far as the server can tell."""
        return self._tab.principal

    @property
    def user(self) -> Any:
        """Who uses the tab, as `event.user` of the newest attach of the document that it shows; None for nobody.

        Readable after the end. Electron has no such property.
        """
        return self._tab.user

    @property
    def ipc(self) -> IpcMainImpl:
        """Listeners and handlers for messages of this tab alone. Readable after the end, as in Electron."""
        return self._tab.ipc

    @property
    def main_frame_ipc(self) -> IpcMainImpl:
        """What `main_frame.ipc` gives for every document of this tab."""
        return self._tab.main_frame_ipc

    @property
    def main_frame(self) -> WebFrameMain | None:
        """The document that the tab shows; None while it is between two documents.

        Raises DestroyedError after the end.
        """
        if self._tab.destroyed:
            raise DestroyedError
        shown = self._tab.shown
        return None if shown is None else shown.frame

    def is_destroyed(self) -> bool:
        """Return whether the tab is gone for good. Then only `id` and `ipc` can be used."""
        return self._tab.destroyed

    def send(self, channel: str, *args: Any) -> None:
        """Send a message to the document that the tab shows; its `ipcRenderer.on(channel)` listeners get `args`.

        Raises TypeError when `channel` is not a string, DestroyedError when the tab is gone. As in Electron,
        arguments that cannot be sent are logged and not raised, and so is a tab that is between two documents. May be
        called from any thread; what one thread sends arrives in order.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        tab = self._tab
        if tab.destroyed:
            raise DestroyedError
        shown = tab.shown
        if shown is None:
            logger.error("Error sending from webFrameMain: Error: %s", DISPOSED)
        else:
            send_to(shown, channel, args)

    def post_message(self, channel: Any = UNSET, message: Any = UNSET, transfer: Any = UNSET) -> None:
        """Send one value and ports to the document that the tab shows: see `WebFrameMain.post_message`.

        Raises as that does, DestroyedError when the tab is gone, and DisposedError between two documents.
        """
        frame = self.main_frame
        if frame is not None:
            frame.post_message(channel, message, transfer)
            return
        PortMessage.encode(checked_message(channel, message))
        for port in checked_ports(transfer):
            port.neuter().close()
        raise DisposedError

    def send_to_frame(self, frame_id: int | Sequence[int], channel: str, *args: Any) -> bool:
        """Send a message to one document of this tab, by its routing id or `[process_id, routing_id]`.

        Returns False when this tab has no such document. Raises TypeError when `frame_id` is neither, or `channel` no
        string; else as `WebFrameMain.send`. Electron's `webContents.sendToFrame`.
        """
        pair = [self.id, frame_id] if isinstance(frame_id, int) else list(frame_id) if is_pair(frame_id) else None
        if pair is None or isinstance(frame_id, bool):
            raise TypeError("Missing required frame argument (must be number or [processId, frameId])")
        for document in self._tab.all_documents():
            if [self.id, document.routing_id] == pair:
                document.frame.send(channel, *args)
                return True
        return False

    async def execute_javascript(self, code: str) -> Any:
        """Run code in the document that the tab shows: see `WebFrameMain.execute_javascript`.

        Raises as that does, DestroyedError when the tab is gone, and DisposedError between two documents.
        """
        return await self._shown().frame.execute_javascript(code)

    async def reload(self) -> None:
        """Load the document again, if its page allows it (`allow('reload')` of commands.js). Raises as above."""
        await self._shown().command("reload")

    async def close(self) -> None:
        """Close the tab, if its page allows it (`allow('close')` of commands.js), and destroy these contents.

        A browser closes only tabs that a script has opened; any other stays, and its client is released. Raises as
        above. Electron's `webContents.close()`.
        """
        document = self._shown()
        self._tab.is_closing = True
        try:
            await document.command("close")
        except BaseException:
            self._tab.is_closing = False
            raise

    async def reauthenticate(self) -> None:
        """Ask the documents of this tab again who their user is, now: see `IpcMain.reauthenticate`.

        Raises DestroyedError when the tab is gone, and TimeoutError as that does. Electron has nothing like it.
        """
        if self._tab.destroyed:
            raise DestroyedError
        await self._tab.ask_again(self._tab)

    def _shown(self) -> "Document":
        if self._tab.destroyed:
            raise DestroyedError
        if self._tab.shown is None:
            raise DisposedError
        return self._tab.shown

    def __repr__(self) -> str:
        return repr(self._tab)


def is_pair(value: object) -> bool:
    """Tell whether this is Electron's `[processId, routingId]`."""
    return isinstance(value, list | tuple) and [type(part) for part in value] == [int, int]
