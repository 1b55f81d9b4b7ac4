"""`ConnectedPages`: what an application reaches its pages with, wherever they are: all, some, one, and which there are.

The public methods of `IpcMain` that need neither a channel nor a setting. Each asks the hub of the running application,
and does nothing or returns nothing where none runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from webipc.cluster.spread.fetched import Fetched, checked_timeout, pages_of
from webipc.cluster.spread.remote import RemoteWebContents
from webipc.cluster.spread.spread import Spread
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain
from webipc.groups.group import Group, UserTabs
from webipc.groups.groups import Groups
from webipc.hub.provider import HubProvider


class ConnectedPages:
    """The pages of all workers. A part of `IpcMain`, which has the provider of its hub."""

    _provider: HubProvider

    if TYPE_CHECKING:
        # `IpcMain` has it, because `ipc_main.shared` stands above this file.
        def _spread(self) -> Spread | None:
            """Return what sends to the other workers; None in a single process."""
            ...

    def broadcast(self, channel: str, *args: Any) -> None:
        """Send a message to every page, encoded once. With several workers: to those of all of them.

        Pages that are away for a moment get it when they are back (PROTOCOL.md section 6.4). Without a running
        application nothing happens. May be called from any thread. Raises TypeError when `channel` is not a string,
        CloneError and LimitError when the arguments cannot be sent, DestroyedError when the event loop is closed,
        BufferFullError in a thread that has waited five seconds for the event loop to take what was sent before.

        Pages of other workers get what one worker sends to many in its order; a worker that could not be given some of
        it resets its pages, with the reason `overflow`, and logs that. Where each worker hears the same event from
        outside, use `broadcast_here`.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        hub = self._provider.hub
        if hub is not None:
            hub.broadcast(channel, args)

    def broadcast_here(self, channel: str, *args: Any) -> None:
        """Send a message to every page of this worker alone. In a single process it is `broadcast`.

        For programs in which each worker hears the same event, from a message queue or a change feed: with `broadcast`
        each page would get it once for each worker. Threads and errors as `broadcast`.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        hub = self._provider.hub
        if hub is not None:
            hub.broadcast_here(channel, args)

    def group(self, name: str) -> Group:
        """Return the group with this name: tabs and documents that get messages together. Nothing is made by it.

        `room = ipc_main.group("lab:7")`, then `room.add(event.sender)`, `room.send("changed", rows)`,
        `room.discard(event.sender)`, and `len(room)`, `event.sender in room`, `for member in room`.

        Raises TypeError when the name is no text, ValueError when it is empty or has more than 256 characters. From any
        thread. Electron has no groups.
        """
        return Group(self._groups, name)

    def to(self, *, user: str | int | UUID) -> UserTabs:
        """Return every tab of one user: `ipc_main.to(user=ada.id).send("note", text)`.

        `user` is what `identity` says of that user, by default the `id`; it is compared as text. A user without a tab
        is no error: nothing is kept for one. `len(ipc_main.to(user=ada.id))` is how many tabs are connected or may come
        back. Raises TypeError when `user` is no str, int or UUID. From any thread. Electron has nothing like it.
        """
        return UserTabs(self._groups, user)

    async def reauthenticate(self, *, user: str | int | UUID) -> None:
        """Ask every page of a user again who its user is, now: after a logout, for a role that has changed, for a ban.

        `user` is what `identity` says of that user, by default the `id`. The pages reconnect at once and are asked with
        the cookies of now: those whose session still holds resume and lose nothing, the others are refused. Call it
        when the session is deleted and the browser has its answer:
        `tasks.add_task(ipc_main.reauthenticate, user=user.id)`, with FastAPI's `BackgroundTasks`.

        What is connecting at this moment is asked again, too. What has arrived runs on with its `event.user`, and a
        `sendSync` that waits is answered. The link of a page that does not come ends after 15 seconds (`ask_again_ms`).

        Returns when it is done: nothing more is received from a page before it is asked. Pages of other workers are
        asked as soon as those have read it, which is not waited for. May be awaited in any event
        loop. Raises TypeError when `user` is no str, int or UUID, and TimeoutError after two seconds, when the event
        loop of the application is busy: then it is done later. Electron has nothing like it.
        """
        identity = UserTabs(self._groups, user).identity
        hub = self._provider.hub
        if hub is not None:
            await hub.reauthentication.of_user(identity)

    def remote(self, web_contents_id: int) -> RemoteWebContents:
        """Return the tab with this id, at whichever worker it is: `ipc_main.remote(job.owner).send("done", rows)`.

        Nothing is looked up by it, and a tab that is gone is no error here. Raises TypeError when the id is no int.
        From any thread. Electron's `webContents.fromId` is `from_id`, which knows the tabs of this worker alone.
        """
        return RemoteWebContents(web_contents_id, lambda: self._provider.hub, self._spread)

    async def fetch_web_contents(self, timeout: float = 2.0) -> Fetched:  # noqa: ASYNC109 - it does not end it
        """Return the tabs of every worker, as they were when each was asked: `fetched.pages`, a list of `PageInfo`.

        `timeout`: how many seconds to wait for the others; a worker that lives and has not answered by then is in
        `fetched.missing`, and its tabs are not in the list. So a slow worker is no error. In the event loop of the
        application. Raises ValueError when `timeout` is no positive number of seconds. Electron's is
        `webContents.getAllWebContents`, which cannot wait: `get_all_web_contents`.
        """
        seconds = checked_timeout(timeout)
        hub, spread = self._provider.hub, self._spread()
        if spread is not None:
            return await spread.fetching.fetch(seconds)
        return Fetched([] if hub is None else pages_of(hub), [])

    def get_all_web_contents(self) -> list[WebContents]:
        """Return every tab of this worker that is connected or may come back. From any thread.

        With several workers, `fetch_web_contents` asks all of them.
        """
        hub = self._provider.hub
        return [] if hub is None else [tab.contents for tab in hub.tabs.all()]

    def from_id(self, web_contents_id: int) -> WebContents | None:
        """Return the tab of this worker with this id, or None (Electron's `webContents.fromId`). From any thread.

        With several workers, `remote` reaches any tab.
        """
        tab = self._tab(web_contents_id)
        return None if tab is None else tab.contents

    def from_frame(self, frame: WebFrameMain) -> WebContents | None:
        """Return the tab of a document of this worker, or None once it is gone (Electron's `webContents.fromFrame`).

        Raises TypeError when `frame` is no WebFrameMain.
        """
        if not isinstance(frame, WebFrameMain):
            raise TypeError(f"expected a WebFrameMain, got {type(frame).__name__}")
        return None if frame.is_destroyed() else frame.web_contents

    def from_frame_id(self, process_id: int, routing_id: int) -> WebFrameMain | None:
        """Return the document of this worker with these ids, or None (Electron's `webFrameMain.fromId`).

        From any thread.
        """
        return self._frame(process_id, lambda document: document.routing_id == routing_id)

    def from_frame_token(self, process_id: int, frame_token: str) -> WebFrameMain | None:
        """Return the document of this worker with this token, or None (Electron's `webFrameMain.fromFrameToken`).

        From any thread.
        """
        return self._frame(process_id, lambda document: document.frame_token == frame_token)

    def _groups(self) -> Groups | None:
        hub = self._provider.hub
        return None if hub is None else hub.groups

    def _tab(self, web_contents_id: int) -> Tab | None:
        hub = self._provider.hub
        return None if hub is None else hub.tabs.from_id(web_contents_id)

    def _frame(self, process_id: int, is_it: Callable[[Document], bool]) -> WebFrameMain | None:
        tab = self._tab(process_id)
        documents = [] if tab is None else tab.all_documents()
        return next((document.frame for document in documents if is_it(document)), None)
