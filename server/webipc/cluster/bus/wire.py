"""The kind and the head of a message as its first row: JSON, and never anything that could be run.

What a row may hold is checked by who takes it (kinds.py). Here is only checked that it is an object with a kind.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from webipc.cluster.bus.bus import Said

_KIND: Final = "k"


class WireError(Exception):
    """Rows that are no message. The text says what was expected, and nothing of what came."""


def encode_said(kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> list[bytes]:
    """Return a message as rows."""
    return [orjson.dumps({_KIND: kind, **head}), *rows]


def decode_said(origin: str, rows: Sequence[bytes]) -> Said:
    """Return the message that rows are. Raises WireError."""
    if not rows:
        raise WireError("expected a row with a kind and a head, got no row")
    try:
        head = orjson.loads(rows[0])
    except orjson.JSONDecodeError:
        raise WireError("expected a row of JSON, got something else") from None
    if not isinstance(head, dict) or not isinstance(head.get(_KIND), str):
        raise WireError(f"expected an object with a text as its {_KIND!r}, got something else")
    return Said(origin, head.pop(_KIND), head, rows[1:])
