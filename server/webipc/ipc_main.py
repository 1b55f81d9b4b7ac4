"""`IpcMain`: the main process's end, one for an application.

Electron's listeners and handlers are in channels/ipc_main_impl.py, the routes in mount.py, who is connected in
hub/hub.py. This file puts them together and is what an application imports.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from fastapi import FastAPI, params

from webipc.access.attach_scope import AttachScope
from webipc.access.origins import Origins
from webipc.access.visitor import visitor_of
from webipc.budget.machine import default_memory
from webipc.budget.sizes import parse_size
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.cluster.choosing import MakeBus, chosen_bus, shared_of
from webipc.cluster.shared import Shared
from webipc.cluster.spread.fetched import Fetched, checked_timeout, pages_of
from webipc.cluster.spread.remote import RemoteWebContents
from webipc.cluster.spread.spread import Spread
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.dependencies.guards import checked_dependencies
from webipc.dispatch.authorization import Authorize, checked_authorize
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain
from webipc.groups.group import Group, UserTabs
from webipc.groups.groups import Groups
from webipc.hub.hub import Hub
from webipc.hub.provider import HubProvider
from webipc.hub.settings import Settings
from webipc.hub.stats import no_stats
from webipc.identity.asking import (
    Asking,
    Authenticate,
    asking_of,
    checked_authenticate,
    checked_identity,
    checked_max_age,
)
from webipc.logs.lines import escape_entries
from webipc.mount import IpcMount, mount_routes, preload_route, routes, wrap_lifespan
from webipc.pages.folder import existing_folder, serve_pages
from webipc.pages.playground import Playground
from webipc.pages.preload import Preload
from webipc.pages.program import program_folder
from webipc.pages.readiness import readiness_route

CreatedListener = TypeVar("CreatedListener", bound=Callable[..., Any])

# Set by `webipc dev`, so that the process which it starts again after a change knows.
DEBUG_VARIABLE = "WEBIPC_DEBUG"
ORIGINS_VARIABLE = "WEBIPC_ORIGINS"
MEMORY_VARIABLE = "WEBIPC_MEMORY"


class IpcMain(IpcMainImpl):
    """Electron's `ipcMain` in a FastAPI application, with what Electron's `app` and `webContents` modules add to it."""

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        *,
        debug: bool | None = None,
        playground: bool | None = None,
        origins: Iterable[str] = (),
        preload: Iterable[str | os.PathLike[str]] = (),
        additional_arguments: Iterable[str] = (),
        allow_missing_origin: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        max_links: int = 10_000,
        max_unattached_links: int = 2_000,
        may_send_to: Callable[[WebFrameMain, WebContents], bool] | None = None,
        memory: int | str | None = None,
        authenticate: Authenticate | None = None,
        identity: Callable[[Any], str | int | UUID | None] | None = None,
        max_age: float | None = 3_600.0,
        authorize: Authorize | None = None,
        redis: str | None = None,
        redis_name: str | None = None,
    ) -> None:
        """Make an end that no page can reach yet: `mount` it.

        `debug`: pages get the exceptions of handlers in full, and the log names slow listeners; None follows
        the application's own `debug`. `playground`: whether `{prefix}/` is a page that lists the channels and calls
        them by hand; None: in debug alone. `origins`: pages elsewhere that may connect, such as `https://app.example`;
        pages that the application serves itself always may. `allow_missing_origin` also lets in what sends no origin
        (programs that are not browsers). `preload`: Electron preload scripts, bundled to CommonJS, which run in this
        order in every page that begins with `<script src="{prefix}/preload.js">`; relative paths begin in the folder of
        the file that calls this. `additional_arguments` are strings at the end of their `process.argv`, as Electron's
        web preference, and no secret. `limits`: PROTOCOL.md section 9.
        `max_links`, `max_unattached_links`: how many documents the process holds, and how many of them without a
        socket. `may_send_to(sender, target)` decides which tabs a document reaches with `ipcRenderer.sendTo`; None:
        those of its own user in its own browser. With several workers, it is asked where `target` is, and `sender` is a
        `RemoteSender` where that is elsewhere. `memory`: how many bytes all pages together may make the
        process hold, as a number or as a text such as "512MiB"; None: a quarter of the memory of the machine or of its
        container, at least 64 MiB. The option `--memory` and the environment variable `WEBIPC_MEMORY` have precedence.

        `authenticate`: a dependency of FastAPI, such as the application's `current_user`. It is run for every socket,
        `sendSync` request and beacon, together with the dependencies of the application and of `mount`, on a GET
        request with the headers and cookies of that attach. What it returns is `event.user`; None lets a client in as
        nobody, and an HTTPException refuses it. `Depends(authenticate)` in a handler is `event.user`, and asks nobody.
        Without it, `event.user` is the `user` of AuthenticationMiddleware.
        `identity(user)` returns what tells users apart, and None for nobody: nothing that was kept, is running or was
        joined for one identity is reached by another. By default it is `user.id`, `user.identity` or the user itself.
        `max_age`: after how many seconds a page with a user is asked again; up to a tenth more or less, at random. It
        reconnects for that, and loses nothing; None is never. `reauthenticate` asks at once.
        With `authenticate`, `allow_missing_origin` does not let in the origin `null`, which pages of any site can send:
        list it in `origins`.

        `authorize(event, channel)` decides whether a page may use a channel: for each `send`, `invoke`, `sendSync` and
        `postMessage`, in the order of arrival, before the channel is looked up, so that the page does not learn which
        there are. It is a plain function, in the event loop. Only True allows. An exception denies, and is logged. A
        call that is denied fails with the code `forbidden`; any other message is dropped, and its ports are closed. One
        line of the log names the page and the channel once in a minute. It is not asked about `sendTo`, nor about what
        comes through a port: a port is a permission that was given. None: every page may use each channel.

        `redis`: the URL of a Redis or Valkey, such as `redis://10.0.0.5/0`, by which processes of several machines
        serve the same pages; `redis_name` tells applications apart that share one, by default `default`. It needs the
        package redis: `pip install 'webipc[redis]'`. The options `--redis` and `--redis-name` of `webipc run` and the
        environment variables `WEBIPC_REDIS` and `WEBIPC_REDIS_NAME` have precedence. None: this process is the only
        one, or one of `webipc run --workers`. An application whose Redis cannot be reached does not start.

        Raises ValueError when an entry of `origins` is not an origin or `memory` is no size, FileNotFoundError when a
        preload script is not there, PreloadError when one is an ECMAScript module, TypeError when `authenticate` is no
        function, `identity` no plain one, `max_age` no number, or `authorize` no plain one of two arguments, ValueError
        when `max_age` is not above 0. One string in the place of either list is refused too. Raises WebipcError when
        `redis` is no URL of a Redis, `redis_name` no name, or the package redis is missing.
        """
        super().__init__(checked_authenticate(authenticate))
        escape_entries()
        self._debug = debug
        self._playground = playground
        self._identity = checked_identity(identity)
        self._max_age = checked_max_age(max_age)
        self._asking = Asking()
        self._origins = Origins(
            origins,
            os.environ.get(ORIGINS_VARIABLE, "").split(),
            allow_missing=allow_missing_origin,
            null_is_missing=authenticate is None,
        )
        self._preload = Preload(preload, additional_arguments, program_folder())
        self._limits = limits
        self._bounds = (max_links, max_unattached_links)
        wanted = os.environ.get(MEMORY_VARIABLE) or memory
        self._memory = None if wanted is None else parse_size(wanted)
        self._may_send_to = may_send_to
        self._authorization = checked_authorize(authorize)
        self._created: tuple[Callable[..., Any], ...] = ()
        self._app: FastAPI | None = None
        self._realm = ""
        # Makes the way to the other processes; None in a single one.
        self._make_bus: MakeBus | None = chosen_bus(redis, redis_name)
        self._provider = HubProvider(self._make_hub)

    @property
    def debug(self) -> bool:
        """Whether pages get the exceptions of handlers in full."""
        if self._debug is not None:
            return self._debug
        return bool(os.environ.get(DEBUG_VARIABLE)) or (self._app is not None and self._app.debug)

    def mount(
        self,
        app: FastAPI,
        *,
        prefix: str = "/ipc",
        pages: str | os.PathLike[str] | None = None,
        dependencies: Sequence[params.Depends] = (),
    ) -> None:
        """Serve the client, the socket and the beacon of this end under `prefix` of `app`.

        `pages` is a folder that is served at `/` behind every route of the application; its `index.html` is the page at
        `/`. A relative path begins in the folder of the file that calls this, or in the working directory if it is not
        there. May be called before or after the application's own routes are made; only once.

        `dependencies`, such as `[Depends(require_login)]`, are run for every socket, `sendSync` request and beacon, as
        those of `FastAPI(dependencies=[...])` are, before `authenticate`. One that raises HTTPException refuses the
        client. The files that a browser loads are open, as those of StaticFiles are.

        Raises ValueError for a prefix that does not begin with a slash or is the root, FileNotFoundError when `pages`
        is not a folder, RuntimeError when it is mounted already, TypeError when one of the `dependencies` is none, or
        takes what an attach does not have, such as a body or a `Response`.
        """
        if self._app is not None:
            raise RuntimeError("this IpcMain is mounted already; make another one for another application")
        if not prefix.startswith("/") or not prefix.strip("/"):
            raise ValueError(f"the prefix must begin with a slash and name a path, such as '/ipc'; got {prefix!r}")
        folder = None if pages is None else existing_folder(pages, program_folder())
        guards = [*app.router.dependencies, *checked_dependencies(dependencies)]
        self._asking = asking_of(app, guards, self._authenticate, self._identity, self._max_age)
        self._app = app
        self._realm = prefix.rstrip("/")
        served = routes(self._provider.here, self._origins, self._limits)
        served.append(preload_route(self._preload, self._origins, lambda: self.debug))
        served.append(readiness_route(self._provider.ready))
        served += Playground(self, self._has_playground, self._ask).routes()
        hosts = self._origins.hosts
        mount = IpcMount(prefix.rstrip("/"), served, folder, self._preload, self._provider, hosts)
        mount.share = self._share
        mount_routes(app, mount)
        wrap_lifespan(app, self._provider)
        if folder is not None:
            serve_pages(app, folder)

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

    def _spread(self) -> Spread | None:
        shared = self.shared
        return None if shared is None else shared.spread

    def web_contents_created(self, listener: CreatedListener) -> CreatedListener:
        """Call `listener(event, web_contents)` for every new tab, before any message of it; usable as a decorator.

        Also for one that comes from another process of the server, which has ended: then `event.adopted` is True.
        So what is registered here for a tab is there wherever it goes on.

        Electron's `app.on('web-contents-created')`. It is not a channel, because a page could send on a channel.
        """
        self._created = (*self._created, listener)
        return listener

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

    @property
    def shared(self) -> Shared | None:
        """The other processes that serve the same pages, and this one among them; None in a single one.

        `ipc_main.shared.worker` is the name of this process, `workers` are those that live, `connected` tells whether
        they can be reached, `is_first` is for what only one of them should do, and `stats()` returns numbers. None as
        well before the application has started. From any thread.
        """
        hub = self._provider.hub
        return hub.sharing if hub is not None and isinstance(hub.sharing, Shared) else None

    def stats(self) -> dict[str, Any]:
        """Return what the process holds for its pages now, as plain values for a monitoring system. From any thread.

        `memory`: `limit` and `held` in bytes, `largest`: the five addresses that hold most, each with its bytes.
        `kept`: how many `messages` pages have not acknowledged, their `bytes` on the wire, and how many bytes are
        `held` for them.
        `links`: how many are `open`, how many of them are `away` (they had a socket) or only made `by_request`, and the
        `limit`. `connections`: how many the server has `open`, of every kind; how many of them are `unfinished` (no
        whole request head, or a socket without its `hello`); and the `limit`. All are 0 before the first page has
        connected, and under a server other than that of `webipc run`.
        `threads`: how many `def` handlers are `running` and `waiting` for a thread. `refused`: how many sockets and
        requests were refused, by close code. `evicted`: how much was ended to make room, by reason: links without a
        socket (`away`, `by_request`), links that held too much (`overflow`), ports (`port`).

        `stall_ms`: how late a timer of the event loop was called at most in the last minute, in milliseconds; it is
        due every 100 ms. A turn of the loop that took longer than that is always seen, and was at most 100 ms longer
        than the number; a shorter one is seen only if the timer was due in it. One that has not ended counts as well.
        `paused`: how many links send more than is read at the moment, because there is no memory for it, or because 64
        KiB of their socket wait to be split. The second is known only of sockets that `webipc run` or uvicorn with
        `DirectWebSocket` serves.
        """
        hub = self._provider.hub
        return no_stats() if hub is None else hub.stats()

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

    def _has_playground(self) -> bool:
        return self.debug if self._playground is None else self._playground

    async def _ask(self, scope: MutableMapping[str, Any]) -> None:
        """Raise RefusedError where the application does not let in the client of a request, as it would not a page."""
        if self._asking.tree is not None:
            await self._provider.here().asks.ask(visitor_of(scope), AttachScope(scope))

    def _created_listeners(self) -> Sequence[Callable[..., Any]]:
        return self._created

    def _share(self, make_bus: MakeBus) -> None:
        self._make_bus = make_bus

    def _make_hub(self, loop: asyncio.AbstractEventLoop) -> Hub:
        memory = default_memory() if self._memory is None else self._memory
        settings = Settings(
            self._limits, self.debug, *self._bounds, self._may_send_to, memory, self._asking, self._authorization
        )
        hub = Hub(loop, self, self._created_listeners, settings)
        if self._make_bus is not None and self._app is not None:
            hub.sharing = shared_of(hub, self._app, self._realm, self._make_bus)
        return hub
