"""Streams of WebSocket frames as a client sends them, valid or not, cut anywhere: strategies for Hypothesis."""

from hypothesis import strategies as st

from tests.support.client_frames import (
    BINARY,
    CLOSE,
    CONTINUES,
    ENDS,
    PING,
    PONG,
    TEXT,
    TEXT_BEGINS,
    frame,
)

FOREIGN = {
    "a ping": frame(PING, b"?"),
    "a pong": frame(PONG, b"!"),
    "a close": frame(CLOSE, b"\x03\xe8"),
    "a close without a code": frame(CLOSE, b""),
    "a message in fragments": frame(TEXT_BEGINS, b"a") + frame(CONTINUES, b"b") + frame(ENDS, b"c"),
    "a fragmented message with control frames in between": frame(TEXT_BEGINS, b"a")
    + frame(PING, b"?")
    + frame(CONTINUES, b"b")
    + frame(PONG, b"")
    + frame(ENDS, b"c"),
    "a message inside a fragmented one": frame(TEXT_BEGINS, b"a") + frame(TEXT, b"b") + frame(ENDS, b"c"),
    "a message behind a ping inside a fragmented one": frame(TEXT_BEGINS, b"a")
    + frame(PING, b"?")
    + frame(TEXT, b"b")
    + frame(ENDS, b"c"),
    "the first reserved bit": frame(TEXT | 0x40, b"a"),
    "the second reserved bit": frame(BINARY | 0x20, b"a"),
    "the third reserved bit": frame(TEXT | 0x10, b"a"),
    "an unknown opcode": frame(0x83, b"a"),
    "an unknown control opcode": frame(0x8B, b"a"),
    "a text that is not UTF-8": frame(TEXT, b"\xff"),
    "a text that ends inside a character": frame(TEXT, "ü".encode()[:1]),
    "a message larger than the limit": frame(BINARY, b"x" * 301),
}
"""Frames that are no message in one frame, by name."""

LIMIT = 300
"""The largest message in bytes for these streams."""

sizes = st.sampled_from([0, 1, 2, 124, 125, 126, 127, 128, 255, 256, LIMIT - 1, LIMIT, LIMIT + 1])
masks = st.binary(min_size=4, max_size=4)
payloads = st.one_of(sizes.map(lambda size: b"a" * size), st.binary(max_size=20), st.text(max_size=20).map(str.encode))
messages_in_one_frame = st.builds(
    lambda first, data, mask: frame(first, data, mask=mask), st.sampled_from([TEXT, BINARY]), payloads, masks
)
control_frames = st.builds(
    lambda first, data, mask: frame(first, data, mask=mask),
    st.sampled_from([PING, PONG]),
    st.binary(max_size=125),
    masks,
)
fragments = st.builds(
    lambda first, parts, between: b"".join(
        [
            frame(first, parts[0]),
            between,
            *(frame(CONTINUES, part) + between for part in parts[1:-1]),
            frame(ENDS, parts[-1]),
        ]
    ),
    st.sampled_from([0x01, 0x02]),
    st.lists(st.binary(max_size=120), min_size=2, max_size=4),
    st.one_of(st.just(b""), control_frames),
)
closes = st.sampled_from(
    [frame(CLOSE, b""), frame(CLOSE, b"\x03\xe8bye"), frame(CLOSE, b"\x03"), frame(CLOSE, b"\x03\xe8\xff")]
)
wrong = st.sampled_from(
    [data for name, data in FOREIGN.items() if name[:2] != "a "] + [b"\x81\x05hello", frame(ENDS, b"")]
)
any_frame = st.builds(frame, st.integers(0, 255), st.binary(max_size=130))
valid = st.one_of(messages_in_one_frame, messages_in_one_frame, control_frames, fragments)
streams = st.builds(
    lambda frames, end: b"".join(frames) + end,
    st.lists(valid, max_size=6),
    st.one_of(st.just(b""), closes, wrong, any_frame, st.binary(max_size=20)).flatmap(
        lambda end: st.lists(valid, max_size=2).map(lambda behind: end + b"".join(behind))
    ),
)


valid_texts = st.lists(st.text(max_size=20), min_size=2, max_size=4).map(
    lambda parts: (
        frame(TEXT_BEGINS, parts[0].encode())
        + b"".join(frame(CONTINUES, part.encode()) for part in parts[1:])
        + frame(ENDS, b"")
    )
)
correct_streams = st.builds(
    lambda frames, end: b"".join(frames) + end,
    st.lists(
        st.one_of(
            st.text(max_size=20).map(lambda text: frame(TEXT, text.encode())),
            st.binary(max_size=300).map(lambda data: frame(BINARY, data)),
            control_frames,
            valid_texts,
        ),
        max_size=8,
    ),
    st.sampled_from([b"", frame(CLOSE, b""), frame(CLOSE, b"\x03\xe8bye"), frame(CLOSE, b"\x10\xe1")]),
)


@st.composite
def streams_in_pieces(draw: st.DrawFn) -> list[bytes]:
    """A stream, cut anywhere."""
    return _cut(draw, draw(streams))


@st.composite
def correct_streams_in_pieces(draw: st.DrawFn) -> list[bytes]:
    """A stream that violates nothing, cut anywhere."""
    return _cut(draw, draw(correct_streams))


def _cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def bytes_of(data: bytes) -> list[bytes]:
    """Return every byte on its own."""
    return [data[at : at + 1] for at in range(len(data))]
