"""The link of one document with the server: numbers messages, keeps them until they are acknowledged, replays them on
the next socket and drops what comes twice (PROTOCOL.md 6.2-6.6). Large messages travel in parts: parcel.py.

It has no sockets and no clock: its owner passes frames in and takes frames out. It compares numbers only, so
any mixture of sockets and request bodies may carry the frames. Twin: js-client/src/core/link/index.ts
"""

from collections.abc import Iterator, Sequence
from enum import Enum

from webipc.core.envelope import Envelope, Part, parse
from webipc.core.errors import LimitError, LinkEndedError, LocalError, ProtocolError, ResetError
from webipc.core.frame import EncodedMessage, Frame, RawMessage, encode_frame
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.batch import batch_of
from webipc.core.link.held import MESSAGE_HELD, Room, check_kept, extra_of, held_by
from webipc.core.link.large import Arrived
from webipc.core.link.parcel import Parcel, cut, is_part
from webipc.core.link.sizes import frame_size
from webipc.core.link.state import LinkState


class Side(Enum):
    """The two roles: the server is MAIN, the page RENDERER."""

    MAIN = "main"
    RENDERER = "renderer"


class Link(LinkState):
    """One end of a link, for either side. Every method is synchronous and leaves the link unchanged when it raises,
    except for `ProtocolError`, after which the link has to end.

    Order: messages arrive in the order of `post`, each once, however many sockets and bodies carry them.

    Its fields are in state.py. Others may read them; only this file and snapshot.py write them.
    """

    __slots__ = ("side",)

    def __init__(self, side: Side, limits: Limits = DEFAULT_LIMITS, asked: Room | None = None, room: int = 0) -> None:
        """`asked` is asked when the kept messages take more than `room` bytes; None: only the limits count."""
        super().__init__(limits, asked, room)
        self.side = side

    @property
    def attached(self) -> bool:
        """Whether a socket carries the link."""
        return self.attempt is not None

    @property
    def last(self) -> int:
        """The last number that was used."""
        return self.first + len(self.kept) - 1

    @property
    def fresh(self) -> bool:
        """Whether no numbered message of this link was ever in a frame (PROTOCOL.md 6.1)."""
        return self.handed == 0

    @property
    def kept_count(self) -> int:
        """How many messages the peer has not acknowledged; parts count."""
        return len(self.kept)

    @property
    def kept_bytes(self) -> int:
        """The bytes of all kept messages, as `kept_bytes` of the limits counts them."""
        return self.held - MESSAGE_HELD * len(self.kept) - self.extra

    @property
    def is_full(self) -> bool:
        """Whether as many messages are unsent as one frame holds, so that waiting for more gains nothing."""
        return self.first + len(self.kept) - self.next >= self._limits.frame_messages

    @property
    def ack_owed(self) -> bool:
        """Whether a message was received that is not acknowledged yet."""
        return self.owed_messages > 0

    @property
    def ack_due(self) -> bool:
        """Whether so much is not acknowledged that a bare frame has to do it now (PROTOCOL.md 6.3)."""
        return self.owed_messages >= self._limits.ack_messages or self.owed_bytes >= self._limits.ack_bytes

    def was_handed(self, seq: int) -> bool:
        """Tell whether the message was ever in a frame: then the peer may have received it. Also after `end`."""
        return seq <= self.handed

    def post(self, message: EncodedMessage, shared: bool = False) -> int:  # noqa: FBT001, FBT002 - for speed
        """Number and keep a message, in parts when it is large; it leaves with a later `take_frame` or `backlog`.

        `shared` is for a `SharedMessage`. Returns the number of the message, or of its last part.

        Raises:
            LimitError: the message, or its parcel, is larger than `message_bytes`. Nothing was numbered.
            BufferFullError: there is no room until the peer acknowledges. Nothing was numbered.
            LinkEndedError: the link is over, or has been ended to make room.
        """
        if self.ended:
            raise LinkEndedError
        size = message.size
        if size >= self._plain_bytes or message.segments:
            return self._post_parts(message)
        if shared:
            return self._post_shared(message)
        # The most frequent message is small and has no segments: it needs no further look.
        held = self.held + size + MESSAGE_HELD
        if held > self.room:
            self._make_room(held, self.kept_bytes + size, 1)
        kept = self.kept
        seq = self.first + len(kept)
        kept[seq] = message
        self.held = held
        return seq

    def _post_shared(self, message: EncodedMessage) -> int:
        """Post a small message that other links keep as well: this one holds no more than a place for it."""
        kept, size = self.kept, message.size
        held = self.held + MESSAGE_HELD
        if held > self.room - size:
            self._make_room(held, self.kept_bytes + size, 1)
        seq = self.first + len(kept)
        kept[seq] = message
        self.held, self.extra = held, self.extra - size
        # It counts for `kept_bytes`, though it is not held.
        self.room -= size
        return seq

    def _post_parts(self, message: EncodedMessage) -> int:
        """Post any message: as it is, or in parts."""
        limits = self._limits
        if message.size > limits.message_bytes:
            raise LimitError("message_bytes", message.size, limits.message_bytes)
        parts = cut(message, limits, self.piece)
        size, extra = sum(part.size for part in parts), extra_of(parts)
        held = self.held + size + MESSAGE_HELD * len(parts) + extra
        self._make_room(held, self.kept_bytes + size, len(parts))
        self.kept.update(enumerate(parts, self.first + len(self.kept)))
        self.held, self.extra = held, self.extra + extra
        self.room += min(extra, 0)
        return self.last

    def _make_room(self, held: int, kept_bytes: int, more: int) -> None:
        """Ask for room if need be. Raises BufferFullError at a limit and where there is none, LinkEndedError."""
        check_kept(kept_bytes, len(self.kept) + more, self._limits)
        if self._asked is not None and held > self.granted:
            self.granted = self._asked.more(held)
            if self.ended:
                raise LinkEndedError
        self.room = min(self.granted, self._most_held + min(self.extra, 0))

    def replace(self, seq: int, message: EncodedMessage) -> None:
        """Replace a kept message that is given up, under its number: by `["void"]`.

        Does nothing when the peer has acknowledged it, or when it is a part: other parts of its parcel may have
        arrived, and no other message may come between them (PROTOCOL.md 4.3).
        """
        old = self.kept.get(seq)
        if old is not None and not is_part(old):
            self.held += held_by(message) - held_by(old)
            self.extra += extra_of((message,)) - extra_of((old,))
            self.kept[seq] = message

    def claim(self, attempt: int) -> bool:
        """For MAIN, on `hello`: tell whether this socket is newer than all before (PROTOCOL.md 6.4).

        If it is, frames of older sockets are ignored from now on, and no socket carries the link until `attach`.
        """
        if attempt <= self.claimed:
            return False
        self.claimed = attempt
        self.attempt = None
        return True

    def can_resume(self, first: int, received: int) -> bool:
        """Tell whether a peer that keeps from `first` on, and has received up to `received`, can resume this link.

        It cannot when one side lacks what the other no longer keeps, or says that it received what was never sent:
        `gap` of PROTOCOL.md 6.5.
        """
        return first <= self.received + 1 and self.first - 1 <= received <= self.handed

    def attach(self, attempt: int, peer_received: int) -> None:
        """Let a socket carry the link, after `hello` and `welcome`: what the peer lacks is sent again.

        Raises:
            ResetError: `gap`; the peer cannot have received just that (see `can_resume`).
            LocalError: a newer socket has claimed the link since.
        """
        if attempt < self.claimed:
            raise LocalError(f"attempt {attempt} cannot carry the link, attempt {self.claimed} has claimed it")
        if not self.can_resume(self.received + 1, peer_received):
            raise ResetError("gap")
        self._forget(peer_received)
        self.next = self.first
        self.reset_pace()
        self.claimed = self.attempt = attempt
        # Our hello or welcome has just acknowledged what was received.
        self.owed_messages = self.owed_bytes = 0

    def detach(self, attempt: int) -> None:
        """Take the link from a socket that has ended. Does nothing when another one owns the link by now."""
        if self.attempt == attempt:
            self.attempt = None

    def take_frame(self, *, beyond_window: bool = False) -> str | bytes | None:
        """Return the next unsent messages as one frame for the attached socket; None when there are none, or no socket.

        It holds as many messages as PROTOCOL.md section 3 allows; a part is alone in it. While the window of the pace
        is full, messages stay here until something is acknowledged, unless `beyond_window`.
        """
        seq = self.next
        if self.attempt is None or (unsent := self.first + len(self.kept) - seq) == 0:
            return None
        if self.under_way >= self.window and not beyond_window:
            return None
        # A single message fits into a frame in any case.
        batch = batch_of(self._kept_from(seq), self._limits) if unsent > 1 else (self.kept[seq],)
        frame = encode_frame(seq, self.received, batch)
        self.next = seq + len(batch)
        self.handed = max(self.handed, self.next - 1)
        self.owed_messages = self.owed_bytes = 0
        self.under_way += len(frame)
        return frame

    def bare_frame(self) -> str:
        """Return a bare frame: an acknowledgement and a heartbeat."""
        self.owed_messages = self.owed_bytes = 0
        # As `encode_frame` without messages: a heartbeat is all that most links send.
        return f"[{self.last + 1},{self.received}]"

    def backlog(self, max_bytes: int | None = None) -> list[str | bytes]:
        """Return what is kept, oldest first, as frames for the body of a request; of at most `max_bytes` altogether.

        The socket still sends it too: the peer recognises repeated messages by their numbers. What was received still
        has to be acknowledged on the socket, because a body may never be read.
        """
        frames: list[str | bytes] = []
        seq, room = self.first, max_bytes
        while batch := batch_of(self._kept_from(seq), self._limits, room):
            frames.append(encode_frame(seq, self.received, batch))
            seq += len(batch)
            self.handed = max(self.handed, seq - 1)
            if room is not None:
                room -= frame_size(batch)
        return frames

    def retract(self, carried: int) -> None:
        """Note that the peer has taken nothing above what it has acknowledged, and never will (PROTOCOL.md 6.5).

        Then no message above was handed to it, except up to `carried`.
        """
        self.handed = max(self.first - 1, carried)

    def receive(self, frame: Frame, attempt: int | None) -> Sequence[Arrived]:
        """Take a frame: its acknowledgement first. Return the messages that are new, each once and in order.

        MAIN gets a large parcel as a `Whole`, because it has other links to serve (large.py).

        Args:
            frame: the received frame; of a control frame only the acknowledgement is read.
            attempt: the socket that delivered it, or None for the body of a request. Frames of a socket that does not
                own the link are ignored (PROTOCOL.md 6.4).

        Raises:
            ProtocolError: the link has to end.
        """
        if self.ended or (attempt is not None and attempt != self.attempt):
            return []
        if frame.ack > self.handed:
            raise ProtocolError(f"number {frame.ack} was acknowledged; the last one that was sent is {self.handed}")
        if frame.ack >= self.first:
            self._forget(frame.ack)
        messages = frame.messages if frame.seq == self.received + 1 else self._new_messages(frame)
        if not messages:
            return []
        envelopes = parse(messages, self._limits)
        arrived: Sequence[Arrived] = envelopes
        if self.parcel is not None or Part in map(type, envelopes):
            arrived = self._joined(envelopes)
        self.received += len(messages)
        self.owed_messages += len(messages)
        self.owed_bytes += frame.size
        return arrived

    def end(self) -> int:
        """End the link. Return how many messages, parts counted, are given up: the peer has not acknowledged them."""
        count = self.kept_count
        self._forget(self.last)
        self.parcel = self.whole = self.attempt = None
        self.ended = True
        return count

    def _kept_from(self, seq: int) -> Iterator[EncodedMessage]:
        """Yield the kept messages from this number on."""
        return map(self.kept.__getitem__, range(seq, self.first + len(self.kept)))

    def _forget(self, up_to: int) -> None:
        """Drop what the peer has received: up to this number, which is the one before the lowest kept, or higher."""
        kept, first = self.kept, self.first
        if up_to - first + 1 == len(kept):
            # Most acknowledgements are of everything. A new dict, because one that was emptied keeps its size.
            self.kept, self.held, self.extra = {}, 0, 0
            self.acked += self.under_way
            self.under_way = 0
        else:
            gone = [kept.pop(seq) for seq in range(first, up_to + 1)]
            if len(gone) > len(kept):
                self.kept = dict(kept)
            size = sum(message.size for message in gone)
            self.held -= size + MESSAGE_HELD * len(gone)
            self.acked += size
            self.under_way = max(self.under_way - size, 0) if up_to + 1 < self.next else 0
            if self.extra and (extra := extra_of(gone)):
                self.held -= extra
                self.extra -= extra
        self.first = up_to + 1
        if self.next <= up_to:
            # An acknowledgement may include messages that the socket has not sent: a body has delivered them first.
            self.next = up_to + 1

    def _joined(self, envelopes: list[Envelope]) -> list[Arrived]:
        """Return the messages, with the parts of a parcel replaced by its message once it is complete."""
        parcel = self.parcel or Parcel(self._limits)
        arrived = parcel.joined(envelopes, self.load, opens_large=self.side is Side.RENDERER)
        self.parcel = parcel if parcel.remaining else None
        self.whole = parcel.whole
        return arrived

    def _new_messages(self, frame: Frame) -> list[RawMessage]:
        """Return what was not received before (PROTOCOL.md 6.2). Raises ProtocolError when messages are missing."""
        known = self.received + 1 - frame.seq
        if known < 0 and frame.messages:
            raise ProtocolError(f"the next number is {self.received + 1}; {frame.seq} came")
        return frame.messages[max(known, 0) :]
