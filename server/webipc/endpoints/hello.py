"""The first frame of a socket or a body: how large it may be, and what the server keeps of it (PROTOCOL.md 6.1 and 9).

A `hello` comes from a client that has proved nothing yet, and what it says of itself is kept as long as its link.
"""

import dataclasses
from typing import Any, Final

from webipc.core.envelope import Hello, parse_control
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import decode_frame
from webipc.core.frame.json_text import load_array
from webipc.core.limits import Limits

URL_LENGTH: Final = 2_048
NAME_LENGTH: Final = 256
VERSION_LENGTH: Final = 64
PROCESS_LENGTH: Final = 64
FEATURES: Final = 16
FEATURE_LENGTH: Final = 32

_LENGTHS: Final = (
    ("url", URL_LENGTH),
    ("name", NAME_LENGTH),
    ("version", VERSION_LENGTH),
    ("process", PROCESS_LENGTH),
)


def hello_of(data: str | bytes, limits: Limits) -> Hello:
    """Return the `hello` that the first frame of a socket is, shortened. Raises ProtocolError where it is another."""
    # A character of a text may have several bytes. A text that is short enough by its characters is not encoded.
    is_short = len(data) * 4 <= limits.hello_bytes
    size = 0 if is_short else len(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
    if size > limits.hello_bytes:
        raise ProtocolError(too_large(limits, f"{size}"), CloseCode.TOO_LARGE)
    frame = decode_frame(data, limits, load_array)
    control = parse_control(frame.control) if frame.control is not None else None
    if not isinstance(control, Hello):
        raise ProtocolError("expected hello as the first frame of a socket, got something else")
    if control.attempt < 1:
        raise ProtocolError("expected an attempt of 1 or more in the hello of a socket, got 0")
    return shortened(control)


def too_large(limits: Limits, size: str = "more") -> str:
    """Return the reason for refusing a first frame of so many bytes."""
    return f"expected a first frame of at most {limits.hello_bytes} bytes (hello_bytes), got {size}"


def shortened(hello: Hello) -> Hello:
    """Return a `hello` whose texts are cut, and without features that no server knows."""
    changes: dict[str, Any] = {}
    for name, length in _LENGTHS:
        text = getattr(hello, name)
        if text is not None and len(text) > length:
            changes[name] = text[:length]
    features = [name for name in hello.features[:FEATURES] if len(name) <= FEATURE_LENGTH]
    if len(features) < len(hello.features):
        changes["features"] = features
    return dataclasses.replace(hello, **changes) if changes else hello
