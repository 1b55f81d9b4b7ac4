"""Structured clone: any value as a JSON skeleton with fixups and binary segments, and back (PROTOCOL.md section 5).

`encode` takes what an application sends, `decode` returns what a page has sent. The implementation is in
encoder.py and decoder.py. Must not know messages, frames or JSON text.
Twin: js-client/src/core/clone/index.ts
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from webipc.core.clone.decoder import Decoder
from webipc.core.clone.encoder import Encoder
from webipc.core.clone.scan import is_plain
from webipc.core.errors import ProtocolError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.tuples import new


class Cloned(NamedTuple):
    """An encoded value. The skeleton may be the given object itself: turn it into JSON before it changes."""

    # JSON's own types, with `orjson.Fragment` where a part is JSON already.
    skeleton: Any
    # `[code, path, ...]`, in the order of section 5.
    fixups: Sequence[list[Any]]
    # Raw bytes that cannot change.
    segments: Sequence[bytes | memoryview]


def encode(value: Any, limits: Limits = DEFAULT_LIMITS, root: str = "args") -> Cloned:
    """Return what is sent for a value.

    Plain JSON is recognised by one scan and passed on as it is; anything else is copied. Objects that are reached twice
    stay one object, and cycles stay cycles. `root` names the value in the texts of errors (`args[1].user`).

    `CloneError` for what a page cannot receive, with its path and a remedy. `LimitError` for `depth`, `nodes`,
    `fixups`, `segments` and `bigint_digits`, which the receiver would refuse.
    """
    if is_plain(value, limits.depth):
        return new(Cloned, (value, (), ()))
    return encode_special(value, limits, root)


def encode_special(value: Any, limits: Limits, root: str) -> Cloned:
    """As `encode`, of a value that `is_plain` has refused: it is not scanned a second time."""
    encoder = Encoder(limits, root)
    skeleton, segments = encoder.encode(value)
    if encoder.has_references:
        if encoder.has_fragment:
            # Encoded again without fragments: what is inside them counts when references are followed.
            encoder = Encoder(limits, root, fragments=False)
            skeleton, segments = encoder.encode(value)
        encoder.check_reach(skeleton)
    return Cloned(skeleton, encoder.fixups, segments)


def decode(
    skeleton: Any,
    fixups: Sequence[Any],
    segments: Sequence[bytes | bytearray | memoryview],
    limits: Limits = DEFAULT_LIMITS,
) -> Any:
    """Return the value that a peer sent. It may be made of the skeleton, which the caller must not use any more.

    `ProtocolError` for everything that section 5 refuses, `UnreadableError` for what it allows and this side cannot
    take. Without fixups, the value is the skeleton, and its depth must
    have been checked when the JSON was parsed.
    """
    if fixups:
        return Decoder(skeleton, fixups, segments, limits).decode()
    if segments:
        raise ProtocolError(f"{len(segments)} segments came with a value without fixups; every segment needs one")
    return skeleton
