"""`RedisBus`: a `Bus` over Redis or Valkey, for workers on any number of machines.

It has two connections in the event loop, one that writes and one that reads, and one in the thread of the lease. What
they find out comes together here.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from webipc.cluster.bus.bus import BusError, Position, Receiver, SaidToAll
from webipc.cluster.redis_bus.applications import Applications
from webipc.cluster.redis_bus.asking import Asking
from webipc.cluster.redis_bus.directory import RedisDirectory
from webipc.cluster.redis_bus.flow.losses import Losses
from webipc.cluster.redis_bus.flow.outbox import Outbox
from webipc.cluster.redis_bus.flow.posting import Posting
from webipc.cluster.redis_bus.flow.reader import Reader
from webipc.cluster.redis_bus.flow.writer import Writer
from webipc.cluster.redis_bus.history import UNKNOWN, History, count_missing
from webipc.cluster.redis_bus.lease import Lease, Renewed
from webipc.cluster.redis_bus.members import RedisMembers, formats_of
from webipc.cluster.redis_bus.scripts.members import ENTER, LEAVE
from webipc.cluster.redis_bus.server.address import Address, AddressError
from webipc.cluster.redis_bus.server.checks import QUESTIONS, check
from webipc.cluster.redis_bus.server.keys import DEFAULT_REALM, Keys
from webipc.cluster.redis_bus.server.line import LineError, Refusal
from webipc.cluster.redis_bus.server.session import Found
from webipc.cluster.redis_bus.settings import DEFAULT_SETTINGS, RedisSettings
from webipc.cluster.redis_bus.telling import Telling
from webipc.electron.ids import MOST_ORDINAL

logger = logging.getLogger("webipc")


class RedisBus:
    """One worker's way to the others. Belongs to the event loop's thread, but for `stats`."""

    outlives_workers = True

    def __init__(  # noqa: PLR0913, PLR0915 - what is known at the start, and each of its parts once
        self,
        url: str,
        worker: str,
        *,
        name: str = "default",
        realm: str = DEFAULT_REALM,
        formats: Sequence[int] = (),
        application: str = "",
        settings: RedisSettings = DEFAULT_SETTINGS,
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`, as redis-py takes them. It is never told to anybody.
            worker: the name of this worker.
            name: tells applications apart that share one Redis.
            realm: tells the parts of one application apart: the prefix that the pages of the worker have.
            formats: those of the snapshots that the worker reads.
            application: what it serves, as `application_of` says; empty where that is not known.
            settings: times and sizes.

        Raises BusError, with a text for the terminal, where the URL or the name is none.
        """
        try:
            self._address = Address(url)
            self._keys = Keys(name, realm)
        except (AddressError, ValueError) as error:
            raise BusError(str(error)) from None
        self._name = name
        self._worker = worker
        self._formats = formats_of(formats)
        self._settings = settings
        self._members = RedisMembers(settings.slow_entries)
        self._lease = Lease(self._address, self._keys, settings, worker, self._hear_lease)
        self._telling = Telling(self._members, self._lease.look_now)
        self._losses = Losses(settings)
        self._outbox = Outbox(settings, self._dropped)
        self._asking = Asking(self._keys, settings, worker, self._outbox)
        self._directory = RedisDirectory(self._asking, settings, worker, self._members)
        self._directory.doubted = lambda: self._telling.tell(lambda receiver: receiver.lapsed())
        self._posting = Posting(self._keys, settings, worker, self._outbox, self._losses)
        self._writer = Writer(self._address, self._keys, settings, self._outbox, self._found)
        self._writer.gave_up = self._gave_up
        self._reader = Reader(self._address, self._keys, settings, worker, self._telling, self._found)
        patience, generations = settings.ask / 4, lambda: self._reader.generations
        self._history = History(self._asking, self._keys, self._reader.ring, generations, patience)
        self._lease.application = application
        self._applications = Applications(str(self._address), name, application)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._known = b""
        self._run = ""
        self._ordinal = 0
        self._has_ended = False

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def worker(self) -> str:
        """See `Bus`."""
        return self._worker

    @property
    def ordinal(self) -> int:
        """See `Bus`."""
        assert self._ordinal, "the ordinal is known behind begin()"
        return self._ordinal

    @property
    def members(self) -> RedisMembers:
        """See `Bus`."""
        return self._members

    @property
    def directory(self) -> RedisDirectory:
        """See `Bus`."""
        return self._directory

    @property
    def is_connected(self) -> bool:
        """See `Bus`."""
        return self._outbox.is_connected and self._reader.is_connected and not self._writer.is_full

    @property
    def has_given_up(self) -> bool:
        """See `Bus`."""
        return self._outbox.has_given_up

    @property
    def position(self) -> Position:
        """See `Bus`."""
        ring = self._reader.ring
        if ring.place is None:
            return Position(ring.number, self._posting.own, UNKNOWN)
        return Position(ring.place.number, self._posting.own, ring.place.generation.decode())

    @property
    def number(self) -> int:
        """See `Bus`."""
        return self._reader.ring.number

    # --- beginning and end ----------------------------------------------------------------------------------------

    async def begin(self, receiver: Receiver) -> None:
        """See `Bus`."""
        self._loop = asyncio.get_running_loop()
        self._first = self._loop.create_future()
        try:
            await self._enter()
        except (LineError, BusError) as error:
            await self._writer.close()
            raise BusError(f"webipc cannot begin with Redis: {error}") from None
        self._telling.receiver = receiver
        self._spawn(self._writer.run())
        self._spawn(self._reader.run())
        self._lease.start()
        try:
            async with asyncio.timeout(2 * self._settings.answer):
                await self._first
        except TimeoutError:
            await self.end()
            reason = f" a renewal of the lease: {self._lease.refusal}" if self._lease.refusal else ""
            raise BusError(f"Redis at {self._address} does not answer{reason}") from None
        self._note_again()
        text = "joined the others in Redis at %s, under the name %s, as worker %s; %d live"
        logger.info(text, self._address, self._name, self._worker, sum(1 for _ in self._members))

    async def _enter(self) -> None:
        await self._writer.open()
        check(self._address, await self._writer.ask(QUESTIONS))
        settings = self._settings
        lives = (int(settings.lease * 1000), int(settings.mailbox * 1000))
        arguments = (self._known, self._worker, MOST_ORDINAL, *lives, self._formats, "", self._lease.application)
        (answer,) = await self._writer.ask([ENTER.command(self._keys.prefix, *arguments)])
        if isinstance(answer, Refusal):
            raise LineError(f"Redis at {self._address} refuses to register a worker: {str(answer)[:200]}")
        if len(answer) < 2:  # noqa: PLR2004 - an ordinal and a place
            raise LineError(f"Redis at {self._address} has forgotten everything at this moment")
        self._ordinal, (added, last) = int(answer[0]), answer[1]
        self._lease.ordinal, self._lease.formats = self._ordinal, self._formats
        self._reader.start_at(last.decode(), int(added))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)

    async def end(self) -> None:
        """See `Bus`."""
        if self._has_ended:
            return
        self._has_ended = True
        self._telling.receiver = None
        if self._again is not None:
            self._again.cancel()
        self._lease.end()
        if self._lease.is_alive():
            await asyncio.to_thread(self._lease.join)
        await self._reader.end()
        self._asking.tell_plain(LEAVE, self._worker)
        self._writer.end()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._settings.end)
            if late:
                self._outbox.fail("the worker ends")
                await asyncio.wait(late)
        self._losses.end()

    # --- what is said ---------------------------------------------------------------------------------------------

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        if self._has_ended or self._members.is_dead(worker):
            self._losses.counts["no-worker"] += 1
            return
        self._posting.post(worker, kind, head, rows)

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """See `Bus`."""
        if not self._has_ended:
            self._posting.post_all(kind, head, rows)

    def waiting(self, worker: str) -> int:
        """See `Bus`."""
        return self._outbox.waiting(worker)

    async def since(self, position: Position) -> list[SaidToAll] | None:
        """See `Bus`."""
        return await self._history.since(position)

    def drain(self) -> None:
        """See `Bus`."""
        self._lease.state = "draining"
        if (own := self._members.get(self._worker)) is not None:
            self._members.see(own._replace(is_draining=True))
        self._lease.look_now()

    def tell_pages(self, count: int) -> None:
        """See `Bus`. It travels with the next renewal of the lease."""
        self._lease.pages = count
        if (own := self._members.get(self._worker)) is not None:
            self._members.see(own._replace(pages=count))

    def stats(self) -> dict[str, Any]:
        """See `Bus`. From any thread."""
        return {
            "bus": "redis",
            "connected": self.is_connected,
            "connects": self._writer.connects + self._reader.connects,
            "queue_entries": len(self._outbox),
            "queue_bytes": self._outbox.bytes,
            "lost": dict(self._losses.counts),
            "refused": self._writer.refused,
            "large": self._posting.large,
            "gaps": self._telling.counts["gap"],
            "missed": self._telling.counts["missed"],
            "wrong": self._telling.counts["wrong"],
            "forgotten": self._telling.counts["forgotten"],
            "lapsed": self._telling.counts["lapsed"],
            "read": self._reader.entries,
            "mailbox_lag": self._reader.box.lag,
            "all_lag": self._reader.all.lag,
            "lease_late": self._lease.late,
        }

    # --- what the connections find out ----------------------------------------------------------------------------

    def _found(self, found: Found) -> None:
        before, self._known = self._known, found.generation
        run, self._run = self._run, found.run or self._run
        for part in (self._writer, self._reader, self._asking, self._posting, self._lease):
            part.known = found.generation
        has_lost_notes, self._outbox.has_lost_notes = self._outbox.has_lost_notes, False
        if before and before != found.generation:
            self._posting.making_until = time.monotonic() + self._settings.settle
            self._reader.start_again()
            self._say_lost(self._losses.in_doubt())
            self._forgotten("has forgotten everything")
        elif run and found.run and run != found.run:
            self._check_doubt()
            self._forgotten("is another process")
        elif has_lost_notes:
            self._telling.tell(lambda receiver: receiver.forgotten())

    def _forgotten(self, what: str) -> None:
        logger.warning("Redis at %s %s: this worker registers itself and its pages again", self._address, what)
        self._telling.counts["forgotten"] += 1
        self._lease.look_now()
        self._telling.heard_gap(f"Redis {what}")
        self._telling.tell(lambda receiver: receiver.forgotten())

    def _say_lost(self, places: Sequence[bytes]) -> None:
        self._losses.count("that Redis has lost, perhaps before all have read them", len(places))

    def _check_doubt(self) -> None:
        places = self._losses.in_doubt()
        if not places:
            return

        async def check_them() -> None:
            missing = None
            while missing is None and not self._has_ended:
                try:
                    missing = await count_missing(self._asking, self._keys, places)
                except BusError:
                    await asyncio.sleep(self._settings.renew)
            self._losses.count("that Redis has lost, perhaps before all have read them", missing or 0)

        assert self._loop is not None
        task = self._loop.create_task(check_them())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear_lease(self, told: Found | Renewed) -> None:
        """Take what the lease tells, in its thread."""
        assert self._loop is not None
        take: Callable[[Any], None] = self._found if isinstance(told, Found) else self._renewed
        # The loop may be closed already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(take, told)

    def _renewed(self, renewed: Renewed) -> None:
        if self._has_ended:
            return
        self._lease.read = self._reader.all.last
        slow = self._members.update(renewed.living, may_die=renewed.may_die, lost=self._lost)
        for _, *fields in renewed.living:
            self._applications.see(fields[5])
        for worker in slow:
            text = "The worker %s is slow: more than %d messages wait for it"
            logger.warning(text, worker, self._settings.slow_entries)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        elif renewed.has_lapsed:
            self._telling.counts["lapsed"] += 1
            logger.warning("The lease of this worker had ended: other workers may have taken it for dead")
            self._telling.tell(lambda receiver: receiver.lapsed())

    def _lost(self, worker: str) -> None:
        if worker == self._worker:
            return
        self._reader.forget(worker)
        self._telling.tell(lambda receiver: receiver.lost(worker))

    def _note_again(self) -> None:
        """Let everything be noted again before Redis forgets it by itself."""
        assert self._loop is not None

        def note() -> None:
            self._telling.tell(lambda receiver: receiver.forgotten())
            self._note_again()

        self._again = self._loop.call_later(self._settings.note_again, note)

    def _gave_up(self) -> None:
        # What was asked of others is not answered, and what is relayed goes nowhere.
        self._telling.heard_gap("Redis cannot be reached")

    def _dropped(self, dropped: Counter[str], is_too_much: bool) -> None:  # noqa: FBT001 - how `Outbox` tells it
        why = "because too much waits" if is_too_much else "because they waited too long"
        for whom, count in dropped.items():
            self._losses.count(f"to {'all' if whom == 'all' else 'one worker'}, {why}", count)
        if dropped["worker"]:
            self._telling.heard_gap("messages to another worker were dropped")
