"""What a page can have and this server makes use of (PROTOCOL.md 6.1)."""

from collections.abc import Sequence

from webipc.core.envelope import Hello

PAGE_FEATURES = ("ports", "invoke")


def known_features(hello: Hello) -> Sequence[str]:
    """Return those features of a page that this server knows. Pages that have all of them share one tuple."""
    known = tuple(name for name in PAGE_FEATURES if name in hello.features)
    return PAGE_FEATURES if known == PAGE_FEATURES else known
