"""`Places`: the directory of one realm in one memory: whose a link and a tab are, what has ended, and what is parked.

No I/O. The methods are those of `Directory`, of a worker that is named first. Links and tabs are as many as the workers
have; what no worker pays for is bounded here.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import By, Home, Key, Over, Parked, Place, Taken

OVER: Final = 65_536
"""Links that have ended which are remembered, at most: the oldest are forgotten early."""
TOKENS: Final = 16
"""Tokens of one tab that are remembered, at most: each move gives it a new one."""
PARKED: Final = 65_536
"""Parked tabs, at most."""
PARKED_BYTES: Final = 536_870_912
"""What parked tabs have together, at most: snapshots, links and words."""
WORDS: Final = 1_000
"""Messages that wait for a parked tab, at most."""
WORDS_BYTES: Final = 1_048_576

_ENTRY_BYTES: Final = 128
"""What a link, or a message that waits, costs beside its own bytes, about."""


class _Worker:
    """What a worker is home to."""

    __slots__ = ("links", "tabs")

    def __init__(self) -> None:
        self.links: set[Key] = set()
        self.tabs: set[int] = set()


class _Written:
    """What there is of a parked tab."""

    __slots__ = ("format", "links", "size", "snapshot", "until", "words", "words_bytes")

    def __init__(self, snapshot: bytes, links: Sequence[Key], until: float, snapshot_format: int) -> None:
        self.snapshot = snapshot
        self.format = snapshot_format
        self.links = tuple(links)
        self.until = until
        self.words: list[bytes] = []
        self.words_bytes = 0
        self.size = len(snapshot) + _ENTRY_BYTES * (len(links) + 1)


class _Tab:
    """A tab: at a worker, or parked."""

    __slots__ = ("tokens", "worker", "written")

    def __init__(self, worker: str) -> None:
        # Empty while it is parked.
        self.worker = worker
        # The oldest first.
        self.tokens: dict[Key, None] = {}
        # Only while it is parked.
        self.written: _Written | None = None


class Places:
    """Who is home to what. Belongs to one thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is a clock in seconds that never goes back."""
        self._now = now
        self._workers: dict[str, _Worker] = {}
        # A worker, or the id of a parked tab.
        self._links: dict[Key, str | int] = {}
        # Until when.
        self._over: OrderedDict[Key, float] = OrderedDict()
        self._tabs: dict[int, _Tab] = {}
        self._tokens: dict[Key, int] = {}
        # Parked tabs, the oldest first.
        self._parked: OrderedDict[int, _Written] = OrderedDict()
        self.parked_bytes = 0

    # --- workers --------------------------------------------------------------------------------------------------

    def enter(self, worker: str) -> None:
        """Take in a worker, which has nothing yet."""
        self._workers[worker] = _Worker()

    def leave(self, worker: str) -> None:
        """Forget a worker with its links and tabs. What it has parked stays."""
        gone = self._workers.pop(worker)
        for link in gone.links:
            del self._links[link]
        for contents_id in gone.tabs:
            self._forget_tab(contents_id)

    def _living(self, worker: str) -> _Worker:
        found = self._workers.get(worker)
        if found is None:
            raise BusError(f"expected a worker that lives, got {worker}, which has left")
        return found

    def ordinals(self) -> set[int]:
        """Return the ordinals with which the ids of tabs begin."""
        return {contents_id >> 32 for contents_id in self._tabs}

    # --- where something is ---------------------------------------------------------------------------------------

    def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory.find`."""
        self.forget_late()
        if (place := self._place(link, "link")) is not None:
            return place
        if self._is_over(link):
            return Over()
        if parent is not None and (place := self._place(parent, "parent")) is not None:
            return place
        contents_id = None if token is None else self._tokens.get(token)
        return None if contents_id is None else self._place_of_tab(contents_id, "token")

    def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory.where`."""
        self.forget_late()
        return self._place_of_tab(contents_id, "token")

    def _place(self, link: Key, by: By) -> Home | Parked | None:
        found = self._links.get(link)
        if isinstance(found, int):
            return self._place_of_tab(found, by)
        return None if found is None else Home(found, by)

    def _place_of_tab(self, contents_id: int, by: By) -> Home | Parked | None:
        tab = self._tabs.get(contents_id)
        if tab is None:
            return None
        if tab.written is None:
            return Home(tab.worker, by)
        return None if self._is_late(contents_id, tab.written) else Parked(contents_id, by, tab.written.format)

    def _is_over(self, link: Key) -> bool:
        return self._over.get(link, 0.0) > self._now()

    # --- links ----------------------------------------------------------------------------------------------------

    def claim(self, worker: str, link: Key) -> Place | None:
        """See `Directory.claim`. Raises BusError where the worker does not live any more."""
        self.forget_late()
        place = self._place(link, "link")
        if place is not None:
            return place
        if self._is_over(link):
            return Over()
        self._give(link, worker, self._living(worker))
        return None

    def _give(self, link: Key, worker: str, home: _Worker) -> None:
        self._links[link] = worker
        home.links.add(link)

    def release(self, worker: str, link: Key) -> None:
        """See `Directory.release`."""
        if self._links.get(link) == worker:
            del self._links[link]
            self._workers[worker].links.discard(link)

    def link_ended(self, worker: str, link: Key, seconds: float) -> None:
        """See `Directory.link_ended`."""
        if worker not in self._workers or self._links.get(link, worker) != worker:
            return
        self.release(worker, link)
        self._over[link] = self._now() + seconds
        self._over.move_to_end(link)
        if len(self._over) > OVER:
            self._over.popitem(last=False)

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
                self._give(link, worker, home)
        for contents_id, token in tabs:
            self.tab_born(worker, contents_id, token)

    # --- tabs -----------------------------------------------------------------------------------------------------

    def tab_born(self, worker: str, contents_id: int, token: Key) -> None:
        """See `Directory.tab_born`."""
        home = self._workers.get(worker)
        if home is None:
            return
        tab = self._tabs.get(contents_id)
        if tab is None:
            tab = self._tabs[contents_id] = _Tab(worker)
            home.tabs.add(contents_id)
        if tab.worker == worker:
            tab.tokens.pop(token, None)
            tab.tokens[token] = None
            self._tokens[token] = contents_id
            if len(tab.tokens) > TOKENS:
                self._forget_token(next(iter(tab.tokens)), contents_id)

    def _forget_token(self, token: Key, contents_id: int) -> None:
        del self._tabs[contents_id].tokens[token]
        # Another tab may have it by now.
        if self._tokens.get(token) == contents_id:
            del self._tokens[token]

    def tab_destroyed(self, worker: str, contents_id: int) -> None:
        """See `Directory.tab_destroyed`."""
        tab = self._tabs.get(contents_id)
        if tab is not None and tab.worker == worker:
            self._workers[worker].tabs.discard(contents_id)
            self._forget_tab(contents_id)

    def _forget_tab(self, contents_id: int) -> None:
        for token in list(self._tabs[contents_id].tokens):
            self._forget_token(token, contents_id)
        del self._tabs[contents_id]

    # --- parked tabs ----------------------------------------------------------------------------------------------

    def park(
        self,
        worker: str,
        contents_id: int,
        snapshot: bytes,
        links: Sequence[Key],
        seconds: float,
        snapshot_format: int = 0,
    ) -> None:
        """See `Directory.park`. Raises BusError where the tab is not this worker's, or there is no room."""
        self.forget_late()
        home, tab = self._living(worker), self._tabs.get(contents_id)
        if tab is None or tab.worker != worker:
            raise BusError(f"expected a tab of the worker {worker}, got {contents_id}, which it does not have")
        written = _Written(snapshot, links, self._now() + seconds, snapshot_format)
        if len(self._parked) >= PARKED or self.parked_bytes + written.size > PARKED_BYTES:
            raise BusError(f"parked tabs may have {PARKED_BYTES:,} bytes together and be {PARKED:,}; all is in use")
        home.tabs.discard(contents_id)
        tab.worker, tab.written = "", written
        for link in written.links:
            if self._links.get(link, worker) == worker:
                home.links.discard(link)
                self._links[link] = contents_id
        self._parked[contents_id] = written
        self.parked_bytes += written.size

    def take(self, worker: str, contents_id: int) -> Taken | None:
        """See `Directory.take`. Raises BusError where the worker does not live any more: then it stays parked."""
        home, written = self._living(worker), self._written(contents_id)
        if written is None:
            return None
        self._unpark(contents_id)
        for link in written.links:
            if self._links.get(link) == contents_id:
                self._give(link, worker, home)
        self._tabs[contents_id].worker = worker
        home.tabs.add(contents_id)
        return Taken(written.snapshot, written.words)

    def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory.leave_word`."""
        written = self._written(contents_id)
        size = len(word) + _ENTRY_BYTES
        if (
            written is None
            or len(written.words) >= WORDS
            or written.words_bytes + len(word) > WORDS_BYTES
            or self.parked_bytes + size > PARKED_BYTES
        ):
            return False
        written.words.append(word)
        written.words_bytes += len(word)
        written.size += size
        self.parked_bytes += size
        return True

    def _written(self, contents_id: int) -> _Written | None:
        """Return what there is of a parked tab; None where it is not parked, or for too long."""
        self.forget_late()
        written = self._parked.get(contents_id)
        return None if written is None or self._is_late(contents_id, written) else written

    def _unpark(self, contents_id: int) -> None:
        self.parked_bytes -= self._parked.pop(contents_id).size
        self._tabs[contents_id].written = None

    # --- time -----------------------------------------------------------------------------------------------------

    def forget_late(self) -> None:
        """Forget the links that ended long ago, and the tabs that nobody has taken in time.

        Those that were given more time than one behind them wait for it here; what is answered looks at the time.
        """
        now = self._now()
        while self._over and next(iter(self._over.values())) <= now:
            self._over.popitem(last=False)
        while self._parked:
            contents_id, written = next(iter(self._parked.items()))
            if not self._is_late(contents_id, written):
                return

    def _is_late(self, contents_id: int, written: _Written) -> bool:
        """Whether a parked tab's time is over: then it is forgotten."""
        if written.until > self._now():
            return False
        self._unpark(contents_id)
        for link in written.links:
            if self._links.get(link) == contents_id:
                del self._links[link]
        self._forget_tab(contents_id)
        return True

    def stats(self) -> dict[str, Any]:
        """Return how much there is of what."""
        return {
            "links": len(self._links),
            "over": len(self._over),
            "tabs": len(self._tabs),
            "tokens": len(self._tokens),
            "parked": len(self._parked),
            "parked_bytes": self.parked_bytes,
        }
