"""Who pays for a link: the address of its visitor, and a hint for the log where that looks like a proxy's.

A cookie or a token is no unit of fairness: a stranger invents them for nothing.
"""

import ipaddress
import logging
from collections.abc import Hashable
from typing import Protocol

from webipc.access.visitor import Visitor

logger = logging.getLogger("webipc")

LEAST_LINKS = 64
"""A server with fewer links may well serve one office."""

HINT = (
    "more than half of all links come from %s, and are counted as one visitor's: is it a proxy? Then name it with "
    "--forwarded-allow-ips, so that the addresses of the visitors behind it count"
)


def payer_of(visitor: Visitor) -> Hashable:
    """Return who pays for a link of this visitor."""
    return visitor.address


class _Counts(Protocol):
    """The links of the process."""

    def counts(self) -> dict[str, int]: ...
    def of(self, payer: Hashable) -> int: ...


class ProxyHint:
    """Says once in the log that one private address has more than half of all links."""

    __slots__ = ("_is_said", "_links")

    def __init__(self, links: _Counts) -> None:
        self._links = links
        self._is_said = False

    def look_at(self, payer: Hashable) -> None:
        """Look at the links of a payer that has one more."""
        if self._is_said or (count := self._links.of(payer)) < LEAST_LINKS:
            return
        if count * 2 > self._links.counts()["open"] and _is_private(payer):
            self._is_said = True
            logger.warning(HINT, payer)


def _is_private(payer: Hashable) -> bool:
    """Tell whether it is an address of an inner network. This machine's own is not: developers have many tabs."""
    try:
        network = ipaddress.ip_network(str(payer))
    except ValueError:
        return False
    return network.is_private and not network.is_loopback
