"""`RedisDirectory`: who is home to what, in Redis. What is asked is in order with what this worker has posted.

A question that nobody waits for any more is undone where it was answered: a link that was claimed is released, a tab
that was taken is put back.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import By, Home, Key, Over, Parked, Place, Taken
from webipc.cluster.redis_bus.asking import Asking
from webipc.cluster.redis_bus.members import RedisMembers, member_of
from webipc.cluster.redis_bus.scripts.links import CLAIM, ENDED, FIND, KEPT, RELEASE, WHERE
from webipc.cluster.redis_bus.scripts.tabs import BORN, DESTROYED, NOTE, PARK, PUT_BACK, TAKE, TAKEN, WORD
from webipc.cluster.redis_bus.settings import RedisSettings

logger = logging.getLogger("webipc")

PORTION: Final = 1_000
"""How many links or tabs one script is given."""

WORDS: Final = 1_000
WORDS_BYTES: Final = 1_048_576
"""How much may wait for a parked tab."""


class RedisDirectory:
    """See `Directory`. Belongs to the event loop's thread."""

    def __init__(self, asking: Asking, settings: RedisSettings, worker: str, members: RedisMembers) -> None:
        self._asking = asking
        self._settings = settings
        self._worker = worker
        self._members = members
        # Called where this worker may not have any more what it takes for its own.
        self.doubted: Callable[[], None] = lambda: None

    def _place(self, answer: Sequence[bytes]) -> Place | None:
        if not answer[0]:
            return None
        by = cast("By", answer[0].decode())
        if answer[1] == b"-":
            return Over()
        if answer[1] == b"x":
            return Parked(int(answer[2]), by, int(answer[3] or 0))
        member = member_of(answer[2], answer[3:])
        if member is not None:
            # One that has just begun may not be known yet, and must not be taken for dead.
            self._members.see(member)
        return Home(answer[2].decode(), by)

    @property
    def _keep(self) -> int:
        return max(1, int(self._settings.keep))

    @property
    def _back(self) -> int:
        return max(1, int(self._settings.put_back * 1000))

    # --- links ----------------------------------------------------------------------------------------------------

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """See `Directory`."""
        return self._place(await self._asking.ask(FIND, link, parent or "", token or ""))

    async def claim(self, link: Key) -> Place | None:
        """See `Directory`."""

        def late(answer: list[Any]) -> None:
            if not answer[0]:
                self.release(link)

        asked = self._asking.asked(CLAIM, (link, self._keep), late)
        place = self._place(await self._asking.answer(asked))
        # Where it was sent twice, the first one may have claimed it.
        return None if asked.times > 1 and place == Home(self._worker) else place

    def release(self, link: Key) -> None:
        """See `Directory`."""
        self._asking.tell(RELEASE, link)

    def link_ended(self, link: Key, seconds: float) -> None:
        """See `Directory`."""
        self._asking.tell(ENDED, link, max(1, int(seconds * 1000)))

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        """See `Directory`."""
        kept: list[Key] = []
        for start in range(0, len(links), PORTION):
            answer = await self._asking.ask(KEPT, *links[start : start + PORTION])
            kept += [link.decode() for link in answer[1:]]
        return kept

    # --- tabs -----------------------------------------------------------------------------------------------------

    def tab_born(self, contents_id: int, token: Key) -> None:
        """See `Directory`."""
        self._asking.tell(BORN, contents_id, token, self._keep)

    def tab_destroyed(self, contents_id: int) -> None:
        """See `Directory`."""
        self._asking.tell(DESTROYED, contents_id)

    async def where(self, contents_id: int) -> Home | Parked | None:
        """See `Directory`."""
        place = self._place(await self._asking.ask(WHERE, contents_id))
        return None if isinstance(place, Over) else place

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """See `Directory`."""
        for start in range(0, len(links), PORTION):
            portion = links[start : start + PORTION]
            self._asking.tell(NOTE, self._keep, len(portion), *portion)
        for start in range(0, len(tabs), PORTION):
            some = tabs[start : start + PORTION]
            self._asking.tell(NOTE, self._keep, 0, *(part for tab in some for part in tab))

    # --- parked tabs ----------------------------------------------------------------------------------------------

    async def park(
        self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float, snapshot_format: int = 0
    ) -> None:
        """See `Directory`."""

        def late(answer: list[Any]) -> None:
            if answer == [b"1"]:
                # Who wanted that has it still, unless another worker was quicker.
                once = secrets.token_hex(8)
                self._asking.tell(TAKE, contents_id, once, self._keep, self._back)
                self._asking.tell(TAKEN, contents_id, once)
                logger.warning("A tab was parked too late, and is taken back")
                self.doubted()

        milliseconds = max(1, int(seconds * 1000))
        answer = await self._asking.ask(
            PARK, contents_id, secrets.token_hex(8), milliseconds, snapshot, snapshot_format, *links, late=late
        )
        if answer != [b"1"]:
            raise BusError(f"expected a tab of the worker {self._worker}, got {contents_id}, which it does not have")

    async def take(self, contents_id: int) -> Taken | None:
        """See `Directory`."""
        once = secrets.token_hex(8)

        def late(answer: list[Any]) -> None:
            if answer[0]:
                self._asking.tell(PUT_BACK, contents_id, once)

        answer = await self._asking.ask(TAKE, contents_id, once, self._keep, self._back, late=late)
        if not answer[0]:
            return None
        self._asking.tell(TAKEN, contents_id, once)
        return Taken(answer[1], answer[2])

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        """See `Directory`."""
        asked = self._asking.asked(WORD, (contents_id, word, WORDS, WORDS_BYTES))
        # It would be said twice.
        asked.is_repeatable = False
        return bool(await self._asking.answer(asked) == [b"1"])
