"""What the beginning of a request tells about where its connection goes: whether the head is whole, and the browser.

The bytes are only looked at. The worker that gets the connection reads them itself.
"""

import re
from typing import Final

from webipc.access.visitor import COOKIE, SECURE_COOKIE

HEAD_BYTES: Final = 16_384
"""So much of a head is looked at."""

_END: Final = b"\r\n\r\n"
_LINE: Final = re.compile(rb"\r\ncookie:([^\r\n]*)", re.IGNORECASE)
# On https both may be there: then the one that no sibling domain can set counts, as in access/visitor.py.
_PRINCIPALS: Final = [
    re.compile(rb"(?:^|;)\s*" + name.encode() + rb"=([0-9a-f]{32})(?=;|\s*$)") for name in (SECURE_COOKIE, COOKIE)
]


def is_whole(beginning: bytes) -> bool:
    """Return whether waiting for more tells nothing new: the head ends here, is too long, or is no request of HTTP."""
    return not beginning[:1].isalpha() or len(beginning) >= HEAD_BYTES or _END in beginning


def principal_in(beginning: bytes) -> bytes | None:
    """Return the principal of the browser that sends this request; None where it shows none."""
    line = _LINE.search(beginning.partition(_END)[0])
    if line is None:
        return None
    found = filter(None, (principal.search(line[1]) for principal in _PRINCIPALS))
    first = next(found, None)
    return None if first is None else first[1]
