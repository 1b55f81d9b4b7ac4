"""`Losses`: counts what was said and is lost, and says it in the log: never more than one line a second."""

import asyncio
import logging
from collections import Counter, deque
from typing import Any, Final

from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")

_WRITTEN = 1_024
"""Messages to all that are remembered, at most."""

_NO_WORKER: Final = "no-worker"
"""The reason where a worker has ended: each deploy has some. Questions to it fail, and its pages are elsewhere."""

_LINE = 1.0
"""Seconds between two lines of the log."""


class Losses:
    """What one worker has said and is lost. Belongs to the event loop's thread."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        # How many, by the reason.
        self.counts: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._line: asyncio.TimerHandle | None = None
        # When and where the last messages to all were written.
        self._written: deque[tuple[float, bytes]] = deque(maxlen=_WRITTEN)

    def count(self, reason: str, how_many: int = 1) -> None:
        """Count what is lost, and let the log say it."""
        if not how_many:
            return
        self.counts[reason] += how_many
        self._unsaid[reason] += how_many
        if self._line is None:
            self._line = asyncio.get_running_loop().call_later(_LINE, self._say)

    def _say(self) -> None:
        self._line = None
        unsaid, self._unsaid = self._unsaid, Counter()
        level = logging.WARNING if unsaid.keys() == {_NO_WORKER} else logging.ERROR
        texts = {_NO_WORKER: "to one that had ended"}
        said = ", ".join(f"{count} {texts.get(reason, reason)}" for reason, count in sorted(unsaid.items()))
        logger.log(level, "%d messages to other workers are lost (%s)", unsaid.total(), said)

    def end(self) -> None:
        """Say what is not said yet."""
        if self._line is not None:
            self._line.cancel()
            self._say()

    def written(self, place: Any) -> None:
        """Note that a message to all is in Redis."""
        if isinstance(place, bytes):
            self._written.append((asyncio.get_running_loop().time(), place))

    def in_doubt(self) -> list[bytes]:
        """Return where the last messages to all were written which another worker may not have read; once."""
        if not self._written:
            return []
        since = self._written[-1][0] - 2 * self._settings.renew
        places = [place for at, place in self._written if at >= since]
        self._written.clear()
        return places
