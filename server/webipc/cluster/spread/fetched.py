"""`Fetching`: the tabs of every worker, as far as they answer in time."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from webipc.cluster.bus.bus import NoWorkerError
from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.worker import Worker
from webipc.electron.tab import Tab
from webipc.hub.hub import Hub

INFO: Final = "info"


class PageInfo(NamedTuple):
    """A tab of any worker, as it was when that was asked."""

    id: int
    principal: str
    # What identifies its user, as text; None for nobody.
    identity: str | None
    # Of the document that it shows; empty between two documents. `url` is the page's own claim.
    origin: str
    url: str
    # Whether a socket carries that document.
    connected: bool
    # The name of its worker.
    worker: str


class Fetched(NamedTuple):
    """The tabs of every worker that has answered."""

    pages: list[PageInfo]
    # The names of the workers that live and did not answer in time. Their tabs are not in `pages`.
    missing: list[str]


_PAGES: Final = TypeAdapter(list[PageInfo])


class InfoHead(HeadModel):
    """The head of the question."""

    call: int


class Fetching:
    """Of one worker. All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker) -> None:
        """`worker` is this one."""
        self._worker = worker
        worker.mailbox.on(INFO, InfoHead, self._asked)

    async def fetch(self, seconds: float) -> Fetched:
        """Return the tabs of this worker, and of the others that answer within so many seconds."""
        me, members = self._worker.name, self._worker.bus.members
        others = [member.worker for member in members if member.worker != me]
        answers = await asyncio.gather(*(self._ask(worker, seconds) for worker in others))
        pages = pages_of(self._worker.hub)
        missing = []
        for worker, answer in zip(others, answers, strict=True):
            if answer is not None:
                pages += answer
            elif members.get(worker) is not None:
                missing.append(worker)
        return Fetched(pages, missing)

    async def _ask(self, worker: str, seconds: float) -> list[PageInfo] | None:
        try:
            answer = await self._worker.questions.ask(worker, INFO, {}, seconds=seconds)
            pages = _PAGES.validate_json(answer.rows[0], strict=True)
        except (NoWorkerError, TimeoutError, ValidationError, IndexError):
            return None
        return [page._replace(worker=worker) for page in pages]

    def _asked(self, origin: str, head: InfoHead, rows: Sequence[bytes]) -> None:
        self._worker.questions.answer(origin, head.call, {}, [_PAGES.dump_json(pages_of(self._worker.hub))])


def checked_timeout(seconds: Any) -> float:
    """Return a number of seconds above 0. Raises ValueError for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ValueError(f"expected the timeout as a number of seconds above 0, such as 2.0; got {seconds!r}")
    return seconds


def pages_of(hub: Hub) -> list[PageInfo]:
    """Return the tabs of a worker."""
    return [_info(tab, hub.process) for tab in hub.tabs.all()]


def _info(tab: Tab, worker: str) -> PageInfo:
    shown = tab.shown
    origin, url, connected = ("", "", False) if shown is None else (shown.origin, shown.url, shown.is_attached)
    return PageInfo(tab.id, tab.principal, tab.identity, origin, url, connected, worker)
