"""`Lease`: tells Redis each second that this worker lives, and learns who else does, in a thread of its own.

So a listener that holds the event loop does not cost the pages of this worker their links.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from webipc.cluster.redis_bus.scripts.members import RENEW
from webipc.cluster.redis_bus.scripts.script import FORGOTTEN
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import LineError, Refusal, SyncLine, is_full
from webipc.cluster.redis_bus.server.session import OPENING, Found, connecting, found
from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")


class Renewed(NamedTuple):
    """What one renewal has told."""

    # The lease had ended before it.
    has_lapsed: bool
    # Whether who is not among the living can be taken for dead.
    may_die: bool
    living: Sequence[Sequence[Any]]


class Lease(threading.Thread):
    """Renews until `end`. What may be set from outside is read once for each renewal."""

    def __init__(
        self,
        address: Address,
        keys: Keys,
        settings: RedisSettings,
        worker: str,
        tell: Callable[[Found | Renewed], None],
    ) -> None:
        """`tell` is called in this thread."""
        super().__init__(name="webipc-lease", daemon=True)
        self._address = address
        self._keys = keys
        self._settings = settings
        self._worker = worker
        self._tell = tell
        self._wake = threading.Event()
        self._is_ending = False
        self.known = b""
        self.ordinal = 0
        self.formats = ""
        self.application = ""
        self.state = "up"
        self.pages = 0
        self.read = ""
        # How many renewals came later than the half of what the lease allows.
        self.late = 0
        # Since when renewals have followed each other without a pause, in which leases could have ended unseen.
        self._steady_since = float("-inf")
        self._last = time.monotonic()
        self._is_new = False
        # Why Redis has refused the last renewal.
        self.refusal = ""

    def look_now(self) -> None:
        """Renew now. From any thread."""
        self._wake.set()

    def end(self) -> None:
        """Stop renewing. From any thread; `join` waits for it."""
        self._is_ending = True
        self._wake.set()

    def run(self) -> None:
        """Renew until the end."""
        settings = self._settings
        line: SyncLine | None = None
        while not self._is_ending:
            self._wake.clear()
            begun = time.monotonic()
            wait = settings.renew
            try:
                if line is None:
                    line = self._open()
                self._renew(line)
            except LineError:
                # The writer says it in the log.
                if line is not None:
                    line.close()
                line = None
                self._steady_since = float("inf")
                wait = random.uniform(settings.again_least, min(settings.again_most, settings.renew))  # noqa: S311
            except Exception:
                logger.exception("The renewal of the lease has failed, and is tried again")
            self._wake.wait(max(0.0, wait - (time.monotonic() - begun)))
        if line is not None:
            line.close()

    def _open(self) -> SyncLine:
        line = SyncLine(self._address, min(self._settings.answer, self._settings.lease / 2))
        line.connect()
        try:
            self._greet(line)
        except LineError:
            line.close()
            raise
        return line

    def _greet(self, line: SyncLine) -> None:
        command, run = connecting(self._keys, self._settings, self.known, line.ask(OPENING))
        result = found(line.ask([command])[0], run)
        # Where Redis has forgotten all, it has forgotten this lease too: that it had ended says nothing.
        self._is_new = self.known != result.generation
        self.known = result.generation
        self._tell(result)

    def _say_refused(self, refusal: str) -> None:
        if refusal != self.refusal:
            self.refusal = refusal
            logger.error("Redis at %s has refused to renew the lease of this worker: %s", self._address, refusal)

    def _renew(self, line: SyncLine) -> None:
        settings = self._settings
        lives = (int(settings.lease * 1000), int(settings.mailbox * 1000))
        about = (self.ordinal, self.state, self.formats, self.pages, self.read, self.application)
        (answer,) = line.ask([RENEW.command(self._keys.prefix, self.known, self._worker, *lives, *about)])
        if isinstance(answer, Refusal):
            if not is_full(answer):
                self._say_refused(str(answer)[:200])
                raise LineError(self.refusal)
            return
        if answer[:1] == [FORGOTTEN]:
            self._greet(line)
            self._wake.set()
            return
        self.refusal = ""
        now = time.monotonic()
        if now - self._last > settings.lease / 2:
            self.late += 1
            self._steady_since = now
        self._steady_since = min(self._steady_since, now)
        self._last = now
        is_steady = now - self._steady_since >= settings.lease
        has_lapsed, settling, living, is_sure = answer
        has_lapsed = bool(has_lapsed) and not self._is_new
        self._is_new = False
        may_die = is_steady and bool(is_sure) and int(settling) < 0
        self._tell(Renewed(has_lapsed, may_die, living))
