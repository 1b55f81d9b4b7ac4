"""WebSocket frames (RFC 6455, section 5): splits the bytes that a client sends, and makes the header of a server frame.

The splitter reads only messages in a single frame, which is nearly all of them. Fragments, control frames and every
protocol error stay with its user: the splitter returns their bytes unchanged, pings and pongs as whole frames.
It does no I/O and imports no server. A failed connection, a limit or a close code is the business of its user.
"""

from typing import Final, Protocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # the compiled extension of `websockets` is optional
    from websockets.utils import apply_mask

# The first byte of a frame: FIN bit, reserved bits, opcode. These two are a complete message of each type.
TEXT: Final = 0x81
BINARY: Final = 0x82
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A
_FIN: Final = 0x80
_OPCODE: Final = 0x0F
_DATA: Final = frozenset({0x0, 0x1, 0x2})
_CONTROL: Final = frozenset({0x8, 0x9, 0xA})
_CONTROL_BYTES: Final = 125

# The second byte: the mask bit, and a length or the size of the field that has it.
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_IN_2_BYTES: Final = 126
_IN_8_BYTES: Final = 127

COPIED_BYTES: Final = 16_384
"""A payload up to this size is copied; a larger one is passed on without a copy."""

# More frames than a segment has.
_ALL: Final = 1 << 63


class Messages(Protocol):
    """Where a splitter puts messages, such as a list or a deque."""

    def append(self, message: str | bytes, /) -> None:
        """Add one message behind the others."""


