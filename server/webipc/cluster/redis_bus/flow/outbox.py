"""`Outbox`: what waits for Redis, in order: messages to one worker or to all, and what the directory is asked and told.

While Redis cannot be reached it is bounded in bytes and in time: the oldest messages are dropped, and counted.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from webipc.cluster.redis_bus.server.line import Command
from webipc.cluster.redis_bus.settings import RedisSettings

OVERHEAD = 200
"""Bytes that are counted for an item beside its own, about."""

MOST_NOTES = 100_000
"""What the directory is told and waits, at most."""


class Item:
    """Something that waits: how it is said to Redis, and what to do with the answer."""

    __slots__ = ("at", "size")

    # Whether it is said again where the connection was lost before its answer came.
    is_repeatable = True
    # Whether it is dropped where too much waits.
    is_message = False

    def __init__(self, at: float, size: int) -> None:
        self.at = at
        self.size = size + OVERHEAD

    @property
    def is_needless(self) -> bool:
        """Whether nobody waits for it any more, and it was never sent."""
        return False

    def commands(self) -> Sequence[Command]:
        """Return the commands; the answer to the last one counts."""
        raise NotImplementedError

    def answered(self, answer: Any) -> None:
        """Take the answer."""

    def failed(self, why: str) -> None:
        """Learn that it will not be answered."""


class Message(Item):
    """A message, to a worker or, without one, to all."""

    __slots__ = ("_answered", "_commands", "worker")
    is_message = True

    def __init__(
        self,
        at: float,
        worker: str | None,
        size: int,
        commands: Callable[[], Sequence[Command]],
        answered: Callable[[Any], None],
    ) -> None:
        super().__init__(at, size)
        self.worker = worker
        self._commands = commands
        self._answered = answered

    def commands(self) -> Sequence[Command]:
        """See `Item`."""
        return self._commands()

    def answered(self, answer: Any) -> None:
        """See `Item`."""
        self._answered(answer)


class Outbox:
    """What waits, the oldest first. Belongs to the event loop's thread."""

    def __init__(self, settings: RedisSettings, dropped: Callable[[Counter[str], bool], None]) -> None:
        """`dropped` is told how many were dropped, by `all` and `worker`, and whether the queue was full of bytes."""
        self._settings = settings
        self._tell = dropped
        self._items: deque[Item] = deque()
        self._sent: list[Item] = []
        self._notes = 0
        self._by_worker: Counter[str] = Counter()
        self._is_closed = False
        self.bytes = 0
        self.is_connected = False
        # It could not be reached for so long that who asks is told so at once.
        self.has_given_up = False
        self.more = asyncio.Event()
        # Something that the directory was told is lost: all has to be told again.
        self.has_lost_notes = False

    def __len__(self) -> int:
        return len(self._items) + len(self._sent)

    def waiting(self, worker: str) -> int:
        """Return how many bytes wait for a worker."""
        return self._by_worker[worker]

    @property
    def _most(self) -> int:
        settings = self._settings
        return settings.connected_queue_bytes if self.is_connected else settings.queue_bytes

    def put(self, item: Item) -> None:
        """Add an item, and drop the oldest messages where that is too much. Behind the end it fails."""
        if self._is_closed:
            item.failed("the worker has ended")
            return
        self._items.append(item)
        self._count(item, 1)
        self.more.set()
        if self.bytes > self._most or self._notes > MOST_NOTES:
            # Some more than has to be, so that not each further one looks through all again.
            self._drop(self._most * 7 // 8, MOST_NOTES * 7 // 8, float("-inf"))

    def _count(self, item: Item, sign: int) -> None:
        self.bytes += sign * item.size
        if not item.is_message:
            self._notes += sign
        elif isinstance(item, Message) and item.worker is not None:
            left = self._by_worker[item.worker] + sign * item.size
            if left > 0:
                self._by_worker[item.worker] = left
            else:
                del self._by_worker[item.worker]

    def trim(self, now: float) -> None:
        """Drop the messages that have waited too long, and the oldest where they are too much."""
        oldest = now - self._settings.queue_seconds
        if self._items and (self._items[0].at <= oldest or self.bytes > self._most):
            self._drop(self._most, MOST_NOTES, oldest)

    def _drop(self, most_bytes: int, most_notes: int, oldest: float) -> None:
        dropped: Counter[str] = Counter()
        kept: list[Item] = []
        too_many = self.bytes > most_bytes
        while self._items and (self.bytes > most_bytes or self._notes > most_notes or self._items[0].at <= oldest):
            item = self._items.popleft()
            if item.is_message and (self.bytes > most_bytes or item.at <= oldest):
                self._count(item, -1)
                dropped["all" if isinstance(item, Message) and item.worker is None else "worker"] += 1
            elif not item.is_message and self._notes > most_notes:
                self._count(item, -1)
                item.failed("too much waits for Redis")
                self.has_lost_notes = True
            else:
                kept.append(item)
        self._items.extendleft(reversed(kept))
        if dropped:
            self._tell(dropped, too_many)

    def dropped(self, message: Message) -> None:
        """Count a message that cannot be sent any more."""
        self._tell(Counter({"all" if message.worker is None else "worker": 1}), False)

    def take(self) -> list[Item]:
        """Return what is to be sent now, in order; it counts until `settle`."""
        assert not self._sent, "one pipeline after the other"
        size = 0
        while self._items and len(self._sent) < self._settings.batch_entries and size < self._settings.batch_bytes:
            item = self._items.popleft()
            if item.is_needless:
                self._count(item, -1)
                continue
            self._sent.append(item)
            size += item.size
        if not self._items:
            self.more.clear()
        return list(self._sent)

    def settle(self, again: Sequence[Item]) -> None:
        """Forget what was sent, but for what has to be sent again, before anything else."""
        for item in self._sent:
            if item not in again:
                self._count(item, -1)
        self._sent.clear()
        if again:
            self._items.extendleft(reversed(again))
            self.more.set()

    def fail(self, why: str) -> None:
        """Fail everything that waits, and what comes: nothing will be sent any more."""
        self._is_closed = True
        self.is_connected = False
        for item in (*self._sent, *self._items):
            item.failed(why)
        self._sent.clear()
        self._items.clear()
        self.bytes = self._notes = 0
        self._by_worker.clear()
