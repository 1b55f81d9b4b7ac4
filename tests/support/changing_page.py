"""A document whose user changes from one attach to the next. changing_users.py knows what may become of it.

It does what a browser may do with the id and the secret of a link: it says hello by sockets, synchronous requests and
beacons, in any order, each with a cookie that the test chooses.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.support.changing_users import Ask, Attach, Journal
from webipc.core import clone
from webipc.core.envelope import Send, decode_value
from webipc.core.errors import AfterClose, CloseCode, after_close
from webipc.core.frame import decode_frame, encode_body, encode_control, encode_message
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.link import Link, Side
from webipc.testing.client import Client
from webipc.testing.connection import CONTENT_TYPE
from webipc.testing.memory_socket import MemorySocket

SECRET: Final = "b" * 32
_ANSWERED: Final = re.compile(rb"for:(\w+)")


class PageLink:
    """One link of a document. What comes by any of its sockets belongs to it, also when it is over for the page."""

    def __init__(self, journal: Journal, link_id: str) -> None:
        self.journal = journal
        self.link_id = link_id
        self.core = Link(Side.RENDERER, DEFAULT_LIMITS)
        self.posted: list[str] = []
        self.attempt = 0
        self.is_known = self.is_over = False
        # Of the sockets that were welcomed and not closed, the newest last.
        self.open: dict[MemorySocket, int] = {}
        self._attaches: dict[MemorySocket, tuple[Attach, int]] = {}
        self._call_ids = itertools.count(1, 2)
        self.token: str | None = None

    def text(self) -> str:
        """Return what the next message says: its link and its number."""
        self.posted.append(f"{self.link_id}/{len(self.posted)}")
        return self.posted[-1]

    def post(self, *fields: Any, value: list[Any]) -> None:
        """Number and keep a message."""
        self.core.post(encode_message(list(fields), clone.encode(value)))

    def ask(self) -> int:
        """Post a `sync`; return its id."""
        call_id = next(self._call_ids)
        self.post("sync", call_id, "ask", value=[self.text()])
        return call_id

    def opens(self, socket: MemorySocket, attach: Attach, attempt: int) -> None:
        """Take note of a socket that says hello."""
        self._attaches[socket] = attach, attempt

    def flush(self) -> None:
        """Write everything that the newest socket has not sent."""
        if self.open:
            socket = list(self.open)[-1]
            while (frame := self.core.take_frame(beyond_window=True)) is not None:
                self._attaches[socket][0].carries(frame)
                socket.write(frame)

    # --- what a MemorySocket reports to

    def take(self, socket: MemorySocket, data: str | bytes) -> None:
        """Process a frame of the server."""
        attach, attempt = self._attaches[socket]
        frame = decode_frame(data)
        if frame.control is not None:
            kind, fields = frame.control
            if kind == "reset":
                self.is_over = True
            elif kind == "welcome":
                self.journal.was_let_in(attach, self.link_id, fields["webContentsId"])
                self.is_known, self.token = True, fields["token"]
                self.open[socket] = attempt
                self.core.attach(attempt, fields["received"])
                self.flush()
            return
        for envelope in self.core.receive(frame, attempt):
            if isinstance(envelope, Send):
                (text,) = decode_value(envelope)
                self.journal.was_told(self.link_id, text)

    def closed(self, socket: MemorySocket, code: int, reason: str) -> None:
        """Note that the server has closed a socket."""
        self.open.pop(socket, None)
        self.journal.was_closed(code, reason)
        if code != CloseCode.ABNORMAL:
            self.ends_by(code)

    def ends_by(self, code: int) -> None:
        """Do what a page does behind a close code."""
        self.is_over = self.is_over or after_close(code) in (AfterClose.GIVE_UP, AfterClose.NEW_LINK)


class ChangingPage:
    """The document."""

    def __init__(self, journal: Journal, ids: Iterator[int], tab: "ChangingPage | None", *, is_frame: bool) -> None:
        """`tab` is the document whose tab this one is in, or in whose iframe."""
        self._journal = journal
        self._ids = ids
        self._token: str | None = None
        self._tab, self._is_frame = tab, is_frame
        self._tasks: set[asyncio.Task[None]] = set()
        self._link = self._new_link()

    def _new_link(self) -> PageLink:
        return PageLink(self._journal, f"{next(self._ids):032x}")

    @property
    def link(self) -> PageLink:
        """The newest link: another one when the last is over."""
        if self._link.is_over:
            self.load()
        return self._link

    def load(self) -> None:
        """Load another document in the same tab. Nothing is said to the server."""
        self._first._token = self._link.token or self._first._token
        self._link = self._new_link()

    @property
    def _first(self) -> "ChangingPage":
        return self._tab or self

    def _hello(self, link: PageLink, attempt: int, secret: str = SECRET) -> str:
        core = link.core
        parent = self._tab.link.link_id if self._tab is not None and self._is_frame else None
        fields = {
            "link": link.link_id,
            "secret": secret,
            "attempt": attempt,
            "received": core.received,
            "first": core.first,
            "fresh": core.fresh and not link.is_known,
            "features": ["sync", "send-to"],
            **({} if parent is None else {"parent": parent}),
            **({} if self._first._token is None else {"token": self._first._token}),
        }
        return encode_control(core.received, "hello", fields)

    async def attach(self, user: str | None, ask: Ask, *, is_stale: bool, secret: str = SECRET) -> None:
        """Open a socket, and say hello. An older socket is not closed by the page."""
        link = self.link
        link.attempt += 1
        attach = self._journal.attach(user, ask, is_stale=is_stale)
        socket = MemorySocket(Client(self._journal.app, headers=attach.headers), "/ipc/socket", link)
        link.opens(socket, attach, link.attempt)
        await socket.start()
        socket.write(self._hello(link, link.attempt, secret))

    async def lose(self) -> None:
        """Lose all sockets of the link."""
        link = self.link
        for socket in list(link.open):
            del link.open[socket]
            link.core.detach(link.attempt)
            await socket.cut(CloseCode.ABNORMAL)

    def ask_at_once(self, user: str | None, ask: Ask, *, is_stale: bool) -> None:
        """Send a synchronous request, with everything that is kept."""
        link = self.link
        call_id = link.ask()
        last = encode_control(link.core.received, "await", call_id)
        self._send("/ipc/sync", link, self._journal.attach(user, ask, is_stale=is_stale), last)

    def leave(self, user: str | None, ask: Ask, *, is_stale: bool, bye: bool) -> None:
        """Send a beacon, with everything that is kept."""
        link = self.link
        last = [encode_control(link.core.received, "bye", link.core.last)] if bye else []
        self._send("/ipc/beacon", link, self._journal.attach(user, ask, is_stale=is_stale), *last)
        if bye:
            self.load()

    def _send(self, path: str, link: PageLink, attach: Attach, *last: str) -> None:
        # Before the backlog, because `fresh` says whether any message was sent before now.
        hello = self._hello(link, 0)
        frames = [*link.core.backlog(), *last]
        for frame in frames:
            attach.carries(frame)
        body = encode_body([hello, *frames])
        task = asyncio.create_task(self._answered(path, link, attach, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, path: str, link: PageLink, attach: Attach, body: bytes) -> None:
        client = Client(self._journal.app, headers=attach.headers)
        response = await client.post(path, CONTENT_TYPE, body)
        self._journal.statuses[response.status] += 1
        if response.body.startswith(b"\x01"):
            end = 5 + int.from_bytes(response.body[1:5], "little")
            link.core.receive(decode_frame(response.body[5:end]), None)
            (name,) = _ANSWERED.findall(response.body[end:])
            self._journal.was_answered(attach, link.link_id, name.decode())
        if response.status in (401, 403, 409):
            link.ends_by(json.loads(response.body)["code"])

    async def end(self) -> None:
        """Lose everything, and wait for the requests that have no answer yet."""
        await self.lose()
        if self._tasks:
            await asyncio.wait(self._tasks)
