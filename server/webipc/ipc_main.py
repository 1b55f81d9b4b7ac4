"""`IpcMain`: the main process's end, one for an application.

Electron's listeners and handlers are in channels/ipc_main_impl.py, what reaches pages in
cluster/spread/connected_pages.py, the routes in mount.py, who is connected in hub/hub.py. This file has the settings,
puts them together and is what an application imports.
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
from webipc.cluster.spread.connected_pages import ConnectedPages
from webipc.cluster.spread.spread import Spread
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.dependencies.guards import checked_dependencies
from webipc.dispatch.authorization import Authorize, checked_authorize
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain
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


class IpcMain(ConnectedPages, IpcMainImpl):
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

    def web_contents_created(self, listener: CreatedListener) -> CreatedListener:
        """Call `listener(event, web_contents)` for every new tab, before any message of it; usable as a decorator.

        Also for one that comes from another process of the server, which has ended: then `event.adopted` is True.
        So what is registered here for a tab is there wherever it goes on.

        Electron's `app.on('web-contents-created')`. It is not a channel, because a page could send on a channel.
        """
        self._created = (*self._created, listener)
        return listener

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

    def _spread(self) -> Spread | None:
        shared = self.shared
        return None if shared is None else shared.spread

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
