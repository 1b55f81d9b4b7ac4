"""Two links and a network that loses, delays and overtakes, driven at random: every message once, in order, both ways.

Everything travels as real frames. Sockets of one link live side by side: each keeps its own order, breaks at any
place, and delivers late what it still holds. Bodies overtake sockets, get lost and come twice. In the end one socket
holds, and nothing may be missing. WEBIPC_HYPOTHESIS=thorough runs many more examples.
"""

import json
import os
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from webipc.core.envelope import Bye, Hello, Send, Void, Welcome, parse_control
from webipc.core.errors import BufferFullError
from webipc.core.frame import (
    EncodedMessage,
    Frame,
    decode_body,
    decode_frame,
    encode_body,
    encode_control,
    sized,
)
from webipc.core.limits import Limits
from webipc.core.link import Link, Side
from webipc.core.link.held import held_by
from webipc.core.link.snapshot import restore, snapshot

THOROUGH = os.environ.get("WEBIPC_HYPOTHESIS") == "thorough"
TOKEN = "0" * 32
LIMITS = Limits(
    part_bytes=60,
    message_bytes=700,
    frame_messages=3,
    frame_bytes=200,
    socket_bytes=300,
    ack_messages=5,
    ack_bytes=400,
    kept_messages=25,
    kept_bytes=4000,
)
VOID = sized(b'["void"]', ())

# Five seconds of a processor, which a machine that is busy gives in minutes.
pytestmark = pytest.mark.timeout(3600 if THOROUGH else 300)


class Sent(NamedTuple):
    """What has to arrive: the value and the segments of a message."""

    value: Any
    segments: list[bytes]


@dataclass
class Peer:
    """One side of the link, with what it posted and what it got."""

    link: Link
    posted: list[Sent] = field(default_factory=list)
    # By the place in `posted`: what may arrive as void.
    given_up: set[int] = field(default_factory=set)
    # The numbers of the messages, by the place in `posted`.
    numbers: list[int] = field(default_factory=list)
    came: int = 0


@dataclass
class Socket:
    """A socket of the link: in each direction what is under way, in its order."""

    attempt: int
    to_main: deque[str | bytes] = field(default_factory=deque)
    to_page: deque[str | bytes] = field(default_factory=deque)
    broken: bool = False

    def way(self, to: Side) -> deque[str | bytes]:
        return self.to_main if to is Side.MAIN else self.to_page

    def push(self, to: Side, frame: str | bytes) -> None:
        if not self.broken:
            self.way(to).append(frame)


SIDES = st.sampled_from(Side)
PICK = st.integers(0, 2**16)


def other(side: Side) -> Side:
    return Side.MAIN if side is Side.RENDERER else Side.RENDERER


