"""`Placing`: which worker has the link that a `hello` names, or its tab; for sockets, requests and beacons alike.

What is here needs no directory. Otherwise the directory is asked, and its answer is judged: there are four, each with a
method of its own. Who lives is what the members say, and one that this worker has never heard of may have just begun:
that is waited for. A reset ends what a page has said, so it is told only where nothing else can be true.
Reasons: docs/adr/0051-one-home-for-a-tab.md
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from webipc.access.visitor import RefusedError, Visitor
from webipc.cluster.bus.bus import BusError, Member, NoWorkerError
from webipc.cluster.bus.directory import Home, Over, Parked, Place, key_of
from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.edge.noting import Noting
from webipc.cluster.edge.owners import Owners
from webipc.cluster.worker import Part, Worker
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.hub.attaches import StoppingError

PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Seconds before the directory is asked again; the last one for every further time."""
PARENT_SECONDS: Final = sum(PAUSES)
"""How long a document in an iframe waits until its parent is anywhere, about as long as at one worker."""
MOVE_SECONDS: Final = 10.0
"""How long a request waits that asks too early: its tab leaves its worker when what runs for it has ended."""
ARRIVAL_SECONDS: Final = 2.0
"""How long is waited for what the directory names and is not there yet: it is on its way."""


class Takings(Protocol):
    """Lets parked tabs go on at this worker."""

    def reads(self, snapshot_format: int) -> bool:
        """Tell whether a parked tab whose snapshot has this format can go on here; 0 where that is not known."""

    def under_way(self) -> Sequence[Awaitable[Any]]:
        """Return what is done when the tabs are here that are taken at this moment. May be waited for by several."""

    async def wait_for(self, hello: Hello) -> None:
        """Wait until the listeners for new tabs have begun, where the tab that a `hello` names has just come here."""

    async def take(self, contents_id: int, visitor: Visitor) -> bool:
        """Let a parked tab go on here, for this visitor; all who ask for one share it. False where it is not parked.

        Raises ResetError, RefusedError with TRY_LATER, BusError.
        """


class HaveHead(HeadModel):
    """The head of the question whether a worker has a link."""

    link: str
    call: int


class _Later(NamedTuple):
    """Nothing can be said yet: the directory is asked again, until `most` seconds have passed. Then it is `then`."""

    most: float
    then: Callable[[], str | None]


class _Patience:
    """The pauses of one attach."""

    def __init__(self) -> None:
        self._count = 0
        self._waited = 0.0

    async def wait(self, most: float) -> bool:
        """Wait for the next pause. False where the pauses have taken so many seconds already."""
        if self._waited >= most:
            return False
        pause = PAUSES[min(self._count, len(PAUSES) - 1)]
        self._count += 1
        self._waited += pause
        await asyncio.sleep(pause)
        return True


