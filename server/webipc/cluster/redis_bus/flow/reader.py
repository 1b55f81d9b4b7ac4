"""`Reader`: reads the mailbox of this worker and the stream for all, over a connection that it makes again.

What is lost is told: a number that is missing in the mailbox, entries that were removed before they were read. Once a
second, and wherever it is behind, it reads by a script that tells at the same moment how much there has ever been.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from webipc.cluster.board.ring import Ring
from webipc.cluster.bus.bus import Said, SaidToAll
from webipc.cluster.bus.rows import RowsError, decode_rows
from webipc.cluster.bus.wire import WireError, decode_said
from webipc.cluster.redis_bus.flow.copies import WORDS, Copies
from webipc.cluster.redis_bus.flow.trail import Trail
from webipc.cluster.redis_bus.scripts.script import FORGOTTEN
from webipc.cluster.redis_bus.scripts.streams import LOOK
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.entries import START, Entry, EntryError, Place, behind, number_of, read_entry
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import Command, Line, LineError, Refusal
from webipc.cluster.redis_bus.server.session import Found, greet, open_line
from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")


class Heard(Protocol):
    """Whom a reader tells. None of these may raise."""

    def heard(self, said: Said) -> None:
        """Take a message of the mailbox."""

    def heard_by_all(self, message: SaidToAll) -> None:
        """Take a message of the stream for all."""

    def heard_gap(self, why: str) -> None:
        """Learn that something of the mailbox may be lost."""

    def heard_missed(self, count: int) -> None:
        """Learn that so many messages of the stream for all are lost."""

    def heard_wrong(self, why: str) -> None:
        """Learn that an entry is none that a worker writes."""


class Reader:
    """Reads both streams. Belongs to the event loop's thread."""

    def __init__(
        self,
        address: Address,
        keys: Keys,
        settings: RedisSettings,
        worker: str,
        heard: Heard,
        told: Callable[[Found], None],
    ) -> None:
        """`told` is given what each connection finds out."""
        self._address = address
        self._keys = keys
        self._settings = settings
        self._worker = worker
        self._heard = heard
        self._told = told
        self._line: Line | None = None
        self._is_ending = False
        # The generations that were known to this worker. What was on its way may have the one before.
        self._generations: deque[bytes] = deque(maxlen=8)
        self.all = Place()
        self.box = Place()
        # What was read of the stream for all.
        self.ring = Ring()
        self._copies = Copies(WORDS)
        # The way back in the stream for all, as far as each message is known again by both its names.
        self._trail = Trail(WORDS // 2)
        # What the last connection has found, and whether one since the last look was the first to another server.
        self._server = Found(b"", "")
        self._must_look_back = False
        # Whether it has gone back in a stream, and so reads entries a second time.
        self._reads_again = False
        # Keys of large messages of the mailbox that were read.
        self._taken: list[str] = []
        self._looks_at = float("-inf")
        self.is_connected = False
        self.connects = 0
        self.entries = 0

    @property
    def known(self) -> bytes:
        """The generation that is known to this worker."""
        return self._generations[-1] if self._generations else b""

    @known.setter
    def known(self, generation: bytes) -> None:
        if generation != self.known:
            self._generations.append(generation)

    @property
    def generations(self) -> Sequence[bytes]:
        """The generations that were known to this worker of late, the one that is known last."""
        return tuple(self._generations)

    def start_at(self, last: str, count: int) -> None:
        """Begin behind this entry of the stream for all, which so many have ever been up to."""
        self._start(last, count)
        self.ring.begin(self.known, number_of(last))

    def _start(self, last: str, count: int) -> None:
        self.all = Place(last, count)
        self.box = Place()
        self._trail.begin(last, count)
        self._reads_again = False

    def start_again(self) -> None:
        """Begin at the first entries: Redis has forgotten what was there. What is there comes once."""
        self._start(START, 0)
        self.ring.begin_again(self.known)
        self._looks_at = float("-inf")

    def forget(self, worker: str) -> None:
        """Forget a worker that does not live any more."""
        self._copies.forget(worker)

    async def run(self) -> None:
        """Read until `end` is called, whatever happens."""
        while not self._is_ending:
            try:
                line = self._line = Line(self._address, self._settings.block + self._settings.answer)
                self._opened(await open_line(line, self._keys, self._settings, self.known))
                self.is_connected = True
                self.connects += 1
                self._looks_at = float("-inf")
                await self._read_on(line)
            except LineError:
                # The writer says it in the log.
                self.is_connected = False
            except Exception:
                logger.exception("The reader of the bus has failed, and begins again")
                self.is_connected = False
            if self._line is not None:
                await self._line.close()
            if not self._is_ending:
                settings = self._settings
                await asyncio.sleep(random.uniform(settings.again_least, settings.again_most))  # noqa: S311 - no secret

    def _opened(self, found: Found) -> None:
        before, self._server = self._server, found
        is_same = before.generation == found.generation
        if is_same and before.run and found.run and before.run != found.run:
            self._must_look_back = True
        self._told(found)

    async def end(self) -> None:
        """Let `run` end at once. Nothing is told any more."""
        self._is_ending = True
        if self._line is not None:
            await self._line.close()

    async def _read_on(self, line: Line) -> None:
        while not self._is_ending:
            if time.monotonic() >= self._looks_at:
                entries = await self._look(line)
            else:
                entries = await self._wait(line)
            if entries >= self._settings.batch_entries:
                self._looks_at = float("-inf")

    async def _look_back(self, line: Line) -> None:
        """Go back to where this server has what was read here: what it adds may have lower places than the last.

        It may have been a replica that lacks what was written last, with a clock that is behind. What was read already
        is known again. Where it lacks so much that this cannot be told, all that it has may be new.
        """
        before, (place, count) = self.all, self._trail.oldest
        stream = self._keys.all
        here, about = await line.ask([["XRANGE", stream, place, place], ["XINFO", "STREAM", stream]])
        if isinstance(here, Refusal):
            raise LineError(str(here)[:200])
        if self.all is not before:
            # It was told to begin again meanwhile.
            return
        self.box = Place()
        if place == START or here:
            self.all = Place(place, count)
            self._reads_again = True
        elif isinstance(about, Refusal):
            # It has no such stream, so nothing in it is new.
            self.start_again()
        else:
            known = dict(zip(about[::2], about[1::2], strict=True))
            self.start_at(known[b"last-generated-id"].decode(), int(known[b"entries-added"]))
            self._miss(0)

    async def _look(self, line: Line) -> int:
        if self._must_look_back:
            await self._look_back(line)
        places = self.all, self.box
        ids = (self.all.last, self.box.last, self._settings.batch_entries, behind(self.box.last))
        command = LOOK.command(self._keys.prefix, self.known, self._worker, *ids)
        # Not before they are read for sure: an answer may be lost with its connection.
        taken = self._taken[:]
        answer, *_ = await line.ask([command, *(["DEL", key] for key in taken)])
        del self._taken[: len(taken)]
        if isinstance(answer, Refusal):
            raise LineError(str(answer)[:200])
        if answer[:1] == [FORGOTTEN]:
            self._told(await greet(line, self._keys, self._settings, self.known))
            return 0
        self._looks_at = time.monotonic() + self._settings.renew
        if places != (self.all, self.box):
            # It was told to begin again meanwhile.
            return 0
        streams, for_all, boxed = answer
        coming = sum(len(entries) for name, entries in streams if name.decode() == self._keys.all)
        self._count_all(int(for_all[0]), int(for_all[1]), for_all[2].decode(), coming)
        if not self._count_box(int(boxed[0]), int(boxed[1])):
            return 0
        places = self.all, self.box
        most = await self._take(line, streams, is_sure=True)
        if coming < self._settings.batch_entries and places == (self.all, self.box):
            self.ring.caught_up()
        self._has_read(places)
        return most

    def _count_all(self, added: int, length: int, last: str, coming: int) -> None:
        before = added - coming
        if before < self.all.count or (not coming and before == self.all.count and last != self.all.last):
            # Another server, to which not all had come: what it lacks was read here, or is told by who said it.
            self.all = Place(self.all.last if coming else last, before)
        if missed := self.all.missed(added, length):
            self._miss(missed)

    def _count_box(self, added: int, length: int) -> bool:
        """Return False where the mailbox is another one than that which was read."""
        if self._must_look_back:
            # What was removed was read, or is known to be lost with the server before.
            self._must_look_back = False
            self.box.count = added - length
        if added < self.box.count:
            self.box = Place()
            self._heard.heard_gap("the mailbox was deleted")
            self._looks_at = float("-inf")
            return False
        if self.box.missed(added, length):
            self._heard.heard_gap("entries of the mailbox were removed before they were read")
        return True

    def _miss(self, count: int) -> None:
        self.ring.lose()
        self._heard.heard_missed(count)

    async def _wait(self, line: Line) -> int:
        places = self.all, self.box
        names = (self._keys.all, self._keys.mailbox(self._worker))
        milliseconds = max(1, int(self._settings.block * 1000))
        count = self._settings.batch_entries
        command: Command = [
            "XREAD",
            "COUNT",
            count,
            "BLOCK",
            milliseconds,
            "STREAMS",
            *names,
            *(p.last for p in places),
        ]
        (answer,) = await line.ask([command])
        if isinstance(answer, Refusal):
            raise LineError(str(answer)[:200])
        if answer is None or places != (self.all, self.box):
            return 0
        most = await self._take(line, answer, is_sure=False)
        self._has_read(places)
        return most

    def _has_read(self, places: tuple[Place, Place]) -> None:
        if places == (self.all, self.box):
            self.ring.read_up_to(number_of(self.all.last))

    async def _take(self, line: Line, streams: Sequence[Any], *, is_sure: bool) -> int:
        """Take what was read, and return how much. `is_sure`: the generation is the one that is known."""
        most = 0
        for name, entries in streams:
            most = max(most, len(entries))
            is_all = name.decode() == self._keys.all
            place = self.all if is_all else self.box
            for raw in entries:
                if self._is_ending or place not in (self.all, self.box):
                    return 0
                self.entries += 1
                entry = self._entry(raw, is_all=is_all)
                if entry is not None:
                    if entry.generation and entry.generation not in self._generations and not is_sure:
                        # Redis may have forgotten everything since this read began.
                        self._looks_at = float("-inf")
                        return 0
                    await self._take_one(line, entry, is_all=is_all)
                place.read([raw])
                if is_all:
                    self._trail.passed(place)
        return most

    def _entry(self, raw: Sequence[Any], *, is_all: bool) -> Entry | None:
        try:
            entry = read_entry(raw)
        except EntryError as error:
            self._heard.heard_wrong(str(error))
            return None
        return entry if is_all else entry._replace(generation=b"")

    async def _take_one(self, line: Line, entry: Entry, *, is_all: bool) -> None:
        if is_all and entry.generation not in self._generations:
            # No worker has written it, so nothing counts of what only a worker can say.
            entry = entry._replace(origin="", number=0, word=b"", large="")
        if is_all and self._reads_again and self._copies.has_place(entry.place):
            # The ring has it already, where it came first.
            return
        generation = self.known
        said, size = None, 0
        try:
            if not self._copies.was_heard(entry, is_all=is_all):
                # Where the connection is lost here, the entry is read again.
                data = await self._data(line, entry, is_all=is_all)
                self._note(entry, is_all=is_all)
                if data is not None:
                    said, size = decode_said(entry.origin, decode_rows(data)), len(data)
        except (RowsError, WireError) as error:
            self._heard.heard_wrong(str(error))
        if is_all:
            self._pass(generation, entry, said, size)
        elif said is not None:
            self._heard.heard(said)

    def _pass(self, generation: bytes, entry: Entry, said: Said | None, size: int) -> None:
        number = number_of(entry.place)
        message = None if said is None else SaidToAll(number, entry.number, said)
        self.ring.passed(generation, number, message, size)
        if message is not None:
            self._heard.heard_by_all(message)

    def _note(self, entry: Entry, *, is_all: bool) -> None:
        if not self._copies.note(entry, is_all=is_all):
            self._heard.heard_gap("a message of another worker is missing")

    async def _data(self, line: Line, entry: Entry, *, is_all: bool) -> bytes | None:
        """Return the rows of an entry; None where they had a key of their own, which is gone."""
        if not entry.large:
            return entry.data
        key = self._keys.large(entry.large)
        (data,) = await line.ask([["GET", key]])
        if isinstance(data, bytes):
            if not is_all:
                self._taken.append(key)
            return data
        if is_all:
            self._miss(1)
        else:
            self._heard.heard_gap("a large message was removed before it was read")
        return None
