"""`Switchboard`: the members, the directory, the stream for all and the parked tabs of one realm, in one memory.

It is what the parent process of several workers has, and what a bus in one process is made on. No I/O: who serves it
says what was asked, and is told what to deliver. Rows are passed on and not looked into.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from webipc.cluster.bus.bus import BusError, Member
from webipc.cluster.bus.directory import By, Home, Key, Over, Parked, Place, Taken
from webipc.electron.ids import MOST_ORDINAL

KEPT: Final = 65_536
"""Messages to all that are kept for who takes a tab, at most."""
KEPT_BYTES: Final = 16_777_216
OVER: Final = 65_536
"""Links that have ended which are remembered, at most."""
PARKED_BYTES: Final = 536_870_912
WORDS: Final = 1_000
"""Messages that wait for a parked tab, at most."""
WORDS_BYTES: Final = 1_048_576


class Line(Protocol):
    """The way to one worker. None of these may raise or call back at once."""

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        """Deliver what a worker has said to this one."""

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        """Deliver what was said to all."""

    def member(self, member: Member) -> None:
        """Tell of a worker that has begun, or has changed."""

    def lost(self, worker: str) -> None:
        """Tell of a worker that does not live any more."""


class Kept(NamedTuple):
    """One message to all that is kept."""

    number: int
    own: int
    origin: str
    rows: Sequence[bytes]


class _Worker:
    """A worker that lives."""

    __slots__ = ("line", "links", "member", "own", "tabs")

    def __init__(self, member: Member, line: Line) -> None:
        self.member = member
        self.line = line
        # How much it has said to all.
        self.own = 0
        self.links: set[Key] = set()
        self.tabs: set[int] = set()


class _Tab:
    """A tab: at a worker, or parked."""

    __slots__ = ("links", "snapshot", "tokens", "until", "words", "worker")

    def __init__(self, worker: str) -> None:
        # Empty while it is parked.
        self.worker = worker
        self.tokens: set[Key] = set()
        # These only while it is parked.
        self.snapshot = b""
        self.links: tuple[Key, ...] = ()
        self.words: list[bytes] = []
        self.until = 0.0


class Switchboard:
    """The workers of one realm, and what they know of each other. Belongs to one thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is a clock in seconds that never goes back."""
        self._now = now
        self._ordinal = 0
        self._workers: dict[str, _Worker] = {}
        self._links: dict[Key, str | int] = {}
        self._over: OrderedDict[Key, float] = OrderedDict()
        self._tabs: dict[int, _Tab] = {}
        self._tokens: dict[Key, int] = {}
        # Parked tabs, the oldest first.
        self._parked: OrderedDict[int, None] = OrderedDict()
        self.parked_bytes = 0
        self._number = 0
        self._kept: deque[Kept] = deque()
        self._kept_bytes = 0

    # --- members --------------------------------------------------------------------------------------------------

    def enter(self, worker: str, formats: Sequence[int], line: Line) -> Member:
        """Take in a worker, and tell all of it; it is told of the others. Raises BusError where it is in already."""
        if worker in self._workers:
            raise BusError(f"expected a worker that is no member yet, got {worker}")
        member = Member(worker, self._next_ordinal(), formats=tuple(formats))
        for other in self._workers.values():
            line.member(other.member)
            other.line.member(member)
        self._workers[worker] = _Worker(member, line)
        line.member(member)
        return member

    def _next_ordinal(self) -> int:
        living = {worker.member.ordinal for worker in self._workers.values()}
        while True:
            self._ordinal = self._ordinal % MOST_ORDINAL + 1
            if self._ordinal not in living:
                return self._ordinal

    def change(self, worker: str, *, is_draining: bool | None = None, pages: int | None = None) -> None:
        """Note what has changed with a worker, and tell all of it."""
        found = self._workers.get(worker)
        if found is None:
            return
        old = found.member
        found.member = old._replace(
            is_draining=old.is_draining if is_draining is None else is_draining,
            pages=old.pages if pages is None else pages,
        )
        for each in list(self._workers.values()):
            each.line.member(found.member)

    def leave(self, worker: str) -> None:
        """Forget a worker with its links and tabs, and tell the others. Parked tabs stay. Once."""
        gone = self._workers.pop(worker, None)
        if gone is None:
            return
        for link in gone.links:
            del self._links[link]
        for contents_id in gone.tabs:
            self._forget_tab(contents_id)
        for other in list(self._workers.values()):
            other.line.lost(worker)

    @property
    def members(self) -> Iterator[Member]:
        """The workers that live."""
        return (worker.member for worker in self._workers.values())

    # --- messages -------------------------------------------------------------------------------------------------

    def post(self, origin: str, worker: str, rows: Sequence[bytes]) -> bool:
        """Pass on what one worker says to another. False where that does not live."""
        found = self._workers.get(worker)
        if found is None or origin not in self._workers:
            return False
        found.line.said(origin, rows)
        return True

    def post_all(self, origin: str, rows: Sequence[bytes]) -> int:
        """Pass on what one worker says to all, itself included. Return its number."""
        self._number += 1
        found = self._workers.get(origin)
        own = 0
        if found is not None:
            found.own += 1
            own = found.own
        self._keep(Kept(self._number, own, origin, tuple(rows)))
        for worker in list(self._workers.values()):
            worker.line.said_to_all(self._number, own, origin, rows)
        return self._number

    def _keep(self, message: Kept) -> None:
        self._kept.append(message)
        self._kept_bytes += sum(map(len, message.rows))
        while len(self._kept) > KEPT or (self._kept_bytes > KEPT_BYTES and len(self._kept) > 1):
            self._kept_bytes -= sum(map(len, self._kept.popleft().rows))

    @property
    def number(self) -> int:
        """The number of the last message to all; 0 before the first."""
        return self._number

    def since(self, number: int) -> list[Kept] | None:
        """Return what was said to all behind this number; None where some of it is not kept any more."""
        if number >= self._number:
            return []
        if not self._kept or self._kept[0].number > number + 1:
            return None
        first = self._kept[0].number
        return [self._kept[place] for place in range(max(0, number + 1 - first), len(self._kept))]

    # --- the directory --------------------------------------------------------------------------------------------

    def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory.find`."""
        self._forget_late()
        if (place := self._place(link, "link")) is not None:
            return place
        if link in self._over:
            return Over()
        if parent is not None and (place := self._place(parent, "parent")) is not None:
            return place
        contents_id = None if token is None else self._tokens.get(token)
        return None if contents_id is None else self._place_of_tab(contents_id, "token")

    def _place(self, link: Key, by: By) -> Place | None:
        found = self._links.get(link)
        if found is None:
            return None
        return Home(found, by) if isinstance(found, str) else Parked(found, by)

    def _place_of_tab(self, contents_id: int, by: By) -> Home | Parked | None:
        tab = self._tabs.get(contents_id)
        if tab is None:
            return None
        return Home(tab.worker, by) if tab.worker else Parked(contents_id, by)

    def claim(self, worker: str, link: Key) -> Place | None:
        """See `Directory.claim`. Raises BusError where the worker does not live any more."""
        self._forget_late()
        place = self._place(link, "link")
        if place is None and link in self._over:
            place = Over()
        if place is None:
            self._give(link, self._living(worker))
        return place

    def _living(self, worker: str) -> _Worker:
        found = self._workers.get(worker)
        if found is None:
            raise BusError(f"expected a worker that lives, got {worker}, which has left")
        return found

    def _give(self, link: Key, worker: _Worker) -> None:
        self._links[link] = worker.member.worker
        worker.links.add(link)

    def release(self, worker: str, link: Key) -> None:
        """See `Directory.release`."""
        if self._links.get(link) == worker:
            del self._links[link]
            self._workers[worker].links.discard(link)

    def link_ended(self, worker: str, link: Key, seconds: float) -> None:
        """See `Directory.link_ended`."""
        if self._links.get(link, worker) != worker:
            return
        self.release(worker, link)
        self._over[link] = self._now() + seconds
        self._over.move_to_end(link)
        if len(self._over) > OVER:
            self._over.popitem(last=False)

    def tab_born(self, worker: str, contents_id: int, token: Key) -> None:
        """See `Directory.tab_born`."""
        found = self._workers.get(worker)
        if found is None:
            return
        tab = self._tabs.get(contents_id)
        if tab is None:
            tab = self._tabs[contents_id] = _Tab(worker)
            found.tabs.add(contents_id)
        if tab.worker == worker:
            tab.tokens.add(token)
            self._tokens[token] = contents_id

    def tab_destroyed(self, worker: str, contents_id: int) -> None:
        """See `Directory.tab_destroyed`."""
        tab = self._tabs.get(contents_id)
        if tab is not None and tab.worker == worker:
            self._workers[worker].tabs.discard(contents_id)
            self._forget_tab(contents_id)

    def _forget_tab(self, contents_id: int) -> None:
        for token in self._tabs.pop(contents_id).tokens:
            if self._tokens.get(token) == contents_id:
                del self._tokens[token]

    def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory.where`."""
        self._forget_late()
        return self._place_of_tab(contents_id, "token")

    # --- parked tabs ----------------------------------------------------------------------------------------------

    def park(self, worker: str, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float) -> None:
        """See `Directory.park`. Raises BusError where the tab is not this worker's, or there is no room."""
        self._forget_late()
        tab = self._tabs.get(contents_id)
        if tab is None or tab.worker != worker:
            raise BusError(f"expected a tab of the worker {worker}, got {contents_id}, which it does not have")
        if self.parked_bytes + len(snapshot) > PARKED_BYTES:
            raise BusError(f"parked tabs may have {PARKED_BYTES:,} bytes together, and these are held")
        home = self._living(worker)
        home.tabs.discard(contents_id)
        tab.worker, tab.snapshot, tab.links, tab.until = "", snapshot, tuple(links), self._now() + seconds
        for link in links:
            if self._links.get(link) in (None, worker):
                home.links.discard(link)
                self._links[link] = contents_id
        self._parked[contents_id] = None
        self.parked_bytes += len(snapshot)

    def take(self, worker: str, contents_id: int) -> Taken | None:
        """See `Directory.take`. Raises BusError where the worker does not live any more."""
        self._forget_late()
        if contents_id not in self._parked:
            return None
        home, tab = self._living(worker), self._tabs[contents_id]
        self._unpark(contents_id)
        for link in tab.links:
            if self._links.get(link) == contents_id:
                self._give(link, home)
        taken = Taken(tab.snapshot, tab.words)
        tab.worker, tab.snapshot, tab.links, tab.words = worker, b"", (), []
        home.tabs.add(contents_id)
        return taken

    def _unpark(self, contents_id: int) -> None:
        del self._parked[contents_id]
        tab = self._tabs[contents_id]
        self.parked_bytes -= len(tab.snapshot)

    def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory.leave_word`."""
        self._forget_late()
        if contents_id not in self._parked:
            return False
        words = self._tabs[contents_id].words
        if len(words) >= WORDS or sum(map(len, words)) + len(word) > WORDS_BYTES:
            return False
        words.append(word)
        return True

    def kept(self, worker: str, links: Sequence[Key]) -> list[Key]:
        """See `Directory.kept`."""
        return [link for link in links if self._links.get(link, worker) == worker]

    def note(self, worker: str, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """See `Directory.note`."""
        home = self._workers.get(worker)
        if home is None:
            return
        for link in links:
            if link not in self._links:
                self._give(link, home)
        for contents_id, token in tabs:
            self.tab_born(worker, contents_id, token)

    # --- time -----------------------------------------------------------------------------------------------------

    def _forget_late(self) -> None:
        """Forget the links that ended long ago, and the tabs that nobody has taken in time."""
        now = self._now()
        while self._over and next(iter(self._over.values())) <= now:
            self._over.popitem(last=False)
        while self._parked and self._tabs[next(iter(self._parked))].until <= now:
            contents_id = next(iter(self._parked))
            self._unpark(contents_id)
            for link in self._tabs[contents_id].links:
                if self._links.get(link) == contents_id:
                    del self._links[link]
            self._forget_tab(contents_id)