class Placing(Part):
    """Finds homes, and makes this worker the home of what is born here."""

    HAVE: Final = "have"

    def __init__(self, worker: Worker, noting: Noting, takings: Takings) -> None:
        self._worker = worker
        self._hub = worker.hub
        self._directory = worker.bus.directory
        self._noting = noting
        self._takings = takings
        self._owners = Owners(worker)
        # Links that are claimed at this moment, each by so many attaches.
        self._claiming: Counter[str] = Counter()
        self._births = 0
        worker.mailbox.on(self.HAVE, HaveHead, self._asked)

    # --- where it is ----------------------------------------------------------------------------------------------

    async def place(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing.place`."""
        patience = _Patience()
        while not self._is_here(hello):
            self._refuse_draining(hello)
            verdict = await self._judge(await self._find(hello), hello, visitor, is_relayed=is_relayed)
            if not isinstance(verdict, _Later):
                return verdict
            if not await patience.wait(verdict.most):
                return verdict.then()
        await self._takings.wait_for(hello)
        return None

    def _is_here(self, hello: Hello) -> bool:
        """Tell whether nothing has to be asked: the link is, or was, or is to be born in a tab of this worker."""
        if self._has_link(hello):
            return True
        if not hello.fresh or self._worker.is_draining:
            return False
        if hello.parent is not None:
            return hello.parent in self._hub.links or self._hub.links.has_ended(hello.parent)
        return self._hub.tabs.with_token(hello.token) is not None

    def _has_link(self, hello: Hello) -> bool:
        return hello.link in self._hub.links or self._hub.links.has_ended(hello.link)

    def _refuse_draining(self, hello: Hello) -> None:
        """Raise StoppingError for a new document at a worker that takes nothing new."""
        if hello.fresh and self._worker.is_draining:
            raise StoppingError

    async def _find(self, hello: Hello) -> Place | None:
        if hello.fresh and hello.parent is None and hello.token is None:
            # Its link is all that could be found, and that is claimed in any case.
            return None
        parent = key_of(hello.parent) if hello.fresh and hello.parent is not None else None
        token = key_of(hello.token) if hello.fresh and hello.token is not None else None
        try:
            return await self._directory.find(key_of(hello.link), parent, token)
        except BusError:
            raise _unknown() from None

    async def _judge(
        self, found: Place | None, hello: Hello, visitor: Visitor, *, is_relayed: bool
    ) -> str | _Later | None:
        if isinstance(found, Over):
            raise ResetError("ended")
        if isinstance(found, Parked):
            return await self._take(found, hello, visitor, is_relayed=is_relayed)
        if isinstance(found, Home):
            if found.worker == self._worker.name:
                return await self._at_home(found, hello)
            return self._elsewhere(found, hello, is_relayed=is_relayed)
        return await self._nowhere(hello, is_relayed=is_relayed)

    async def _take(self, found: Parked, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | _Later | None:
        if self._worker.is_draining:
            # A page asks with a request three times at most. A socket comes again by itself.
            taker = None if hello.attempt or is_relayed else self._taker(found)
            if taker is None:
                raise StoppingError
            return taker
        if not self._takings.reads(found.format):
            return self._unreadable(found, is_relayed=is_relayed)
        try:
            is_here = await self._takings.take(found.contents_id, visitor)
        except BusError:
            raise _unknown() from None
        # Another worker was faster: the directory says which.
        return None if is_here else _Later(ARRIVAL_SECONDS, _try_later)

    def _takers(self, found: Parked) -> list[Member]:
        """Return the other workers that can take a parked tab."""
        others = [other for other in self._worker.bus.members if other.worker != self._worker.name]
        return [other for other in others if not other.is_draining and found.format in (0, *other.formats)]

    def _taker(self, found: Parked) -> str | None:
        """Return one that is not behind: the same for all pages of a tab, and another for another tab."""
        takers = [taker.worker for taker in self._takers(found) if not taker.is_slow]
        return takers[found.contents_id % len(takers)] if takers else None

    def _unreadable(self, found: Parked, *, is_relayed: bool) -> str | _Later | None:
        """Judge a tab that a worker of another version has written down. It stays parked for one that reads it."""
        if self._takers(found):
            taker = None if is_relayed else self._taker(found)
            if taker is None:
                raise _unknown()
            return taker
        if found.by != "link":
            # Its page is told so; what comes now has no tab.
            return None
        return _Later(ARRIVAL_SECONDS, lambda: self._unread(found))

    def _unread(self, found: Parked) -> None:
        self._owners.unread(found.format)
        raise ResetError("owner-lost")

    async def _at_home(self, found: Home, hello: Hello) -> str | _Later | None:
        """Judge what the directory says is here and is not: it is on its way, and never a reason for a reset."""
        if under_way := self._takings.under_way():
            await asyncio.wait([asyncio.ensure_future(one) for one in under_way], timeout=ARRIVAL_SECONDS)
            return _Later(ARRIVAL_SECONDS, _try_later)
        if hello.fresh:
            # Another attach of it has claimed it, or that of its parent; whichever comes first makes it.
            return None
        return _Later(ARRIVAL_SECONDS, lambda: self._never_came(hello))

    def _never_came(self, hello: Hello) -> None:
        # Should nothing here be about to make it, nobody has it: the next answer is that it is not known.
        self.release(hello)
        raise _unknown()

    def _elsewhere(self, found: Home, hello: Hello, *, is_relayed: bool) -> str | _Later | None:
        member = self._worker.bus.members.get(found.worker)
        if member is None:
            known = self._owners.has_died(found.worker)
            return self._without_owner(found, hello) if known else self._unheard_of(found, hello)
        if is_relayed or member.is_slow:
            raise _unknown()
        if member.is_draining and found.by != "link":
            # Its tab is parked soon. Born anywhere else the document would have a tab of its own.
            return _Later(PARENT_SECONDS, _try_later)
        return found.worker

    def _unheard_of(self, found: Home, hello: Hello) -> _Later:
        """Judge a worker that is no member and was none: it has just begun, or had ended before this one began."""
        return _Later(ARRIVAL_SECONDS, lambda: self._without_owner(found, hello))

    def _without_owner(self, found: Home, hello: Hello) -> str | None:
        """Judge what a worker had that lives no more."""
        if found.by == "link":
            self._owners.missed(found.worker)
            raise ResetError("owner-lost")
        # Its page is told so, and its documents come again behind it; what comes now has no tab.
        return None

    async def _nowhere(self, hello: Hello, *, is_relayed: bool) -> str | _Later | None:
        if hello.fresh:
            return None if hello.parent is None else _Later(PARENT_SECONDS, _here)
        process, me = hello.process, self._worker.name
        if process is None or process == me:
            raise ResetError("unknown-link")
        if self._worker.bus.members.get(process) is None:
            self._owners.missed(process)
            raise ResetError("owner-lost")
        # A claim of the page, which chooses among members. One that could not write its links down may have it.
        if not is_relayed and await self._has(process, hello):
            return process
        raise ResetError("unknown-link")

    async def until_moved(self, worker: str, hello: Hello) -> None:
        """Wait until a link has left a worker that drains, for at most `MOVE_SECONDS`.

        A page that is blocked in a call asks again at once, and only a few times.
        """
        patience = _Patience()
        while (member := self._worker.bus.members.get(worker)) is not None and member.is_draining:
            try:
                found = await self._directory.find(key_of(hello.link), None, None)
            except BusError:
                return
            if not isinstance(found, Home) or found.worker != worker or not await patience.wait(MOVE_SECONDS):
                return

    # --- where it begins ------------------------------------------------------------------------------------------

    async def claim(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """See `Sharing.claim`."""
        if not hello.fresh:
            # It may have moved away while the application was asked.
            return await self.place(hello, visitor, is_relayed=is_relayed)
        patience = _Patience()
        while not self._has_link(hello):
            self._refuse_draining(hello)
            found = await self._claimed(hello)
            if found is None:
                return None
            verdict = await self._judge(found, hello, visitor, is_relayed=is_relayed)
            if not isinstance(verdict, _Later):
                return verdict
            if not await patience.wait(verdict.most):
                return verdict.then()
        await self._takings.wait_for(hello)
        return None

    async def _claimed(self, hello: Hello) -> Place | None:
        """Claim a link, and return where it is instead; None where it is to be born here."""
        link = hello.link
        self._claiming[link] += 1
        is_known = False
        try:
            found = await self._directory.claim(key_of(link))
            is_known = True
        except BusError:
            if (hello.parent is not None or hello.token is not None) and not self._is_here(hello):
                raise _unknown() from None
            # All that a page at home needs is here. Who has it is written down when that is possible.
            is_known = True
            self._noting.later(link)
            return None
        finally:
            self._claiming[link] -= 1
            if not self._claiming[link]:
                del self._claiming[link]
            if not is_known:
                # It may be written nevertheless: the attach was cancelled, or the answer is lost.
                self.release(hello)
        if found is None:
            self._births += 1
            self._forget_if_draining(hello)
        return found

    def _forget_if_draining(self, hello: Hello) -> None:
        if self._worker.is_draining:
            self.release(hello)
            raise StoppingError

    def release(self, hello: Hello) -> None:
        """See `Sharing.release`."""
        if hello.link not in self._hub.links and hello.link not in self._claiming:
            self._directory.release(key_of(hello.link))

    # --- the question whether a worker has a link -----------------------------------------------------------------

    async def _has(self, worker: str, hello: Hello) -> bool:
        try:
            answer = await self._worker.questions.ask(worker, self.HAVE, {"link": hello.link}, seconds=ARRIVAL_SECONDS)
        except (NoWorkerError, TimeoutError):
            raise _unknown() from None
        return answer.fields.get("has") is True

    def _asked(self, origin: str, head: HaveHead, rows: Sequence[bytes]) -> None:
        self._worker.questions.answer(origin, head.call, {"has": head.link in self._hub.links})

    # --- what the bus tells ---------------------------------------------------------------------------------------

    def lost(self, worker: str) -> None:
        """See `Part`."""
        self._owners.lost(worker)

    def end(self) -> None:
        """See `Part`."""
        self._owners.end()

    def stats(self) -> Mapping[str, Any]:
        """Return `births`: how many links began here; `owner_lost`: how many were reset, as their worker has died."""
        return {"births": self._births, "owner_lost": self._owners.count}


def _here() -> None:
    return None


def _try_later() -> None:
    raise _unknown()


def _unknown() -> RefusedError:
    return RefusedError(CloseCode.TRY_LATER, "it is not known at this moment which process has this page")
