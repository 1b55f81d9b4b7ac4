"""`MemoryDirectory`: the directory as one worker of a `MemoryBus` has it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from webipc.cluster.board.places import Places
from webipc.cluster.bus.directory import Home, Key, Parked, Place, Taken

Result = TypeVar("Result")


class Ask(Protocol):
    """Asks the switchboard, in order with what was said to it."""

    def __call__(self, act: Callable[[], Result]) -> Awaitable[Result]:
        """Return what it answers."""


class MemoryDirectory:
    """A `Directory`."""

    def __init__(self, places: Places, worker: str, state: Callable[[Callable[[], object]], None], ask: Ask) -> None:
        """`state` says something to the switchboard, `ask` asks it."""
        self._places = places
        self._worker = worker
        self._state = state
        self._ask = ask

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory`."""
        return await self._ask(lambda: self._places.find(link, parent, token))

    async def claim(self, link: Key) -> Place | None:
        """See `Directory`."""
        return await self._ask(lambda: self._places.claim(self._worker, link))

    def release(self, link: Key) -> None:
        """See `Directory`."""
        self._state(lambda: self._places.release(self._worker, link))

    def link_ended(self, link: Key, seconds: float) -> None:
        """See `Directory`."""
        self._state(lambda: self._places.link_ended(self._worker, link, seconds))

    def tab_born(self, contents_id: int, token: Key) -> None:
        """See `Directory`."""
        self._state(lambda: self._places.tab_born(self._worker, contents_id, token))

    def tab_destroyed(self, contents_id: int) -> None:
        """See `Directory`."""
        self._state(lambda: self._places.tab_destroyed(self._worker, contents_id))

    async def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory`."""
        return await self._ask(lambda: self._places.where(contents_id))

    async def park(
        self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float, snapshot_format: int = 0
    ) -> None:
        """See `Directory`."""
        await self._ask(lambda: self._places.park(self._worker, contents_id, snapshot, links, seconds, snapshot_format))

    async def take(self, contents_id: int) -> Taken | None:
        """See `Directory`."""
        return await self._ask(lambda: self._places.take(self._worker, contents_id))

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory`."""
        return await self._ask(lambda: self._places.leave_word(contents_id, word))

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        """See `Directory`."""
        return await self._ask(lambda: self._places.kept(self._worker, links))

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """See `Directory`."""
        self._state(lambda: self._places.note(self._worker, links, tabs))
