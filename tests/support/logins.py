"""An application with a table of sessions, whose `current_user` stops where a test wants it to."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, FastAPI, HTTPException

from tests.support.posting_page import PostingPage
from tests.support.waiting import until
from webipc import IpcMain
from webipc.core.errors import CloseCode
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.testing.memory_socket import MemorySocket


@dataclass
class User:
    """A user of the application, new for each ask."""

    id: str


class Stop:
    """A place where asks stop, once it is set."""

    def __init__(self) -> None:
        self._go_on = asyncio.Event()
        self._go_on.set()
        # How many asks stand here.
        self.standing = 0

    def set(self) -> None:
        """From now on, let asks stop here."""
        self._go_on.clear()

    def clear(self) -> None:
        """Let them go on."""
        self._go_on.set()

    async def pass_by(self) -> None:
        """Stop here, if it is set."""
        self.standing += 1
        await self._go_on.wait()
        self.standing -= 1

    async def reached(self, count: int = 1) -> None:
        """Wait until so many asks stand here."""
        await until(lambda: self.standing >= count)


class Logins:
    """An application whose pages are logged in by the cookie `session`."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, **settings: Any) -> None:
        """`settings` are the arguments of `IpcMain`."""
        self.limits = limits
        # Who is logged in, by the cookie.
        self.sessions = {"a1": "ada", "a2": "ada", "b1": "bob"}
        # Before the session is looked up, and after that.
        self.before, self.after = Stop(), Stop()
        # How many asks have begun.
        self.asked = 0
        self.app = FastAPI()
        self.ipc_main = IpcMain(authenticate=self.current_user, limits=limits, **settings)
        self.ipc_main.mount(self.app)
        # What ran, with the user for whom it did.
        self.ran: list[tuple[str, str]] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.on("answer", self._answer)

    async def current_user(self, session: Annotated[str | None, Cookie()] = None) -> User:
        """Return the user of a session, as `authenticate`."""
        self.asked += 1
        await self.before.pass_by()
        name = self.sessions.get(session or "")
        await self.after.pass_by()
        if name is None:
            raise HTTPException(401, "not logged in")
        return User(name)

    def log_out(self, session: str) -> None:
        """Delete a session. Nothing is told to anybody."""
        del self.sessions[session]

    def _say(self, event: Any, what: str) -> None:
        self.ran.append((event.user.id, what))

    def _answer(self, event: Any, what: str) -> None:
        self.ran.append((event.user.id, what))
        event.return_value = f"{event.user.id}: {what}"

    @property
    def tabs(self) -> list[str]:
        """The user of each tab that is there."""
        return [contents.user.id for contents in self.ipc_main.get_all_web_contents()]


class LoggedInPage(PostingPage):
    """A page with the cookie of a session, which comes again after its socket was closed."""

    def __init__(self, logins: Logins, session: str, link: str = "a" * 32) -> None:
        super().__init__(logins.app, logins.limits, link)
        self.headers = cookie(session)

    async def connect(self) -> None:
        """As of every page; behind earlier sockets that were closed, too."""
        closes = len(self.closes)
        await super().connect()
        await until(lambda: self._welcomed == self._attempt or len(self.closes) > closes)

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Note with which code the server has closed a socket, and not that it has ended then."""
        if code != CloseCode.ABNORMAL:
            super().closed(socket, code, reason)


def cookie(session: str) -> dict[str, str]:
    """Return the headers of a browser with this session."""
    return {"cookie": f"session={session}"}
