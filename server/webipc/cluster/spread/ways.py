"""`Ways`: the way to a tab by its id, wherever it is: here, at another worker, parked, or nowhere.

What one worker has for a tab goes in its order: behind something that waits for an answer of the directory, everything
waits. Where a tab was found is remembered for a while since it was last used, so that what follows takes the same way:
also where the tab has moved meanwhile, be it to this worker. What went before may still be on its way there.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final, Protocol

from webipc.budget.share import Share
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Parked
from webipc.cluster.worker import Worker
from webipc.concurrency.keyed_event import KeyedEvent
from webipc.electron.tab import Tab

CACHED_SECONDS: Final = 10.0
CACHED: Final = 10_000
"""Tabs of which it is remembered where they are, at most."""

WAITING_BYTES: Final = 8_388_608
"""What waits for the directory, at most: so much of the program, and as much of all pages."""
LEAST_BYTES: Final = 65_536
"""So much of it each address may have in any case."""

AGAIN_SECONDS: Final = 0.1
"""How long a tab is waited for that is on its way to this worker, before the directory is asked again."""
TRIES: Final = 20
"""How often in a row the directory is asked without success, before what waits is given up."""


class Step(Protocol):
    """Something for a tab. Exactly one of these is called, or `word` and nothing else."""

    @property
    def size(self) -> int:
        """What it takes while it waits, in bytes."""

    @property
    def payer(self) -> Hashable:
        """Whose it is: the address of a page, None for the program."""

    @property
    def from_elsewhere(self) -> bool:
        """Whether another worker has sent it here: where the tab is not here, the directory is asked."""

    def here(self, tab: Tab) -> None:
        """The tab is here."""

    def there(self, worker: str) -> None:
        """The tab is at another worker, which lives."""

    def word(self) -> bytes | None:
        """Return what to leave for the worker that takes the tab, which is parked; None where that makes no sense."""

    def failed(self, why: str) -> None:
        """There is no way to the tab. `why`: `unknown`, `parked`, `owner-lost`, `full`, `bus` or `ending`."""


class Ways:
    """The ways of one worker. All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker) -> None:
        """`worker` is this one."""
        self._worker = worker
        self._hub, self._bus = worker.hub, worker.bus
        # The worker of each tab that was found lately, and until when that is believed; the last used at the end.
        self._cache: OrderedDict[int, tuple[str, float]] = OrderedDict()
        # What waits for each tab, in order. There is one while a task looks for the tab.
        self._lines: dict[int, deque[Step]] = {}
        self._of_program = 0
        self._of_pages: Share[Hashable] = Share(WAITING_BYTES, LEAST_BYTES)
        self._arrivals: KeyedEvent[int] = KeyedEvent(self._hub.loop, AGAIN_SECONDS)

    @property
    def waiting(self) -> int:
        """How many bytes wait for an answer of the directory."""
        return self._of_program + self._of_pages.held

    def go(self, contents_id: int, step: Step) -> None:
        """Take a step to a tab: at once where its way is known, otherwise when the directory has told it."""
        line = self._lines.get(contents_id)
        if line is None:
            worker = None if step.from_elsewhere else self._cached(contents_id)
            if worker is not None:
                step.there(worker)
                return
            tab = self._hub.tabs.from_id(contents_id)
            if tab is not None:
                step.here(tab)
                return
        if not self._take(step):
            step.failed("full")
            return
        if line is None:
            line = self._lines[contents_id] = deque()
            task = self._hub.loop.create_task(self._walk(contents_id, line), name="webipc looks for a tab")
            self._hub.tasks.add(task)
            task.add_done_callback(self._hub.tasks.discard)
        line.append(step)

    def arrived(self, contents_id: int) -> None:
        """Note that a tab which this worker has taken is here."""
        self._arrivals.set(contents_id)

    def leads_elsewhere(self, contents_id: int) -> bool:
        """Tell whether what is sent to a tab goes through another worker, or waits, also if the tab is here."""
        return contents_id in self._lines or self._cached(contents_id) is not None

    def lost(self, worker: str) -> None:
        """Forget what was at a worker that does not live any more."""
        for contents_id in [one for one, (name, _) in self._cache.items() if name == worker]:
            del self._cache[contents_id]

    # --- what is remembered ---------------------------------------------------------------------------------------

    def _cached(self, contents_id: int) -> str | None:
        found = self._cache.pop(contents_id, None)
        if found is None or found[1] < self._hub.loop.time() or self._bus.members.get(found[0]) is None:
            return None
        self._remember(contents_id, found[0])
        return found[0]

    def _remember(self, contents_id: int, worker: str) -> None:
        self._cache[contents_id] = (worker, self._hub.loop.time() + CACHED_SECONDS)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    # --- what waits -----------------------------------------------------------------------------------------------

    def _take(self, step: Step) -> bool:
        """Count a step that is to wait. Return whether there is room for it."""
        if step.payer is None:
            if self._of_program + step.size > WAITING_BYTES:
                return False
            self._of_program += step.size
            return True
        if not self._of_pages.may(step.payer, step.size):
            return False
        self._of_pages.take(step.payer, step.size)
        return True

    def _next(self, line: deque[Step]) -> Step:
        step = line.popleft()
        if step.payer is None:
            self._of_program -= step.size
        else:
            self._of_pages.give(step.payer, step.size)
        return step

    async def _walk(self, contents_id: int, line: deque[Step]) -> None:
        """Find the tab until nothing waits for it any more."""
        why, tries = "ending", 0
        try:
            while line and tries < TRIES:
                missing = await self._find(contents_id, line)
                tries = tries + 1 if missing else 0
                why = missing or why
        except BusError:
            why = "bus"
        finally:
            del self._lines[contents_id]
            self._fail(line, why)

    async def _find(self, contents_id: int, line: deque[Step]) -> str:
        """Find the tab once, and take the steps as far as that helps. Return why it did not: `unknown`, `full` or "".

        After that the directory is to be asked again.
        """
        place = await self._bus.directory.where(contents_id)
        tab = self._hub.tabs.from_id(contents_id)
        if tab is not None:
            while line:
                self._next(line).here(tab)
        elif isinstance(place, Parked):
            return await self._leave_word(contents_id, line)
        elif isinstance(place, Home) and place.worker == self._bus.worker:
            # It is written already that it is here, or still: it comes, or is about to be parked.
            await self._arrivals.wait(contents_id)
            return "" if self._hub.tabs.from_id(contents_id) is not None else "unknown"
        elif isinstance(place, Home) and self._bus.members.get(place.worker) is not None:
            self._lead(contents_id, line, place.worker)
        else:
            self._fail(line, "owner-lost" if isinstance(place, Home) else "unknown")
        return ""

    def _lead(self, contents_id: int, line: deque[Step], worker: str) -> None:
        """Let everything go to the worker that has the tab; what is to stay behind something else, where that went."""
        way = self._cached(contents_id) or worker
        self._remember(contents_id, way)
        while line:
            step = self._next(line)
            step.there(worker if step.from_elsewhere else way)

    async def _leave_word(self, contents_id: int, line: deque[Step]) -> str:
        word = line[0].word()
        if word is None:
            self._next(line).failed("parked")
        elif await self._bus.directory.leave_word(contents_id, word):
            self._next(line)
        else:
            # A worker has taken it just now, or too much waits for it.
            return "full"
        return ""

    def _fail(self, line: deque[Step], why: str) -> None:
        while line:
            self._next(line).failed(why)
