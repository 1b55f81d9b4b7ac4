"""What a link is known by: its id, the digest of its secret, and what its page can take (PROTOCOL.md 6.1)."""

from collections.abc import Sequence
from typing import NamedTuple

from webipc.access.link_secret import digest_of
from webipc.core.envelope import Hello
from webipc.core.frame.json_text import Load, load_any_array, load_array

PAGE_FEATURES = ("ports", "invoke", "doubles")


class LinkName(NamedTuple):
    """What of a `hello` lasts as long as the link: it goes along to another process."""

    link_id: str
    # The secret itself is not kept.
    secret_digest: bytes
    # Those that this server makes use of.
    features: Sequence[str]


def named_by(hello: Hello) -> LinkName:
    """Return what a `hello` names."""
    return LinkName(hello.link, digest_of(hello.secret), known_features(hello.features))


def known_features(names: Sequence[str]) -> Sequence[str]:
    """Return those features of a page that this server knows. Pages that have all of them share one tuple."""
    known = tuple(name for name in PAGE_FEATURES if name in names)
    return PAGE_FEATURES if known == PAGE_FEATURES else known


def load_for(features: Sequence[str]) -> Load:
    """Return what reads the JSON of a page with these features."""
    return load_array if "doubles" in features else load_any_array
