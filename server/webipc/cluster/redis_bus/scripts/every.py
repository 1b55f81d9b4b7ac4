"""Every script: a connection lets Redis know them all before anything else."""

from typing import Final

from webipc.cluster.redis_bus.scripts.links import CLAIM, ENDED, FIND, KEPT, RELEASE, WHERE
from webipc.cluster.redis_bus.scripts.members import CONNECT, ENTER, LEAVE, RENEW
from webipc.cluster.redis_bus.scripts.script import Script
from webipc.cluster.redis_bus.scripts.streams import LAST, LOOK, SAY, SINCE
from webipc.cluster.redis_bus.scripts.tabs import BORN, DESTROYED, NOTE, PARK, PUT_BACK, TAKE, TAKEN, WORD

SCRIPTS: Final[tuple[Script, ...]] = (
    CONNECT,
    ENTER,
    RENEW,
    LEAVE,
    LOOK,
    SAY,
    LAST,
    SINCE,
    FIND,
    WHERE,
    CLAIM,
    RELEASE,
    ENDED,
    KEPT,
    BORN,
    DESTROYED,
    NOTE,
    PARK,
    TAKE,
    TAKEN,
    PUT_BACK,
    WORD,
)
