"""The version of the package, the same for the Python and the JavaScript half, and of the protocol."""

from typing import Final

VERSION: Final = "0.1.0"

# The WebSocket subprotocol, with the version of the wire format (PROTOCOL.md section 2.1).
SUBPROTOCOL: Final = "webipc.v1"