class LinkMachine(RuleBasedStateMachine):
    """Rules are what applications, networks and browsers do; invariants are what PROTOCOL.md section 10 promises."""

    @initialize()
    def begin(self) -> None:
        self.peers = {side: Peer(Link(side, LIMITS)) for side in Side}
        self.sockets: list[Socket] = []
        self.bodies: list[bytes] = []
        # What the server has to know: the highest attempt whose hello has come.
        self.claimed = 0

    # --- what applications do

    @rule(
        side=SIDES, count=st.integers(1, 6), size=st.sampled_from([0, 0, 0, 10, 80, 190, 500]), segments=st.booleans()
    )
    def post(self, side: Side, count: int, size: int, *, segments: bool) -> None:
        for _ in range(count):
            self.post_one(self.peers[side], size, segments=segments)

    def post_one(self, peer: Peer, size: int, *, segments: bool) -> None:
        sent = Sent([len(peer.posted), "x" * size], [b"s" * (size // 4), b"t"] if segments else [])
        last = peer.link.last
        try:
            number = peer.link.post(encoded(sent))
        except BufferFullError:
            assert peer.link.last == last
        else:
            peer.numbers.append(number)
            peer.posted.append(sent)

    @precondition(lambda self: any(peer.posted for peer in self.peers.values()))
    @rule(side=SIDES, pick=PICK)
    def give_up(self, side: Side, pick: int) -> None:
        peer = self.peers[side]
        if peer.posted:
            index = pick % len(peer.posted)
            peer.given_up.add(index)
            peer.link.replace(peer.numbers[index], VOID)

    # --- what browsers and servers do

    @rule(welcomed=st.booleans())
    def reconnect(self, *, welcomed: bool) -> None:
        """The page opens its next socket, whether or not it knows that the last one is lost."""
        self.open_socket()
        socket = self.sockets[-1]
        if welcomed:
            self.arrive(Side.MAIN, socket, socket.to_main.popleft())
            self.arrive(Side.RENDERER, socket, socket.to_page.popleft())

    @rule(size=st.sampled_from([0, 190]), welcomed=st.booleans())
    def reconnect_while_messages_are_under_way(self, size: int, *, welcomed: bool) -> None:
        for side in Side:
            self.post_one(self.peers[side], size, segments=False)
            self.flush_all(side)
        self.reconnect(welcomed=welcomed)

    def open_socket(self) -> None:
        link = self.peers[Side.RENDERER].link
        attempt = len(self.sockets) + 1
        if link.attempt is not None:
            link.detach(link.attempt)
        self.sockets.append(Socket(attempt))
        self.sockets[-1].push(Side.MAIN, self.hello(attempt))

    def hello(self, attempt: int) -> str:
        link = self.peers[Side.RENDERER].link
        fields = {"link": TOKEN, "secret": TOKEN, "attempt": attempt, "received": link.received, "first": link.first}
        return encode_control(link.received, "hello", {**fields, "fresh": link.fresh, "features": []})

    @rule(side=SIDES)
    def flush(self, side: Side) -> None:
        self.flush_all(side)

    @rule(side=SIDES, size=st.sampled_from([0, 190]))
    def post_and_flush(self, side: Side, size: int) -> None:
        self.post_one(self.peers[side], size, segments=False)
        self.flush_all(side)

    def flush_all(self, side: Side) -> None:
        link = self.peers[side].link
        while (frame := link.take_frame()) is not None:
            self.push(link, frame)

    @rule(side=SIDES)
    def bare(self, side: Side) -> None:
        self.bare_one(side)

    def bare_one(self, side: Side) -> None:
        link = self.peers[side].link
        if link.attached:
            self.push(link, link.bare_frame())

    @rule(size=st.sampled_from([None, 100, 1000]))
    def beacon(self, size: int | None) -> None:
        link = self.peers[Side.RENDERER].link
        frames = link.backlog(size)
        assert size is None or sum(map(len, frames)) <= size
        self.bodies.append(encode_body([self.hello(0), *frames, encode_control(link.received, "bye", link.last)]))

    @rule(side=SIDES)
    def notice(self, side: Side) -> None:
        """A side learns that its socket is broken."""
        link = self.peers[side].link
        if link.attempt is not None and self.sockets[link.attempt - 1].broken:
            link.detach(link.attempt)

    @precondition(lambda self: self.sockets)
    @rule(side=SIDES, pick=PICK)
    def notice_late(self, side: Side, pick: int) -> None:
        """An older socket ends when another one owns the link: nothing may change."""
        link = self.peers[side].link
        attempt = pick % len(self.sockets) + 1
        if attempt != link.attempt:
            before = snapshot(link)
            link.detach(attempt)
            assert snapshot(link) == before

    @rule(side=SIDES)
    def restore(self, side: Side) -> None:
        """The link moves to another process; it goes on identically."""
        peer = self.peers[side]
        state = snapshot(peer.link)
        before = (peer.link.kept_bytes, peer.link.kept_count, peer.link.ack_due, peer.link.ack_owed, peer.link.last)
        peer.link = restore(side, LIMITS, state)
        restored = (peer.link.kept_bytes, peer.link.kept_count, peer.link.ack_due, peer.link.ack_owed, peer.link.last)
        assert (snapshot(peer.link), restored) == (state, before)

    # --- what networks do

    @precondition(lambda self: self.sockets)
    @rule(pick=PICK, to=SIDES, count=st.integers(1, 8))
    def deliver(self, pick: int, to: Side, count: int) -> None:
        under_way = [socket for socket in self.sockets if socket.way(to)] or self.sockets
        socket = under_way[pick % len(under_way)]
        for _ in range(min(count, len(socket.way(to)))):
            self.arrive(to, socket, socket.way(to).popleft())

    @precondition(lambda self: self.sockets)
    @rule(keep_main=st.integers(0, 5), keep_page=st.integers(0, 5))
    def cut(self, keep_main: int, keep_page: int) -> None:
        """The newest socket breaks; of what is under way a beginning still arrives, now or later."""
        socket = self.sockets[-1]
        socket.broken = True
        for way, keep in ((socket.to_main, keep_main), (socket.to_page, keep_page)):
            while len(way) > keep:
                way.pop()

    @precondition(lambda self: self.bodies)
    @rule(pick=PICK, again=st.booleans())
    def deliver_body(self, pick: int, *, again: bool) -> None:
        index = pick % len(self.bodies)
        for frame in decode_body(self.bodies[index] if again else self.bodies.pop(index), LIMITS):
            assert frame.control is None or isinstance(parse_control(frame.control), Hello | Bye)
            self.receive(Side.MAIN, frame, None)

    # --- what arrives

    def push(self, link: Link, frame: str | bytes) -> None:
        assert link.attempt is not None
        decoded = decode_frame(frame, LIMITS)
        assert decoded.size <= LIMITS.frame_bytes or len(decoded.messages) == 1
        assert len(decoded.messages) <= LIMITS.frame_messages
        self.sockets[link.attempt - 1].push(other(link.side), frame)

    def arrive(self, side: Side, socket: Socket, data: str | bytes) -> None:
        frame = decode_frame(data, LIMITS)
        control = None if frame.control is None else parse_control(frame.control)
        if isinstance(control, Hello):
            self.hello_came(socket, control)
        elif isinstance(control, Welcome):
            self.welcome_came(socket, control)
        else:
            self.receive(side, frame, socket.attempt)

    def hello_came(self, socket: Socket, hello: Hello) -> None:
        link = self.peers[Side.MAIN].link
        assert link.claim(socket.attempt) is (socket.attempt > self.claimed)
        if socket.attempt < self.claimed:
            socket.broken = True
            return
        self.claimed = socket.attempt
        assert link.can_resume(hello.first, hello.received), "a reset was not called for"
        link.attach(socket.attempt, hello.received)
        fields = {"received": link.received, "features": [], "process": "p", "webContentsId": 1, "messageBytes": 700}
        fields |= {"token": TOKEN, "frameToken": TOKEN}
        socket.push(Side.RENDERER, encode_control(link.received, "welcome", fields))

    def welcome_came(self, socket: Socket, welcome: Welcome) -> None:
        # The page has one socket; a welcome on an earlier one is too late.
        if socket is self.sockets[-1]:
            self.peers[Side.RENDERER].link.attach(socket.attempt, welcome.received)

    def receive(self, side: Side, frame: Frame, attempt: int | None) -> None:
        peer, sender = self.peers[side], self.peers[other(side)]
        before = snapshot(peer.link)
        came = peer.link.receive(frame, attempt)
        if attempt not in {None, self.owner(side)}:
            assert (came, snapshot(peer.link)) == ([], before)
        for envelope in came:
            assert peer.came < len(sender.posted), "more came than was sent"
            self.check(envelope, sender, peer.came)
            peer.came += 1
        if peer.link.ack_due and peer.link.attached:
            self.push(peer.link, peer.link.bare_frame())

    def owner(self, side: Side) -> int | None:
        """Which socket may deliver frames to a side, as far as that side knows."""
        if side is Side.MAIN:
            return self.claimed if self.peers[side].link.attached else None
        return len(self.sockets) if self.peers[side].link.attached else None

    def check(self, envelope: Any, sender: Peer, index: int) -> None:
        if isinstance(envelope, Void):
            assert index in sender.given_up
            return
        assert isinstance(envelope, Send)
        assert Sent(envelope.value, list(map(bytes, envelope.segments))) == sender.posted[index]
        assert sender.link.was_handed(sender.numbers[index])

    # --- what is always so

    @invariant()
    def nothing_is_forgotten_too_early(self) -> None:
        for side in Side:
            link, peer = self.peers[side].link, self.peers[other(side)].link
            assert link.first - 1 <= peer.received <= link.last
            assert link.kept_count == link.last - link.first + 1

    @invariant()
    def nothing_grows_beyond_its_limit(self) -> None:
        for peer in self.peers.values():
            assert peer.link.kept_count <= LIMITS.kept_messages
            assert peer.link.kept_bytes <= LIMITS.kept_bytes
            assert peer.link.held == sum(map(held_by, peer.link.kept.values()))
            assert peer.link.kept_bytes == sum(message.size for message in peer.link.kept.values())
            assert len(snapshot(peer.link)["parcel"]) <= LIMITS.message_bytes

    def teardown(self) -> None:
        """A socket that holds brings the rest, and both sides learn that nothing need be kept."""
        if not hasattr(self, "peers"):
            return
        self.open_socket()
        for _ in range(3):
            for side in Side:
                self.settle(side)
        for side, peer in self.peers.items():
            assert (peer.link.kept_count, peer.link.kept_bytes) == (0, 0)
            assert self.peers[other(side)].came == len(peer.posted)

    def settle(self, side: Side) -> None:
        socket = self.sockets[-1]
        self.flush_all(side)
        self.bare_one(side)
        while socket.way(other(side)):
            self.arrive(other(side), socket, socket.way(other(side)).popleft())


def encoded(sent: Sent) -> EncodedMessage:
    fixups = [["b", [index], index] for index in range(len(sent.segments))]
    fields = ["send", "c", sent.value, *([fixups] if fixups else [])]
    return sized(json.dumps(fields, separators=(",", ":")).encode(), sent.segments)


TestLinkMachine = LinkMachine.TestCase
TestLinkMachine.settings = settings(
    max_examples=3000 if THOROUGH else 300,
    stateful_step_count=150 if THOROUGH else 50,
    # The normal run has the same examples every time; the thorough one has new ones.
    derandomize=not THOROUGH,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
