"""A page in Python: speaks the protocol with the real core over real sockets and requests, and notes what it is told.

It is what the client does in a browser, without a browser: it reconnects, resumes, begins a new link after a reset, and
asks with requests that block. So thousands of pages fit into a process.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from tests.stress.pages.link import Answer, StressedLink
from tests.stress.pages.requests import Refusal, Requests
from tests.stress.pages.socket import Lost, Socket
from tests.stress.told import ANSWERED, NO_REPLY, UNKNOWN, WRONG, Told
from tests.stress.values import LARGE, bytes_of, is_value_of, value_of
from webipc import MessageChannelMain, MessagePortMain
from webipc.core import clone
from webipc.core.envelope import ErrorReply, Port, PortClose, Post, Result, Send, Welcome, decode_value
from webipc.core.errors import AfterClose, CloseCode, ResetError, after_close
from webipc.core.frame import encode_message
from webipc.core.limits import Limits
from webipc.ports.ends import PortMessage
from webipc.ports.value import PortValue

FIRST_WAIT = 0.1
"""The bound of the wait before the first reconnect in seconds; it doubles."""

NEVER_SENT = "reply was never sent"
"""What a page gets for a call whose server has ended first."""


def _anywhere(random: Random) -> str:
    """Return one of many addresses of this machine."""
    return f"127.{random.randint(2, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"


class Page:
    """One document. `run` connects it until it is cancelled."""

    def __init__(
        self, port: int, name: str, limits: Limits, *, seed: str, address: str = "127.0.0.1", roams: bool = False
    ) -> None:
        """`port` is that of the network. `address` is where the page connects from; `roams`: each time from another.

        A server of several workers chooses one for each connection by where it comes from.
        """
        self.told = Told(name)
        self.random = Random(f"{seed} {name}")
        self._limits = limits
        self._origin = f"http://127.0.0.1:{port}"
        self._url = f"ws://127.0.0.1:{port}/ipc"
        self._place: Callable[[], str] = partial(_anywhere, self.random) if roams else lambda: address
        self._requests = Requests(port, self._origin, self._place, limits)
        self.link = self._new_link()
        self._socket: Socket | None = None
        self._welcome: Welcome | None = None
        self._token: str | None = None
        self._next = 0
        self._wait = FIRST_WAIT
        self.most_wait = 1.0
        """The largest bound of that wait; a client goes up to 10 s."""
        self._blocking = asyncio.Lock()
        self._leaves = False
        self._ports: dict[str, MessagePortMain] = {}
        self.peer: Page | None = None
        """The page that relayed ports lead to."""
        self.relay_to: int | None = None
        """The web contents that they lead to instead."""
        self.ids: list[int] = []
        """The id of its tab, as each welcome has told it."""

    def _new_link(self) -> StressedLink:
        return StressedLink(self._limits, self._posted)

    def _posted(self) -> None:
        if self._socket is not None:
            self._socket.wake()

    @property
    def resumed(self) -> int:
        """How many sockets were welcomed."""
        return len(self.ids)

    @property
    def connected(self) -> bool:
        """Whether a socket carries the link."""
        return self._socket is not None and self._socket.welcome is not None

    @property
    def web_contents_id(self) -> int | None:
        """The id of the page's tab; None before the first welcome."""
        return None if self._welcome is None else self._welcome.web_contents_id

    @property
    def home(self) -> str | None:
        """The name of the process that has the tab, as the last welcome has told it."""
        return None if self._welcome is None else self._welcome.process

    @property
    def is_settled(self) -> bool:
        """Whether it is connected, everything is acknowledged, and every call was answered."""
        return self.connected and self.link.link.kept_count == 0 and not len(self.link.calls)

    @property
    def backlog(self) -> int:
        """How much waits for the server: messages, and calls."""
        return self.link.link.kept_count + len(self.link.calls)

    # --- its sockets ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, again and again, until it leaves."""
        while not self._leaves:
            link = self.link
            try:
                await self._connect()
            except Lost as lost:
                self._lost(link, lost)
            await asyncio.sleep(self.random.random() * self._wait)
            self._wait = min(self._wait * 2, self.most_wait)

    async def _connect(self) -> None:
        socket = self._socket = Socket(self.link, self._limits, self._deliver)
        socket.greeted = self._greeted
        if self._blocking.locked():
            socket.unblocked.clear()
        try:
            await socket.run(self._url, self._origin, self._place(), self._claims())
        finally:
            self._socket = None

    def _claims(self) -> dict[str, str | None]:
        process = None if self._welcome is None else self._welcome.process
        return {"token": self._token, "process": process}

    def _greeted(self, welcome: Welcome) -> None:
        self._welcome = welcome
        self._token = welcome.token
        self.ids.append(welcome.web_contents_id)
        self._wait = FIRST_WAIT

    def _lost(self, link: StressedLink, lost: Lost) -> None:
        if self._leaves or link is not self.link:
            # It has left, or a request has learnt before that the link is over.
            return
        if lost.code == CloseCode.SERVICE_RESTART and lost.reason == "drained":
            self.link.drained()
        then = after_close(lost.code)
        if then is AfterClose.NEW_LINK:
            self._end_link(lost.reason if lost.code == CloseCode.RESET else f"{lost.code} {lost.reason}")
        else:
            assert then is not AfterClose.GIVE_UP, f"{self.told.page} was refused: {lost.code} {lost.reason}"

    def _end_link(self, reason: str) -> None:
        self.told.resets.append(reason)
        self.told.dropped += self.link.link.kept_count
        ended, self.link = self.link, self._new_link()
        self._ports.clear()
        ended.end(reason)
        self._wait = FIRST_WAIT

    async def leave(self) -> None:
        """Say goodbye, by the socket and by a beacon. `run` ends, or is to be cancelled afterwards."""
        self._leaves = True
        if self._socket is not None:
            await self._socket.leave()
        await self._requests.beacon(self.link, self._claims())

    # --- what it does ---------------------------------------------------------------------------------------------

    def _act(self, kind: str) -> int:
        number, self._next = self._next, self._next + 1
        self.told.did(number, kind)
        return number

    def note(self, kind: str = "note") -> None:
        """Send a message: a `note`, which is answered with a push, or a `long note`."""
        number = self._act(kind)
        self.send(kind, self.told.page, number, value_of(number))

    def send(self, channel: str, *args: Any) -> None:
        """Send a message that is no act."""
        self.link.post(encode_message(["send", channel], clone.encode(list(args))))

    def shout(self) -> None:
        """Send a message that the server says to every page."""
        number = self._act("shout")
        self.send("shout", self.told.page, number, value_of(number))

    def call(self, kind: str) -> Answer:
        """Call a handler: `call`, `threaded`, `slow`, `long` or `large`."""
        number = self._act(kind)
        value = bytes_of(number, LARGE) if kind == "large" else value_of(number)
        answer = self.invoke(kind, self.told.page, number, value)
        answer.add_done_callback(lambda done: self._answered(number, kind, done))
        return answer

    def invoke(self, channel: str, *args: Any) -> Answer:
        """Call a handler; this is no act."""
        answer = Answer()
        self.link.call("invoke", channel, args, answer)
        return answer

    def _answered(self, number: int, kind: str, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if isinstance(error, ResetError):
            self.told.told(number, error.code)
        elif isinstance(error, RuntimeError) and NEVER_SENT in str(error):
            self.told.told(number, NO_REPLY)
        elif error is not None:
            self.told.told(number, repr(error))
        else:
            self.told.told(number, ANSWERED if self._is_right(number, kind, answer.result()) else WRONG)

    def _is_right(self, number: int, kind: str, value: Any) -> bool:
        return bytes(value) == bytes_of(number, LARGE) if kind == "large" else is_value_of(number + 1, value)

    async def ask(self, kind: str = "ask") -> None:
        """Call with a request that blocks the page, `ask` or `long ask`: what arrives meanwhile is taken afterwards."""
        async with self._blocking:
            number = self._act(kind)
            link, answer = self.link, Answer()
            call_id = link.call("sync", kind, (self.told.page, number, value_of(number)), answer)
            if self._socket is not None:
                self._socket.unblocked.clear()
            try:
                got = await self._requests.ask(link, call_id, self._claims())
            finally:
                if self._socket is not None:
                    self._socket.unblocked.set()
            self._asked(link, call_id, number, answer, got)

    def _asked(self, link: StressedLink, call_id: int, number: int, answer: Answer, got: Any) -> None:
        ended = link.calls.settle(call_id) is None
        if isinstance(got, Refusal):
            may_have_run = link.may_have_run(answer.seq)
            self.told.told(number, UNKNOWN if may_have_run else "not-sent")
            if after_close(got.code) is AfterClose.NEW_LINK and link is self.link:
                self._end_link(got.reason)
                if self._socket is not None:
                    self._socket.drop()
        elif got is None:
            link.link.replace(answer.seq, encode_message(["void"]))
            self.told.told(number, UNKNOWN)
        else:
            self.told.told(number, self._outcome(number, got))
            if not ended:
                link.post(encode_message(["sync-done", call_id]))
        if answer.done():
            # The link has ended meanwhile, and this call with it; what its request said counts.
            answer.exception()

    def _outcome(self, number: int, got: Any) -> str:
        value = decode_value(got, self._limits) if isinstance(got, Result) else None
        if value == {"error": NEVER_SENT}:
            return NO_REPLY
        return ANSWERED if is_value_of(number + 1, value) else WRONG

    def post_to_port(self, kind: str) -> None:
        """Post into the page's port of this kind: `port` leads to the server, `relay` to the peer."""
        if kind not in self._ports and not self._open_port(kind):
            return
        number = self._act(kind)
        self._ports[kind].post_message([number, value_of(number)])

    def _open_port(self, kind: str) -> bool:
        target = self.relay_to or (None if self.peer is None else self.peer.web_contents_id)
        if kind == "relay" and target is None:
            return False
        channel = MessageChannelMain()
        mine = channel.port1
        mine.on("message", lambda message: self._echoed(kind, message.data))
        mine.on("close", lambda *_: self._ports.pop(kind, None) if self._ports.get(kind) is mine else None)
        mine.start()
        args = [self.told.page] if kind == "port" else [self.told.page, target]
        cloned = clone.encode(args[0] if kind == "port" else args, root="message")
        value = PortValue(cloned.skeleton, cloned.fixups, cloned.segments)
        carried = PortMessage(value, (channel.port2.neuter(),))
        self.link.ports.send(["post", kind], carried)
        self._ports[kind] = mine
        self.told.opened.setdefault(kind, []).append(self._next)
        return True

    # --- what it hears --------------------------------------------------------------------------------------------

    def _echoed(self, kind: str, data: Any) -> None:
        number, value = data
        self.told.echoes[kind].append(number if is_value_of(number, value) else -1)

    def _deliver(self, envelopes: Sequence[Any]) -> None:
        for envelope in envelopes:
            self._take(envelope)

    def _take(self, envelope: Any) -> None:
        if isinstance(envelope, Result | ErrorReply):
            self._settle(envelope)
        elif isinstance(envelope, Send):
            self._heard(envelope.channel, decode_value(envelope, self._limits))
        elif isinstance(envelope, Post):
            self._take_relayed(envelope)
        elif isinstance(envelope, Port):
            self.link.ports.receive(envelope)
        elif isinstance(envelope, PortClose):
            self.link.ports.receive_close(envelope)

    def _heard(self, channel: str, args: Sequence[Any]) -> None:
        if channel == "heard":
            page, number = args
            self.told.heard.setdefault(page, []).append(number)
        else:
            self.told.pushes.append(args[0])

    def _settle(self, envelope: Result | ErrorReply) -> None:
        value = decode_value(envelope, self._limits)
        record = self.link.calls.settle(envelope.id)
        if record is None:
            self.told.again.append(envelope.id)
            return
        if record[1].done():
            return
        if isinstance(envelope, Result):
            record[1].set_result(value)
        else:
            record[1].set_exception(RuntimeError(value["message"]))

    def _take_relayed(self, envelope: Post) -> None:
        """Take a port of another page: say what comes, and send it back."""
        page = decode_value(envelope, self._limits)
        (end,) = self.link.ports.accept(envelope.ports)
        port = MessagePortMain(end)

        def heard(message: Any) -> None:
            number, value = message.data
            self.send("relayed", page, number, is_value_of(number, value))
            port.post_message([number, value])

        port.on("message", heard)
        port.start()
