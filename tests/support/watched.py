"""An application and pages that know of each message who has said it and which attach has brought it: for the model of
tests/behaviour/test_banned_users.py.

The header `x-attach` numbers the sockets and requests of all pages. An attach has one user, its cookie, and each page
has one link.
"""

import asyncio
import json
import secrets
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, HTTPException, Request

from tests.support.posting_page import PostingPage
from webipc import IpcMain, IpcMainEvent
from webipc.core.errors import CloseCode
from webipc.core.frame import decode_frame, encode_control
from webipc.core.limits import Limits
from webipc.testing.client import Client
from webipc.testing.memory_socket import MemorySocket

_ENDED: Final = frozenset({CloseCode.NORMAL, CloseCode.PROTOCOL_ERROR, CloseCode.RESET})
"""Codes with which a server closes the socket of a link that is over."""


class Ran(NamedTuple):
    """A message that the application was given."""

    text: str
    # Who has said it, by `event.user`, and the number of the attach, by `event.connection`.
    user: str | None
    attach: int
    # The tab that the event names as its sender, and its user by the record of the server.
    tab: int
    identity: str | None


class Told(NamedTuple):
    """A message that a page was given: for whom it was meant, and whose attach has brought it."""

    meant_for: str | None
    user: str | None


class Watched:
    """The application. A test decides what each ask does."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.app = FastAPI()
        self.ipc_main = IpcMain(authenticate=self.current_user, limits=limits, max_age=None)
        self.ipc_main.mount(self.app)
        # Who is not let in at the moment.
        self.banned: set[str] = set()
        # What the ask of an attach does, by its number; nothing is the usual.
        self.asks: dict[int, str] = {}
        # The asks that wait, by the number of their attach. One that never returns is among them.
        self.waiting: dict[int, asyncio.Event] = {}
        # The user of each attach.
        self.users: dict[int, str | None] = {}
        self.ran: list[Ran] = []
        # Answers that are not given yet.
        self.later: list[IpcMainEvent] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.on("ask", self._ask)
        self.ipc_main.on("later", self._later)

    async def current_user(self, request: Request) -> str | None:
        """Return the user of the cookie, as `authenticate`: looked up first, whatever happens then."""
        attach = int(request.headers["x-attach"])
        user = request.cookies.get("user")
        is_banned = user in self.banned
        what = self.asks.pop(attach, "")
        if what == "raises":
            raise RuntimeError("no database")
        if what == "waits":
            go_on = self.waiting[attach] = asyncio.Event()
            await go_on.wait()
        if is_banned:
            raise HTTPException(401, "banned")
        return user

    def _note(self, event: IpcMainEvent, text: str) -> str | None:
        user: str | None = event.user
        attach = int(event.connection.headers["x-attach"])
        self.ran.append(Ran(text, user, attach, event.sender.id, event.sender._tab.identity))
        return user

    def _say(self, event: IpcMainEvent, text: str) -> None:
        user = self._note(event, text)
        event.reply("note", user)
        event.sender.send("note", user)
        if user is not None:
            self.ipc_main.to(user=user).send("note", user)

    def _ask(self, event: IpcMainEvent, text: str) -> None:
        event.return_value = self._note(event, text)

    def _later(self, event: IpcMainEvent, text: str) -> None:
        self._note(event, text)
        self.later.append(event)

    def answer(self) -> None:
        """Give the oldest answer that is owed."""
        event = self.later.pop(0)
        if event.sender_frame is not None and not event.sender_frame.is_destroyed():
            event.reply("note", event.user)
        if not event.sender.is_destroyed():
            event.sender.send("note", event.user)


class WatchedPage(PostingPage):
    """One document with one link, which notes what it is told."""

    def __init__(self, watched: Watched, tab: str | None, parent: "WatchedPage | None") -> None:
        super().__init__(watched.app, watched.limits, secrets.token_hex(16))
        self._watched = watched
        # The token of the tab, which the next document of it shows.
        self.tab = tab
        self._parent = parent
        # The attaches that may have carried each message, by its text.
        self.carried: dict[str, set[int]] = {}
        self.told: list[Told] = []
        self._attaches: dict[MemorySocket, int] = {}
        self.said_goodbye = False
        # Requests that are not answered yet.
        self.asking: list[asyncio.Task[None]] = []

    @property
    def is_over(self) -> bool:
        """Whether the page needs a new link."""
        ended = any(code in _ENDED or reason == "another-user" for code, reason in self.closes)
        return ended or self.said_goodbye or bool(self.resets)

    @property
    def is_open(self) -> bool:
        """Whether a socket carries the link."""
        return self._socket is not None and self._welcomed == self._attempt

    def _named(self, user: str | None, what: str) -> int:
        """Let the next attach be this user's; return its number. `what` says what its ask does."""
        attach = len(self._watched.users) + 1
        self._watched.users[attach] = user
        if what:
            self._watched.asks[attach] = what
        self.headers = {"x-attach": str(attach)} | ({} if user is None else {"cookie": f"user={user}"})
        return attach

    def _carry(self, attach: int) -> None:
        """Note that this attach carries everything."""
        for attaches in self.carried.values():
            attaches.add(attach)

    def say(self, channel: str, text: str) -> None:
        """Keep a message, and send what is kept, if there is a socket."""
        self.carried[text] = set()
        self.post("send", channel, value=[text])
        self._send_all()

    def _send_all(self) -> None:
        if self._socket is not None and self.is_open:
            self._carry(self._attaches[self._socket])
            self.flush()

    async def come(self, user: str | None, what: str) -> None:
        """Connect as this user."""
        attach = self._named(user, what)
        self._attempt += 1
        socket = self._socket = MemorySocket(Client(self._watched.app, headers=self.headers), "/ipc/socket", self)
        self._attaches[socket] = attach
        await socket.start()
        socket.write(self.hello(self._attempt))

    async def lose(self) -> None:
        """Lose the socket."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.cut(CloseCode.ABNORMAL)

    def ask_as(self, user: str | None, what: str, text: str) -> None:
        """Send a synchronous request as this user."""
        attach = self._named(user, what)
        self.carried[text] = set()
        body = self.ask("ask", text)
        self._carry(attach)
        self.asking.append(asyncio.create_task(self._answered(body, attach, self._call_id)))

    async def _answered(self, body: bytes, attach: int, call_id: int) -> None:
        status, content = await self._send(body, (), "/ipc/sync")
        if status == HTTPStatus.OK:
            user = self._watched.users[attach]
            answer = json.dumps(["result", call_id, user], separators=(",", ":")).encode()
            self.told.append(Told(user if answer in content else f"not {user}", user))

    def leave_as(self, user: str | None, what: str, *, says_goodbye: bool) -> None:
        """Post a beacon with everything as this user."""
        self.said_goodbye = self.said_goodbye or says_goodbye
        self._carry(self._named(user, what))
        last = [encode_control(self.link.received, "bye", self.link.last)] if says_goodbye else []
        self.asking.append(asyncio.create_task(self._left(self.body(*last))))

    async def _left(self, body: bytes) -> None:
        await self._send(body, (), "/ipc/beacon")

    def hello(self, attempt: int) -> str:
        """Return the `hello`, which names the tab or the parent."""
        fields: dict[str, Any] = {
            "link": self._id,
            "secret": "b" * 32,
            "attempt": attempt,
            "received": self.link.received,
            "first": self.link.first,
            "fresh": self._welcomed == 0,
            "features": [],
        }
        if self._parent is not None:
            fields["parent"] = self._parent._id
        elif self.tab is not None:
            fields["token"] = self.tab
        return encode_control(self.link.received, "hello", fields)

    # --- what a MemorySocket reports to

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        """Process a frame, and note whom it was meant for."""
        if socket is not self._socket:
            return
        control = decode_frame(data).control
        before = len(self.arrived)
        super().take(socket, data)
        if control is not None and control[0] == "welcome":
            self.tab = control[1]["token"]
            self._send_all()
        user = self._watched.users[self._attaches[socket]]
        self.told += [Told(message.value[0], user) for message in self.arrived[before:]]

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Note the end of a socket, once."""
        if socket is self._socket:
            self._socket = None
            self.link.detach(self._attempt)
            self.closes.append((code, reason))