class FrameSplitter:
    """Splits the bytes of one connection into messages and into bytes for the WebSocket library.

    Call `feed` with each segment. It appends complete messages to a list. When it returns bytes, pass them to the
    library first, then call `resume` for the rest of the segment: this keeps the order of the messages. For example:

        foreign = splitter.feed(data, messages)
        while foreign is not None:
            library.receive_data(foreign)
            foreign = splitter.resume(messages)

    To bound the work of one turn, pass the number of messages to stop behind. Then `unsplit` is what is left: `hold`
    further segments behind it, and `resume` in a later turn.

    Incomplete frames are kept as their bytes arrive: no memory is allocated for an announced length, and nothing is
    kept of a frame that is larger than `max_size`.
    """

    __slots__ = ("_at", "_foreign", "_in_fragments", "_kept", "_large", "_wanted", "max_size", "segment")

    def __init__(self, max_size: int) -> None:
        """`max_size` is the largest payload in bytes; the header of a larger frame is returned as foreign."""
        self.max_size = max_size
        # The bytes of an incomplete frame, and how many of them are needed to continue.
        self._kept: bytearray | None = None
        self._wanted = 0
        # The incomplete frame instead, where its payload is large.
        self._large: _LargeFrame | None = None
        # How many bytes of the current foreign frame have not been returned yet.
        self._foreign = 0
        # A fragmented message has begun. All its frames are foreign.
        self._in_fragments = False
        # The bytes that wait for `resume`, and where it continues in them. Empty when nothing is `unsplit`.
        self.segment: bytes | bytearray = b""
        self._at = 0

    @property
    def unsplit(self) -> int:
        """The number of bytes that wait for `resume`."""
        return len(self.segment) - self._at

    @property
    def is_between_messages(self) -> bool:
        """Whether all bytes that were returned as foreign are whole frames and whole messages."""
        return not self._foreign and not self._in_fragments

    def feed(self, data: bytes | bytearray, messages: Messages, most: int = _ALL) -> bytes | None:
        """Append the messages that `data` completes, up to the first foreign byte and `most` messages.

        Returns the foreign bytes, or None when there are none before the end of `data` or behind `most` messages.
        Call it only when nothing is `unsplit`.
        """
        if self._large is not None:
            return self._fill(self._large, data, messages, most)
        kept = self._kept
        if kept is None:
            return self._split(data, 0, messages, most)
        kept += data
        if len(kept) < self._wanted:
            return None
        self._kept = None
        return self._split(kept, 0, messages, most)

    def is_part(self, data: bytes) -> bool:
        """Return whether `data` is a part of one large message of ours, and does not complete it."""
        if self._large is not None:
            return len(data) < self._large.missing
        if self._kept is not None or self._foreign or len(data) <= COPIED_BYTES:
            return False
        header, size = _measure(data, 0)
        return header + size > len(data) and self._is_ours(data, 0, size)

    def hold(self, data: bytes) -> None:
        """Keep a segment behind the bytes that are not split yet."""
        if not self.segment:
            self.segment, self._at = data, 0
            return
        if isinstance(self.segment, bytearray):
            del self.segment[: self._at]
        else:
            self.segment = bytearray(memoryview(self.segment)[self._at :])
        self.segment += data
        self._at = 0

    def resume(self, messages: Messages, most: int = _ALL) -> bytes | None:
        """Continue with the bytes that are not split yet. Returns the same as `feed`."""
        segment, at = self.segment, self._at
        self.segment, self._at = b"", 0
        if self._kept is not None or self._large is not None:
            # Held while a frame was incomplete.
            return self.feed(segment, messages, most)
        return self._split(segment, at, messages, most)

    def _split(self, data: bytes | bytearray, at: int, messages: Messages, most: int) -> bytes | None:
        end = len(data)
        if self._foreign and at < end:
            return self._foreign_bytes(data, at)
        while at < end:
            if not most:
                self.segment, self._at = data, at
                return None
            header, size = _measure(data, at)
            start = at + header
            is_complete = size >= 0 and start + size <= end
            if not is_complete and self._may_be_kept(data, at, size):
                self._keep(memoryview(data)[at:], header, size)
                return None
            if is_complete and self._is_ours(data, at, size):
                # Making a view costs as much as copying some hundred bytes.
                payload = data[start : start + size] if size <= COPIED_BYTES else memoryview(data)[start : start + size]
                if _append(messages, data[at], apply_mask(payload, data[start - 4 : start])):
                    at = start + size
                    most -= 1
                    continue
            self._foreign = header + size if size >= 0 else end - at
            if data[at] & _OPCODE in _DATA:
                self._in_fragments = not data[at] & _FIN
            return self._foreign_bytes(data, at)
        return None

    def _keep(self, data: memoryview, header: int, size: int) -> None:
        """Keep the bytes of an incomplete frame."""
        if size <= COPIED_BYTES:
            self._kept, self._wanted = bytearray(data), header + max(size, 0)
        elif len(data) < header:
            self._kept, self._wanted = bytearray(data), header
        else:
            self._large = _LargeFrame(bytes(data[:header]), size)
            self._large.add(data[header:])

    def _fill(self, large: "_LargeFrame", data: bytes | bytearray, messages: Messages, most: int) -> bytes | None:
        """Continue a large frame with a segment."""
        at = large.add(memoryview(data))
        if large.missing:
            return None
        self._large = None
        payload = large.payload()
        if _append(messages, large.header[0], payload):
            return self._split(data, at, messages, most - 1)
        if at < len(data):
            self.segment, self._at = data, at
        return large.header + apply_mask(payload, large.header[-4:])

    def _foreign_bytes(self, data: bytes | bytearray, at: int) -> bytes:
        """Return what `data` has of the foreign frame; `resume` continues behind it."""
        end = min(at + self._foreign, len(data))
        self._foreign -= end - at
        foreign = bytes(memoryview(data)[at:end])
        if end < len(data):
            self.segment, self._at = data, end
        return foreign

    def _is_ours(self, data: bytes | bytearray, at: int, size: int) -> bool:
        """Return whether a frame is a complete message: masked, no reserved bit, small enough, not inside another."""
        is_message = data[at] in (TEXT, BINARY) and data[at + 1] >= _MASKED
        return is_message and size <= self.max_size and not self._in_fragments

    def _may_be_kept(self, data: bytes | bytearray, at: int, size: int) -> bool:
        """Return whether to wait for the rest of a frame. False where the library can refuse or begin it now."""
        if size >= 0:
            return self._is_ours(data, at, size) or self._is_ping_or_pong(data, at, size)
        if len(data) - at < 2:  # noqa: PLR2004 - the first two bytes of a header
            return True
        return data[at] & _OPCODE in _DATA | _CONTROL and data[at + 1] >= _MASKED

    def _is_ping_or_pong(self, data: bytes | bytearray, at: int, size: int) -> bool:
        is_either = data[at] in (PING, PONG) and data[at + 1] >= _MASKED
        return is_either and size <= _CONTROL_BYTES


