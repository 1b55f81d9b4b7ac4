"""What an application has decided about its hub, in one object. Must not know where it was said, nor who obeys."""

from dataclasses import dataclass

from webipc.core.limits import Limits
from webipc.dispatch.dispatcher import Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """What the application has decided about its hub."""

    limits: Limits
    debug: bool
    # Links at most in this process; then those without a socket go, the longest away first, and then newcomers are
    # refused.
    max_links: int
    # Links without a socket at most; then the longest away goes.
    max_unattached_links: int
    # Whether a document may `sendTo` a tab.
    may_send_to: Policy
