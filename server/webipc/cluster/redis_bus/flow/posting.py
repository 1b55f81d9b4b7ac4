"""`Posting`: makes entries of what a worker says, with the numbers by which a reader sees what is lost."""

import itertools
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from webipc.cluster.bus.rows import encode_rows
from webipc.cluster.bus.wire import encode_said
from webipc.cluster.redis_bus.flow.losses import Losses
from webipc.cluster.redis_bus.flow.outbox import Message, Outbox
from webipc.cluster.redis_bus.scripts.streams import SAY
from webipc.cluster.redis_bus.server.entries import fields_for_all, fields_of_post
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import Command
from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")

_TARGETS: Final = 4_096
"""Workers whose last number is remembered. One that is forgotten hears of a gap, and nothing else."""


class Posting:
    """What one worker says. Belongs to the event loop's thread."""

    def __init__(self, keys: Keys, settings: RedisSettings, worker: str, outbox: Outbox, losses: Losses) -> None:
        self._keys = keys
        self._settings = settings
        self._worker = worker
        self._outbox = outbox
        self._losses = losses
        self._numbers = itertools.count(1)
        # The number of the last message to each worker.
        self._last: OrderedDict[str, int] = OrderedDict()
        # How much was said to all.
        self.own = 0
        # The generation that is known to this worker.
        self.known = b""
        # So long a mailbox that is not there is made: the living are registering again.
        self.making_until = 0.0
        self.large = 0

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        """Say something to a worker."""
        data = encode_rows(encode_said(kind, head, rows))
        number, before = next(self._numbers), self._last.pop(worker, 0)
        self._last[worker] = number
        if len(self._last) > _TARGETS:
            self._last.popitem(last=False)

        def commands(name: str) -> list[Command]:
            fields = fields_of_post(self._worker, number, before, data, name)
            mailbox, most = self._keys.mailbox(worker), ("MAXLEN", "~", self._settings.stream_entries, "*")
            if not self._is_making:
                # Without the mailbox there is no such worker, unless Redis has just forgotten it.
                return [["XADD", mailbox, "NOMKSTREAM", *most, *fields]]
            return [["XADD", mailbox, *most, *fields], ["PEXPIRE", mailbox, int(self._settings.mailbox * 1000)]]

        self._put(worker, data, commands, self._is_posted)

    @property
    def _is_making(self) -> bool:
        return time.monotonic() < self.making_until

    def _is_posted(self, answer: Any) -> None:
        if answer is None:
            self._losses.count("no-worker")

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        """Say something to all."""
        data = encode_rows(encode_said(kind, head, rows))
        self.own += 1
        number, word = self.own, secrets.token_bytes(8)

        def commands(name: str) -> list[Command]:
            # The generation is that of the moment at which it is sent: Redis takes it in no other one.
            fields = fields_for_all(self._worker, number, word, self.known, data, name)
            return [SAY.command(self._keys.prefix, self.known, self._worker, self._settings.stream_entries, *fields)]

        self._put(None, data, commands, self._losses.written)

    def _put(
        self,
        worker: str | None,
        data: bytes,
        commands: Callable[[str], list[Command]],
        answered: Callable[[Any], None],
    ) -> None:
        """Let it be sent. `commands` is given the name of the key that has the data, where that is too large."""
        if len(data) <= self._settings.large_bytes:
            self._outbox.put(Message(time.monotonic(), worker, len(data), lambda: commands(""), answered))
            return
        self.large += 1
        name = secrets.token_hex(16)
        put: Command = ["SET", self._keys.large(name), data, "PX", int(self._settings.large_seconds * 1000)]
        self._outbox.put(Message(time.monotonic(), worker, len(data), lambda: [put, *commands(name)], answered))
