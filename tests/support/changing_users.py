"""An application whose users change on the same links, with a journal of who was asked, who ran and who was told.

Each attach has a number, which it sends as a header, so that the journal knows of each message who has brought it. Each
link and each tab is of one user: the first evidence of whose it is decides, and all the other evidence has to agree.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request

from webipc import IpcMain
from webipc.core.errors import CloseCode

NOBODY: Final = "nobody"
_TEXT: Final = re.compile(r"[0-9a-f]{32}/\d+")
_NUMBER: Final = "x-attach"
_NO: Final = "no"
_ENDED: Final = "the session has ended"
_REFUSALS: Final = (_NO, _ENDED, "another-user")


class Ask(Enum):
    """What the application does when it is asked."""

    ANSWER = auto()
    WAIT = auto()
    NEVER = auto()
    REFUSE = auto()
    FORBID = auto()
    BE_BUSY = auto()
    FAIL = auto()


_RAISED: Final[dict[Ask, Callable[[], Exception]]] = {
    Ask.REFUSE: lambda: HTTPException(401, _NO),
    Ask.FORBID: lambda: HTTPException(403, "never"),
    Ask.BE_BUSY: lambda: HTTPException(503, "later"),
    Ask.FAIL: lambda: ValueError("a bug"),
}


@dataclass(frozen=True)
class User:
    """What one ask has found."""

    id: str
    # The number of the attach that was asked about.
    attach: int


@dataclass
class Attach:
    """One socket, synchronous request or beacon."""

    number: int
    user: str | None
    session: str | None
    ask: Ask
    journal: "Journal"
    # What it has carried to the server, and when.
    carried: dict[str, int] = field(default_factory=dict)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """Whose it is, as a text."""
        return self.user or NOBODY

    @property
    def headers(self) -> dict[str, str]:
        """What it sends."""
        cookies = ["webipc_principal=" + "a" * 32, *([f"session={self.session}"] if self.session else [])]
        return {"cookie": "; ".join(cookies), _NUMBER: str(self.number)}

    def carries(self, frame: str | bytes) -> None:
        """Note which messages are in a frame that it carries."""
        for text in _TEXT.findall(frame if isinstance(frame, str) else frame.decode("latin-1")):
            self.carried.setdefault(text, self.journal.moment)


def name_of(user: User | None) -> str:
    """Return whose something is, as a text."""
    return NOBODY if user is None else user.id


class Journal:
    """The application, and what has happened in it."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.ipc_main = IpcMain(authenticate=self.current_user)
        self.ipc_main.mount(self.app)
        # Counts what the test does.
        self.moment = 0
        self.attaches: list[Attach] = []
        # The session of each user by now, and all that are valid.
        self._sessions: dict[str, str] = {}
        self._valid: dict[str, str] = {}
        # Sessions that have ended before their user was asked again, and when that was.
        self._revoked: dict[str, int] = {}
        self._ended: dict[str, str] = {}
        # Whose each link and each tab is.
        self.links: dict[str, str] = {}
        self.tabs: dict[int, str] = {}
        self.heard: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.statuses: Counter[int] = Counter()
        # Listeners that wait go on.
        self._go_on = asyncio.Event()
        # What is wrong, because an exception in a handler would only be logged.
        self.wrong: list[str] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.on("slow", self._slow)
        self.ipc_main.on("ask", self._ask)
        for name in ("ada", "bob"):
            self.log_in(name)

    # --- sessions -------------------------------------------------------------------------------------------------

    def log_in(self, name: str) -> None:
        """Begin another session of a user; the ones before stay valid, as where a framework replaces its cookies."""
        session = f"{name}-{len(self._valid) + len(self._ended)}"
        self._sessions[name] = session
        self._valid[session] = name

    def log_out(self, name: str) -> None:
        """End the session that a user has by now, and begin another. Nobody is asked because of that."""
        session = self._sessions[name]
        self._ended[name] = session
        del self._valid[session]
        self.log_in(name)

    async def reauthenticate(self, name: str) -> None:
        """Have a user asked again."""
        await self.ipc_main.reauthenticate(user=name)
        for attach in self.attaches:
            session = attach.session
            if attach.user == name and session is not None and session not in self._valid:
                self._revoked.setdefault(session, self.moment)

    def attach(self, user: str | None, ask: Ask, *, is_stale: bool) -> Attach:
        """Return the next attach. With `is_stale` it has the cookie of the session that has ended last, if one has."""
        self.moment += 1
        session = None if user is None else self._sessions[user]
        if user is not None and is_stale:
            session = self._ended.get(user, session)
        self.attaches.append(Attach(len(self.attaches), user, session, ask, self))
        return self.attaches[-1]

    async def current_user(self, request: Request) -> User | None:
        """Return who an attach is from, as `authenticate`."""
        attach = self.attaches[int(request.headers[_NUMBER])]
        session = request.cookies.get("session")
        name = None if session is None else self._valid.get(session)
        if attach.ask is Ask.NEVER:
            await asyncio.Event().wait()
        if attach.ask is Ask.WAIT:
            await attach.go_on.wait()
        if (error := _RAISED.get(attach.ask)) is not None:
            raise error()
        if session is None:
            return None
        if name is None:
            raise HTTPException(401, _ENDED)
        return User(name, attach.number)

    def let_asks_go_on(self) -> None:
        """Answer what waits."""
        for attach in self.attaches:
            attach.go_on.set()

    # --- what the server runs -------------------------------------------------------------------------------------

    def _say(self, event: Any, text: str) -> None:
        self._hears(event, text)
        self.ipc_main.group(name_of(event.user)).add(event.sender)

    async def _slow(self, event: Any, text: str) -> None:
        self._hears(event, text)
        before = event.user, event.connection.headers[_NUMBER]
        await self._go_on.wait()
        self._expect((event.user, event.connection.headers[_NUMBER]), before, f"who brought {text}, later")
        note = f"for:{name_of(event.user)}"
        event.reply("note", note)
        if not event.sender.is_destroyed():
            event.sender.send("note", note)

    def _ask(self, event: Any, text: str) -> None:
        self._hears(event, text)
        event.return_value = f"for:{name_of(event.user)}"

    def let_listeners_go_on(self) -> None:
        """Let listeners that wait send what they have."""
        self._go_on.set()
        self._go_on = asyncio.Event()

    def push(self) -> None:
        """Send to every tab, by each way, what is for its user."""
        for contents in self.ipc_main.get_all_web_contents():
            contents.send("note", f"for:{self.tabs.get(contents.id, name_of(contents.user))}")
        for name in ("ada", "bob"):
            self.ipc_main.to(user=name).send("note", f"for:{name}")
        for name in ("ada", "bob", NOBODY):
            self.ipc_main.group(name).send("note", f"for:{name}")

    # --- the evidence ---------------------------------------------------------------------------------------------

    def _expect(self, found: object, expected: object, what: str) -> None:
        if found != expected:
            self.wrong.append(f"{what}: expected {expected}, got {found}")

    def _is_of(self, link_id: str, name: str, what: str) -> None:
        self._expect(name, self.links.setdefault(link_id, name), f"{what} of link {int(link_id, 16)}")

    def _hears(self, event: Any, text: str) -> None:
        link_id = text.partition("/")[0]
        attach = self.attaches[int(event.connection.headers[_NUMBER])]
        name = name_of(event.user)
        expected = None if attach.session is None else User(attach.name, attach.number)
        self._expect(event.user, expected, f"event.user of {text}")
        self._expect(event.connection.cookies.get("session"), attach.session, f"the cookie of {text}")
        self._expect(text in attach.carried, True, f"whether attach {attach.number} has brought {text}")
        self._expect(self.heard.get(text), None, f"who has sent {text} before")
        self._is_of(link_id, name, "a message")
        self._expect(name, self.tabs.setdefault(event.sender.id, name), f"whose tab {event.sender.id} is")
        if attach.session in self._revoked:
            is_before = attach.carried.get(text, self.moment) <= self._revoked[attach.session]
            self._expect(is_before, True, f"whether {text} came before its session was over")
        self.heard[text] = name

    def was_let_in(self, attach: Attach, link_id: str, contents_id: int) -> None:
        """A socket was welcomed."""
        self._is_of(link_id, attach.name, "a socket")
        self._expect(attach.name, self.tabs.setdefault(contents_id, attach.name), f"whose tab {contents_id} is")
        self._expect(attach.session in self._revoked, False, f"whether attach {attach.number} comes too late")

    def was_answered(self, attach: Attach, link_id: str, name: str) -> None:
        """A synchronous request has an answer, which is for this user."""
        self._is_of(link_id, name, "an answer")
        self._expect(attach.name, name, f"for whom attach {attach.number} was answered")

    def was_closed(self, code: int, reason: str) -> None:
        """A socket was closed by the server, or has ended otherwise. Only who is refused is told to give up."""
        self.closes[code] += 1
        if code == CloseCode.UNAUTHORIZED:
            self._expect(reason in _REFUSALS, True, f"whether {reason!r} is a reason to give up")

    def was_told(self, link_id: str, text: str) -> None:
        """A page has got a message: `for:` a user, or `from:` the link that has sent it by sendTo."""
        kind, _, rest = text.partition(":")
        self.told[kind] += 1
        name = rest if kind == "for" else self.links.setdefault(rest, self.links.get(link_id, NOBODY))
        self._is_of(link_id, name, f"{text!r}, which came")