class _LargeFrame:
    """A message whose payload arrives in several segments. Each is unmasked when it arrives, and copied once more."""

    __slots__ = ("_mask", "_parts", "header", "missing")

    def __init__(self, header: bytes, size: int) -> None:
        """`header` ends with the mask; `size` is the size of the payload in bytes."""
        self.header = header
        self._mask = header[-4:]
        # How many bytes of the payload have not arrived.
        self.missing = size
        # Large segments as they are; small ones in one buffer, so that their number does not matter.
        self._parts: list[bytes | bytearray] = []

    def add(self, data: memoryview) -> int:
        """Add what `data` has of the payload; return how many bytes that is."""
        payload = data[: self.missing]
        part = apply_mask(payload, self._mask)
        self.missing -= len(part)
        last = self._parts[-1] if self._parts else None
        if len(part) >= COPIED_BYTES:
            self._parts.append(part)
        elif isinstance(last, bytearray):
            last += part
        else:
            self._parts.append(bytearray(part))
        # The mask of the next segment begins where this one has ended.
        turned = len(part) % 4
        self._mask = self._mask[turned:] + self._mask[:turned]
        return len(part)

    def payload(self) -> bytes:
        """Return the whole payload."""
        return b"".join(self._parts)


def _measure(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return the size in bytes of the header of the frame at `at`, with its mask, and the size of its payload.

    The size of a payload is -1 while it is unknown. Then the first number is how many bytes are needed to know it.
    """
    if len(data) - at < 2:  # noqa: PLR2004 - the first two bytes of a header
        return 2, -1
    size = data[at + 1] & _LENGTH
    if size < _IN_2_BYTES:
        return 6, size
    lengths = 4 if size == _IN_2_BYTES else 10
    if len(data) - at < lengths:
        return lengths, -1
    return lengths + 4, int.from_bytes(data[at + 2 : at + lengths], "big")


def _append(messages: Messages, first: int, payload: bytes) -> bool:
    """Append a message; `first` is the first byte of its frame.

    Returns False where a text is not UTF-8: the library refuses it with its code.
    """
    if first == BINARY:
        messages.append(payload)
        return True
    try:
        messages.append(payload.decode())
    except UnicodeDecodeError:
        return False
    return True


def encode_header(first: int, size: int) -> bytes:
    """Return the header of a frame that a server sends, which has no mask.

    `first` is `TEXT`, `BINARY`, `PING`, `PONG` or `CLOSE`, `size` the size of the payload in bytes.
    """
    if size < _IN_2_BYTES:
        return bytes((first, size))
    if size < 1 << 16:
        return bytes((first, _IN_2_BYTES)) + size.to_bytes(2, "big")
    return bytes((first, _IN_8_BYTES)) + size.to_bytes(8, "big")


def control_payload(data: bytes) -> bytes | None:
    """Return the payload of the only frame in `data`, a ping or a pong; None where it is another or not whole."""
    if len(data) < 6 or data[0] not in (PING, PONG) or len(data) - 6 != data[1] - _MASKED:  # noqa: PLR2004 - header, mask
        return None
    return apply_mask(data[6:], data[2:6])
