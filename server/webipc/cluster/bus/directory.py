"""`Directory`: which worker is home to a link and its tab, by keys. Here are the protocol and the places alone.

A key is a digest, so nothing that opens a link is in a directory. What is written is in order with what the same worker
has posted on its bus before.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

Key = str
"""32 hexadecimal digits: the first half of the SHA-256 of a link's id or a tab's token."""

KEY_LENGTH: Final = 32

By = Literal["link", "parent", "token"]
"""Which of the three that a `hello` names was found."""


def key_of(name: str) -> Key:
    """Return the key of a link's id or of a tab's token."""
    return hashlib.sha256(name.encode()).hexdigest()[:KEY_LENGTH]


class Home(NamedTuple):
    """A worker has it. Whether that lives is not said."""

    worker: str
    by: By = "link"


class Parked(NamedTuple):
    """A tab that is written down and at no worker."""

    contents_id: int
    by: By = "link"
    # That of its snapshot: who does not read it must not take it. 0 where it was not told.
    format: int = 0


class Over(NamedTuple):
    """A link that has ended lately."""


Place = Home | Parked | Over
"""Where a link or a tab is."""


class Taken(NamedTuple):
    """A parked tab that one worker has taken, and no other will."""

    snapshot: bytes
    # What was said to it meanwhile, in order: see `leave_word`.
    words: list[bytes]


class Directory(Protocol):
    """Who is home to what. What is awaited raises BusError where it cannot be answered, and never says a wrong thing.

    What is not awaited is written soon, in order, and written again by the worker where the directory forgets.
    """

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        """Return the place of a link; else that of the link of its parent; else that of the tab with this token.

        `Over` is an answer for the link alone. None where nothing of it is known.
        """

    async def claim(self, link: Key) -> Place | None:
        """Make this worker the home of a link that is nowhere. None: it is now; else the place that it has.

        `Home` of this worker where it has claimed it before.
        """

    def release(self, link: Key) -> None:
        """Forget a link that was claimed and not born. Only where this worker has it."""

    def link_ended(self, link: Key, seconds: float) -> None:
        """Answer `Over` for this link for so many seconds. Only where this worker has it, or none."""

    def tab_born(self, contents_id: int, token: Key) -> None:
        """Make this worker the home of a tab, by its id and its token. Tokens that it had before stay."""

    def tab_destroyed(self, contents_id: int) -> None:
        """Forget a tab and its tokens. Only where this worker has it."""

    async def where(self, contents_id: int) -> Home | Parked | None:
        """Return the place of a tab."""

    async def park(
        self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float, snapshot_format: int = 0
    ) -> None:
        """Put down a tab of this worker for so many seconds, with its links and all its tokens, at one moment.

        `snapshot_format` is told to who finds it. Raises BusError where that is impossible: then it is not parked.
        """

    async def take(self, contents_id: int) -> Taken | None:
        """Make this worker the home of a parked tab and of its links. None where it is parked no more.

        Who cancels it may lose the tab: so it is awaited by a task of its own.
        """

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        """Keep something for who takes a parked tab. False where it is not parked, or too much waits for it."""

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        """Return those of these links whose home is this worker, or that are not known: the others are another's."""

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        """Write links and tabs of this worker once more, where nobody else has them, behind a `Receiver.forgotten`."""
