"""From a message of a page to the calls of the application's code, in Electron's order of precedence.

`send` and `sendSync` reach the tab's `ipc-message` or `ipc-message-sync` listeners, then the listeners of the frame's,
the tab's and the application's `ipc`, all of them; `postMessage` the same without the first; `invoke` reaches the
first of the three that has a handler (docs/electron-parity.md, dispatch).
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from webipc.access.caller import Caller
from webipc.budget.threads import FairThreads
from webipc.channels.handler import Handler
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.concurrency.job_queue import Job
from webipc.dispatch.authorization import Authorization, ForbiddenError
from webipc.dispatch.cycles import Cycles, Returns
from webipc.dispatch.invoke_job import InvokeJob, Invoker
from webipc.dispatch.listener_jobs import AuthorizeJob, CallJob, EmitJob, LastHolderJob, ListenerJob
from webipc.dispatch.replies import NoHandlerError, Replies
from webipc.dispatch.sync_job import SyncJob
from webipc.electron.document import Document
from webipc.electron.ipc_event import IpcMainEvent, IpcMainPostEvent, IpcMainSyncEvent, WebContentsEvent
from webipc.electron.message_port_main import MessagePortMain
from webipc.electron.tab import Tab
from webipc.link.calls.sync_calls import SyncCall
from webipc.link.connection import Connection
from webipc.logs.lines import escaped
from webipc.logs.refusals import REFUSALS
from webipc.ports.ends import LocalEnd


class Router:
    """Finds the application's code for a message."""

    def __init__(
        self,
        ipc_main: IpcMainImpl,
        replies: Replies,
        threads: FairThreads,
        tasks: set[asyncio.Task[Any]],
        cycles: Cycles,
        authorization: Authorization | None = None,
    ) -> None:
        """`threads` runs `def` handlers; `tasks` keeps alive what runs beyond a call.

        `authorization` is asked before each call; None where every page may use each channel.
        """
        self._ipc_main = ipc_main
        self._cycles = cycles
        self._replies = replies
        self._authorization = authorization
        # Where listeners and handlers are for nearly every message.
        self._main_alone = (ipc_main,)
        self._invoker = Invoker(self.take_handler, replies, threads, tasks, authorization)

    def send(self, connection: Connection, caller: Caller, channel: str, args: list[Any]) -> Iterator[Job]:
        """Yield the calls for a `send`, each found when the one before it has run."""
        document = connection.document
        contents = document.tab.contents
        event = IpcMainEvent(document, caller)
        if self._authorization is not None:
            yield AuthorizeJob(self._authorization, event, channel, _drop)
        if contents.listener_count("ipc-message"):
            yield EmitJob(contents, "ipc-message", event, channel, *args)
        for ipc in self._scopes(document):
            for handler in ipc.calls(channel):
                yield ListenerJob(connection, handler, event, args)

    def sync(self, connection: Connection, caller: Caller, call: SyncCall, args: list[Any]) -> Iterator[Job]:
        """Yield the calls for a `sendSync`. After the last of them, only the listeners hold the event."""
        document = connection.document
        contents, channel = document.tab.contents, call.channel
        event = IpcMainSyncEvent(document, caller, call)
        if self._authorization is not None:
            yield AuthorizeJob(self._authorization, event, channel, partial(self._refuse, call))
        returns = Returns(self._cycles, call)
        has_listeners = False
        try:
            if contents.listener_count("ipc-message-sync"):
                has_listeners = True
                yield EmitJob(contents, "ipc-message-sync", event, channel, *args)
            for ipc in self._scopes(document):
                for handler in ipc.calls(channel):
                    has_listeners = True
                    yield SyncJob(connection, handler, event, args, returns, self._replies)
        finally:
            returns.end()
        if not has_listeners:
            call_text = f"ipcRenderer.sendSync() with '{escaped(channel, 200)}' channel without listeners."
            REFUSALS.log(contents, logging.WARNING, f"WebContents #{contents.id} called {call_text}")

    def post(
        self, connection: Connection, caller: Caller, channel: str, message: Any, ends: Sequence[LocalEnd]
    ) -> Iterator[Job]:
        """Yield the calls for a `postMessage`. Ports that no listener keeps are closed."""
        document = connection.document
        loop = asyncio.get_running_loop()
        event = IpcMainPostEvent(document, caller, [MessagePortMain(end, loop) for end in ends])
        if self._authorization is not None:
            yield AuthorizeJob(self._authorization, event, channel, partial(_close_all, tuple(event.ports)))
        for ipc in self._scopes(document):
            for handler in ipc.calls(channel):
                yield LastHolderJob(connection, handler, event, [message])

    def invoke(self, connection: Connection, caller: Caller, call_id: int, channel: str, args: list[Any]) -> Job:
        """Return the call for an `invoke`, which answers."""
        return InvokeJob(self._invoker, connection, caller, call_id, channel, args)

    def take_handler(self, document: Document, channel: str) -> Handler:
        """Return the handler for one call. Raises NoHandlerError."""
        for ipc in self._scopes(document):
            if (handler := ipc.take_handler(channel)) is not None:
                return handler
        raise NoHandlerError(channel)

    def created(
        self, document: Document, listeners: Sequence[Callable[..., Any]], *, is_new_tab: bool
    ) -> Iterator[Job]:
        """Yield the calls that tell the application of a new document, before any message of it."""
        contents = document.tab.contents
        event = WebContentsEvent(contents)
        if is_new_tab:
            for listener in listeners:
                yield CallJob("A listener for new web contents", listener, event, contents)
        if contents.listener_count("frame-created"):
            yield EmitJob(contents, "frame-created", event, {"frame": document.frame})

    def adopted(self, tab: Tab, listeners: Sequence[Callable[..., Any]]) -> Iterator[Job]:
        """Yield the calls that tell the application of a tab that has come from another process, with its documents."""
        contents = tab.contents
        event = WebContentsEvent(contents, adopted=True)
        for listener in listeners:
            yield CallJob("A listener for new web contents", listener, event, contents)
        for document in tab.all_documents():
            if contents.listener_count("frame-created"):
                yield EmitJob(contents, "frame-created", event, {"frame": document.frame})

    def disposed(self, document: Document, missing: int) -> Iterator[Job]:
        """Yield what runs after the last message of a document: it is disposed. `missing` did not arrive."""
        contents = document.tab.contents
        if missing and contents.listener_count("ipc-messages-lost"):
            details = {"count": missing, "frame": document.frame}
            yield EmitJob(contents, "ipc-messages-lost", WebContentsEvent(contents), details)
        yield CallJob("The end of a document", document.dispose)

    def _refuse(self, call: SyncCall, error: ForbiddenError) -> None:
        call.settle(self._replies.refusal(call.call_id, error))

    def _scopes(self, document: Document) -> Sequence[IpcMainImpl]:
        """Return where listeners and handlers may be, in Electron's order. What was never asked for has none."""
        tab = document.tab
        # As `document.ipc`, which makes it.
        frame_ipc = tab.main_frame_ipc_if_made if document.parent is None else document.own_ipc
        if frame_ipc is None and tab.ipc_if_made is None:
            return self._main_alone
        return [ipc for ipc in (frame_ipc, tab.ipc_if_made, self._ipc_main) if ipc is not None]


def _drop(error: ForbiddenError) -> None:
    """Do nothing more: nobody waits for an answer."""


def _close_all(ports: Sequence[MessagePortMain], error: ForbiddenError) -> None:
    for port in ports:
        port.close()
