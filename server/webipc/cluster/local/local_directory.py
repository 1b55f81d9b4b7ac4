"""`LocalDirectory`: the directory as a worker has it over its connection to the parent."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Key, Over, Parked, Place, Taken
from webipc.cluster.bus.rows import RowsError, decode_rows
from webipc.cluster.local.local_connection import Answered
from webipc.cluster.local.values import place_of, texts


class State(Protocol):
    """States something."""

    def __call__(self, name: str, *args: Any) -> None:
        """State it."""


class Ask(Protocol):
    """Asks the parent."""

    def __call__(
        self, name: str, *args: Any, payload: bytes = b"", unwanted: Callable[[Answered], None] | None = None
    ) -> Awaitable[Answered]:
        """Return its answer."""


class LocalDirectory:
    """A `Directory`. What the parent answers is in order with what it has passed on before."""

    def __init__(self, state: State, ask: Ask) -> None:
        """`state` and `ask` are those of one hub."""
        self._state = state
        self._ask = ask

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory`."""
        return _place((await self._ask("find", link, parent, token))[0])

    async def claim(self, link: Key) -> Place | None:
        """See `Directory`."""

        def release(answered: Answered) -> None:
            # It was given to this worker, which does not want it any more.
            if answered[0] is None:
                self.release(link)

        return _place((await self._ask("claim", link, unwanted=release))[0])

    def release(self, link: Key) -> None:
        """See `Directory`."""
        self._state("release", link)

    def link_ended(self, link: Key, seconds: float) -> None:
        """See `Directory`."""
        self._state("link-ended", link, seconds)

    def tab_born(self, contents_id: int, token: Key) -> None:
        """See `Directory`."""
        self._state("tab-born", contents_id, token)

    def tab_destroyed(self, contents_id: int) -> None:
        """See `Directory`."""
        self._state("tab-destroyed", contents_id)

    async def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory`."""
        place = _place((await self._ask("where", contents_id))[0])
        return None if isinstance(place, Over) else place

    async def park(
        self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float, snapshot_format: int = 0
    ) -> None:
        """See `Directory`."""
        await self._ask("park", contents_id, list(links), seconds, snapshot_format, payload=snapshot)

    async def take(self, contents_id: int) -> Taken | None:
        """See `Directory`."""
        is_taken, payload = await self._ask("take", contents_id)
        if is_taken is not True:
            return None
        try:
            snapshot, *words = decode_rows(payload)
        except (RowsError, ValueError):
            raise BusError("expected a snapshot and words, got something else from the parent process") from None
        return Taken(snapshot, words)

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory`."""
        return (await self._ask("leave-word", contents_id, payload=word))[0] is True

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        """See `Directory`."""
        try:
            return texts((await self._ask("kept", list(links)))[0])
        except ValueError as error:
            raise BusError(f"the parent process answers something else: {error}") from None

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """See `Directory`."""
        self._state("note", list(links), list(tabs))


def _place(value: Any) -> Place | None:
    try:
        return place_of(value)
    except ValueError as error:
        raise BusError(f"the parent process answers something else: {error}") from None
