"""The version of the package: one number for the Python and the JavaScript half."""

from typing import Final

VERSION: Final = "0.1.0"

# The version of the wire, which changes rarely (PROTOCOL.md section 2.1).
SUBPROTOCOL: Final = "webipc.v1"
