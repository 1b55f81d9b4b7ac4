"""`Broadcasts`: what is sent to many pages, over the stream that every worker reads.

This worker's own pages have it before it is posted, so that what one program sends keeps its order there. Entries of
this worker's own are skipped when they come. Where some are missed, the pages here are reset: what they show may be
wrong. A tab that comes from another worker catches up (catching_up.py).
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from webipc.cluster.bus.all_kinds import BROADCAST, REAUTHENTICATE, SHOUT, Whom, shout_head
from webipc.cluster.bus.bus import Bus, Position, Said, SaidToAll
from webipc.cluster.bus.kinds import HeadModel, Kinds
from webipc.cluster.spread.catching_up import CatchingUp, Left, links_of
from webipc.cluster.spread.messages import WrongMessageError, message_of, rows_of
from webipc.cluster.spread.own_entries import OwnEntries
from webipc.core.errors import CloseCode
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.hub.hub import Hub

logger = logging.getLogger("webipc")

Recipient = Tab | Document

Excluded = Annotated[list[int | None], Field(min_length=2, max_length=2)]

WAIT_SECONDS: Final = 2.0
"""How long a tab that comes waits for this worker to read what its old home has read."""


class BroadcastHead(HeadModel):
    """The head of a message to every page."""


class To(HeadModel):
    """To whom a message goes: exactly one of these."""

    contents: int | None = None
    principal: str | None = None
    user: str | None = None
    group: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "To":
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("expected exactly one of contents, principal, user and group")
        return self


class ShoutHead(HeadModel):
    """The head of a message to some pages. See all_kinds.py."""

    to: To
    exclude: list[Excluded] = Field(default_factory=list)


class ReauthenticateHead(HeadModel):
    """The head of what asks the pages of a user again."""

    user: str


class Broadcasts:
    """What one worker says to all, and hears. All of it belongs to the event loop's thread."""

    def __init__(self, hub: Hub, bus: Bus, kinds: Kinds) -> None:
        """`kinds` are those of the stream for all."""
        self._hub = hub
        self._bus = bus
        self._kinds = kinds
        self._own = OwnEntries()
        # The tabs that are about to be restored here.
        self._catching: set[CatchingUp] = set()
        # How many messages no page may be sent, and how many tabs came too late.
        self.wrong = self.late = 0
        self._take_all(kinds, None)
        kinds.on(REAUTHENTICATE, ReauthenticateHead, self._reauthenticate)

    def _take_all(self, kinds: Kinds, only: Tab | None) -> None:
        kinds.on(BROADCAST, BroadcastHead, partial(self._broadcast, only))
        kinds.on(SHOUT, ShoutHead, partial(self._shout, only))

    # --- what this worker says ------------------------------------------------------------------------------------

    def broadcast(self, message: EncodedMessage) -> None:
        """Send to every page of the other workers."""
        self._say(BROADCAST, {}, rows_of(message))

    def shout(self, whom: Whom, which: str, message: EncodedMessage, excluded: Iterable[Recipient]) -> None:
        """Send to the members of a group, or to the tabs of a user, at the other workers."""
        self._say(SHOUT, shout_head(whom, which, map(_named, excluded)), rows_of(message))

    def reauthenticate(self, identity: str) -> None:
        """Ask the pages of a user that are at other workers again."""
        self._say(REAUTHENTICATE, {"user": identity}, [])

    def _say(self, kind: str, head: dict[str, Any], rows: Sequence[bytes]) -> None:
        self._bus.post_all(kind, head, rows)
        self._own.said(self._bus.worker, self._bus.position.own, kind, head, rows)

    # --- what it hears --------------------------------------------------------------------------------------------

    def received(self, entry: SaidToAll) -> None:
        """Take an entry of the stream: `Receiver.received_by_all`."""
        for catching in self._catching:
            catching.add(entry)
        if entry.said.origin == self._bus.worker:
            self._own.passed(entry.own)
        else:
            self._kinds.take(entry.said)

    def missed(self, count: int) -> None:
        """Reset every page here, because some entries are lost: `Receiver.missed`."""
        for catching in self._catching:
            catching.is_complete = False
        links = list(self._hub.links)
        logger.warning(
            "%s messages to the pages of all workers did not reach this one: its %d pages are reset",
            count or "An unknown number of",
            len(links),
        )
        for connection in links:
            connection.reset("overflow", CloseCode.OVERFLOW)

    def _broadcast(self, only: Tab | None, origin: str, head: BroadcastHead, rows: Sequence[bytes]) -> None:
        message = self._message_of(origin, rows)
        if message is not None:
            links = list(self._hub.links) if only is None else list(links_of(only))
            self._hub.groups.shared.post(links, message)

    def _shout(self, only: Tab | None, origin: str, head: ShoutHead, rows: Sequence[bytes]) -> None:
        members = self._members(head.to)
        if only is not None:
            # Not through all members: each tab that comes asks so for each entry.
            whole: tuple[Recipient, ...] = (only, *only.all_documents())
            members = [member for member in whole if member in members]
        if members and (message := self._message_of(origin, rows)) is not None:
            self._hub.groups.deliver(members, message, frozenset(self._excluded(head.exclude)))

    def _message_of(self, origin: str, rows: Sequence[bytes]) -> EncodedMessage | None:
        try:
            return message_of(rows, self._hub.limits, worker=origin)
        except WrongMessageError as error:
            self._count_wrong(str(error))
            return None

    def _count_wrong(self, why: str) -> None:
        self.wrong += 1
        if self.wrong & (self.wrong - 1) == 0:
            text = "%d messages to many pages were dropped, because no page may be sent them like that; the last: %s"
            logger.warning(text, self.wrong, ascii(why[:200]))

    def _members(self, to: To) -> Collection[Recipient]:
        groups, tabs = self._hub.groups, self._hub.tabs
        if to.group is not None:
            return groups.named.members(to.group)
        if to.user is not None:
            return groups.users.members(to.user)
        if to.contents is not None:
            tab = tabs.from_id(to.contents)
            return () if tab is None else (tab,)
        return tabs.of_principal(to.principal or "")

    def _excluded(self, names: Iterable[Sequence[int | None]]) -> Iterator[Recipient]:
        for contents, routing in names:
            tab = None if contents is None else self._hub.tabs.from_id(contents)
            if tab is not None and routing is None:
                yield tab
            elif tab is not None:
                yield from (document for document in tab.all_documents() if document.routing_id == routing)

    def _reauthenticate(self, origin: str, head: ReauthenticateHead, rows: Sequence[bytes]) -> None:
        if origin:
            self._hub.reauthentication.of_user_here(head.user)
        else:
            self._count_wrong("a program that is no worker may not ask pages again who their user is")

    # --- tabs that come -------------------------------------------------------------------------------------------

    def position(self) -> Position:
        """Return up to where the pages here have been given what was said to all: for the snapshot of a tab."""
        return self._bus.position

    async def catch_up(self, position: Position, worker: str) -> CatchingUp:
        """Get ready for a tab that this worker has taken: what it has missed since it left another one.

        `position` was that of `worker` when the tab was written down. Call `deliver(tab)` of what is returned in the
        same turn in which the tab is restored, before anything is sent to it; or `close()` where it is not. Never
        raises because the bus does not answer: then the tab is reset when it is here, as are all that miss something.
        """
        left, done = Left(position, worker), self._catching.discard
        catching = CatchingUp(self._bus, self._own, left, self._replay, self._give_up, done)
        self._catching.add(catching)
        await catching.prepare(WAIT_SECONDS)
        return catching

    def _give_up(self, tab: Tab) -> None:
        """Reset a tab that has come, because nobody knows what it has missed."""
        self.late += 1
        # The first, and then each time that it has doubled: tabs come together.
        if self.late & (self.late - 1) == 0:
            text = "%d tabs came here, and what they have missed is not known: their pages are reset; the last is #%d"
            logger.warning(text, self.late, tab.id)
        for connection in list(links_of(tab)):
            connection.reset("overflow", CloseCode.OVERFLOW)

    def _replay(self, tab: Tab, entries: Iterable[Said]) -> None:
        kinds = Kinds()
        self._take_all(kinds, tab)
        for said in entries:
            # Who comes is asked anyway, and a kind of another version is counted where this worker reads it.
            if said.kind in (BROADCAST, SHOUT):
                kinds.take(said)


def _named(member: Recipient) -> tuple[int, int | None]:
    return (member.id, None) if isinstance(member, Tab) else (member.tab.id, member.routing_id)
