"""An application whose users are told apart by the cookie `user`, and which a test can let refuse, fail or wait."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import Response
from starlette.requests import Request

from tests.support.raw_sockets import Site
from webipc import IpcMainEvent
from webipc.hub.hub import Hub


@dataclass(frozen=True)
class User:
    """A user, a new object for each ask."""

    id: str


class Users(Site):
    """The application. Without the cookie, a client is nobody."""

    def __init__(self, **settings: Any) -> None:
        """`settings` are the arguments of `IpcMain`."""
        super().__init__(authenticate=self.current_user, **settings)
        # What an ask does for this cookie, in the place of its usual answer.
        self.instead: dict[str, Callable[[], Any]] = {}
        # The cookie of each ask, in the order in which they began.
        self.asked: list[str | None] = []
        # Each message of the channels `say` and `ask`, with its user and its cookie.
        self.heard: list[tuple[str | None, str | None, Any]] = []
        self.ipc_main.on("say", self._hear)
        self.ipc_main.on("ask", self._answer)
        self.ipc_main.handle("me", lambda event: None if event.user is None else event.user.id)
        self.app.post("/login/{name}")(self.login)
        self.app.post("/logout")(self.logout)

    def login(self, name: str, response: Response) -> None:
        """Set the cookie, as the route for a login."""
        response.set_cookie("user", name, httponly=True)

    def logout(self, response: Response) -> None:
        """Delete the cookie, as the route for a logout."""
        response.delete_cookie("user")

    def current_user(self, request: Request) -> User | None:
        """Return who a request is from, as `authenticate`. It runs in a thread, as most of such functions do."""
        name = request.cookies.get("user")
        self.asked.append(name)
        if name in self.instead:
            answer: User | None = self.instead[name]()
            return answer
        return None if name is None else User(name)

    @staticmethod
    def user(name: str) -> User:
        """Return a user of this name, as an ask would."""
        return User(name)

    def _hear(self, event: IpcMainEvent, *args: Any) -> None:
        name = None if event.user is None else event.user.id
        self.heard.append((name, event.connection.cookies.get("user"), args[0] if args else None))

    def _answer(self, event: IpcMainEvent, *args: Any) -> None:
        self._hear(event, *args)
        event.return_value = args[0] if args else None

    @property
    def hub(self) -> Hub:
        """The hub, which is there from the first request on."""
        hub = self.ipc_main._provider.hub
        assert hub is not None
        return hub

    async def left_behind(self) -> dict[str, int]:
        """Return how many links, tabs, asks, bodies and threads of dependencies there are, in the event loop."""
        hub = self.hub
        return {
            "links": hub._links.counts()["open"],
            "tabs": len(hub.tabs.all()),
            "asks": hub.asks.running + hub.asks.waiting,
            "bodies": hub.bodies.held,
            "threads": int(current_default_thread_limiter().borrowed_tokens),
        }


class Gate:
    """A place where asks wait in their threads until a test opens it."""

    def __init__(self, name: str = "ada") -> None:
        """What is asked there is answered with a user of this name."""
        self._name = name
        self._open = threading.Event()
        # How many asks have come to it.
        self.reached = 0

    def __call__(self) -> User:
        """Wait; then return the user. To be called by an ask."""
        self.reached += 1
        assert self._open.wait(20), "the gate was never opened"
        return User(self._name)

    def open(self) -> None:
        """Let all pass, from now on."""
        self._open.set()


def cookie(user: str | None) -> dict[str, str]:
    """Return the headers of a browser that has the cookie of this user, and a principal of its own."""
    principal = "webipc_principal=" + "a" * 32
    return {"Cookie": principal if user is None else f"{principal}; user={user}"}
