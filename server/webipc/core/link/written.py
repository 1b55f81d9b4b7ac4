"""The value of a large message that a server passes on or keeps: as JSON, which is copied, not written again.

No twin: a page passes nothing on.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from webipc.core.clone import decode
from webipc.core.envelope import SendTo
from webipc.core.errors import LimitError, RemoteError
from webipc.core.frame.json_text import dump_fitted, load
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link.steps import steps_of


class Written(NamedTuple):
    """Skeleton and fixups of a value as JSON."""

    skeleton: bytes
    # b"" where there are none.
    fixups: bytes
    # How many steps they take at most.
    steps: int

    @property
    def size(self) -> int:
        """How many bytes both have."""
        return len(self.skeleton) + len(self.fixups)


class Opened(NamedTuple):
    """A decoded value, or why there is none."""

    value: Any
    error: RemoteError | None = None


class Forwarded(NamedTuple):
    """A value as another message carries it (`encode_message`)."""

    # Parsed, or fragments of JSON.
    skeleton: Any
    fixups: Any
    segments: Sequence[Any]


class Carried(NamedTuple):
    """Stands for the value of a message that was prepared to be passed on."""

    # None where it is nested too deeply to be written. Then it is opened.
    written: Written | None
    # Where it is known, or likely, that the value is needed here.
    opened: Opened | None = None

    @property
    def text(self) -> Written:
        """The value as JSON. Raises LimitError when it is nested too deeply for that."""
        if self.written is None:
            raise LimitError("depth", DEFAULT_LIMITS.depth * 2, DEFAULT_LIMITS.depth)
        return self.written

    def forwarded(self, segments: Sequence[Any]) -> Forwarded:
        """Return the value as another message carries it. Raises LimitError when it is nested too deeply."""
        skeleton, fixups, _ = self.text
        return Forwarded(orjson.Fragment(skeleton), orjson.Fragment(fixups) if fixups else (), segments)

    def open(self, segments: Sequence[Any], limits: Limits = DEFAULT_LIMITS) -> Opened:
        """Parse and decode the JSON."""
        skeleton, fixups, _ = self.text
        try:
            return Opened(decode(load(skeleton), load(fixups) if fixups else (), segments, limits))
        except RemoteError as error:
            return Opened(None, error)

    def value(self, segments: Sequence[Any], limits: Limits) -> Any:
        """Return the value. Raises RemoteError when it is none, or cannot be read."""
        opened = self.opened or self.open(segments, limits)
        if opened.error is not None:
            raise opened.error
        return opened.value


def forwarded(envelope: SendTo) -> Forwarded:
    """Return the value of a message as another message carries it. Raises LimitError when it is nested too deeply."""
    if isinstance(envelope.value, Carried):
        return envelope.value.forwarded(envelope.segments)
    return Forwarded(envelope.value, envelope.fixups, envelope.segments)


def written(skeleton: Any, fixups: Sequence[Any]) -> Written:
    """Write a value as JSON. Raises LimitError for one that is nested too deeply for that."""
    return Written(dump_fitted(skeleton), dump_fitted(fixups) if fixups else b"", steps_of(fixups))
