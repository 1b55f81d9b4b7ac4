"""`Settings`: what an application has decided about its hub, in one object."""

from dataclasses import dataclass, field

from webipc.core.limits import Limits
from webipc.dispatch.authorization import Authorization
from webipc.dispatch.policy import Policy
from webipc.identity.asking import Asking


@dataclass(frozen=True, slots=True)
class Settings:
    """What an application has decided about its hub."""

    limits: Limits
    debug: bool
    # Links at most in this process, and links without a socket at most. Who gives way to whom is in links.py.
    max_links: int
    max_unattached_links: int
    # Whether a document may `sendTo` a tab; None: only within one user and one browser.
    may_send_to: Policy | None
    # Bytes that all peers together may hold; None for the default of this machine.
    memory: int | None = None
    # What is asked of each client.
    asking: Asking = field(default_factory=Asking)
    # Whether a page may use a channel; None where every page may use each.
    authorization: Authorization | None = None
