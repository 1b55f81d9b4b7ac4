"""The secret of a link as the server keeps it: its SHA-256 alone (PROTOCOL.md 6.1).

What is kept, or written down, of a link then proves nothing: the page still has to show the secret itself. It is random
and long, so one round without a salt is enough.
"""

import hmac
from hashlib import sha256


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret: 32 bytes."""
    return sha256(secret.encode()).digest()


def proves(secret: str, digest: bytes) -> bool:
    """Tell whether a secret is the one of this digest, in the same time for every wrong one."""
    return hmac.compare_digest(digest_of(secret), digest)
