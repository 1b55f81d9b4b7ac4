"""`Settings`: what an application has decided about its hub, in one object."""

from dataclasses import dataclass

from webipc.core.limits import Limits
from webipc.dispatch.policy import Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """What an application has decided about its hub."""

    limits: Limits
    debug: bool
    # Links at most in this process. Beyond, the link that is away the longest ends; where none is away, a new one is
    # refused.
    max_links: int
    # Links without a socket at most. Beyond, the link that is away the longest ends.
    max_unattached_links: int
    # Whether a document may `sendTo` a tab.
    may_send_to: Policy
