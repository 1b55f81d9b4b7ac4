"""`Sharing`: what a hub tells, and whom it asks, where several processes serve the same pages. Here is the protocol.

A hub of a single process has none (`Hub.sharing` is None), and then nothing of this is called. What implements it is in
cluster/, above. All of it belongs to the event loop's thread.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from webipc.access.attach_scope import AttachScope
from webipc.access.visitor import Visitor
from webipc.core.envelope import Hello, SendTo
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.link.connection import Connection
from webipc.link.transport import Transport


class Arrival(NamedTuple):
    """A socket or a request that has arrived here, with the first frame of it."""

    hello: Hello
    visitor: Visitor
    scope: AttachScope


class RelayTransport(Transport, Protocol):
    """A socket that may be relayed."""

    def welcomed(self) -> None:
        """Learn that its client was let in: larger frames are taken from now on. Once or more."""


class Relay(Protocol):
    """A socket of this worker whose tab is at home in another one."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the home that the socket should not be read now: see `has_room`."""

    async def has_room(self) -> None:
        """Wait until the socket may be read on, or the relay is over."""

    def up(self, frame: str | bytes) -> None:
        """Pass on a frame that the page has sent."""

    def flush(self) -> None:
        """Learn that the network takes more: what the home has sent, and waits here, is written."""

    def gone(self, code: int) -> None:
        """Learn that the socket has ended, with this close code. Once or more."""


class HandedBack(NamedTuple):
    """The response to a request, from the worker that it was handed on to."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Sharing(Protocol):
    """The other workers, as a hub sees them."""

    @property
    def connected(self) -> bool:
        """Whether they can be reached at this moment, as far as this one knows."""

    async def begin(self) -> None:
        """Become one of them, if that has not happened. Raises WebipcError, with a text for the terminal."""

    # --- what attaches --------------------------------------------------------------------------------------------

    async def place(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """Return the worker that has the link which a `hello` names, or its tab; None where that is this one.

        None also where it is to be born here. May take a tab that is parked; `visitor` pays for it then. `is_relayed`:
        another worker says that it is here; then it is here or nowhere. Raises ResetError with the reason to tell,
        RefusedError with TRY_LATER where nobody can tell now, StoppingError where the page is to come elsewhere.
        """

    async def claim(self, hello: Hello, visitor: Visitor, *, is_relayed: bool) -> str | None:
        """Make this worker the home of a link that is not here yet; return another one where that has it by now.

        To be called right before the link is attached, without waiting for anything in between.

        Raises as `place`. Call `release` where the link does not begin.
        """

    def release(self, hello: Hello) -> None:
        """Forget a link that was claimed, unless it has begun."""

    def relay(self, worker: str, arrival: Arrival, first: str | bytes, transport: RelayTransport) -> Relay:
        """Relay a socket, whose first frame this is, to the worker that has its tab.

        `transport` is written to and closed as the home says. Raises RefusedError with TRY_LATER where there are too
        many.
        """

    async def hand_on(
        self, worker: str, arrival: Arrival, body: AsyncIterator[bytes], gone: Callable[[], Awaitable[Any]]
    ) -> HandedBack:
        """Hand on a request, piece by piece as it comes, and return its response.

        `body` has all of it, from the first byte on. It is not read to its end where the response is there before.
        Behind the body, `gone()` returns when the browser has left. Raises what `body` raises; StoppingError where the
        page is to ask again, ResetError where the worker has died, RefusedError with TRY_LATER where there are too
        many.
        """

    # --- what begins and ends -------------------------------------------------------------------------------------

    def link_ended(self, connection: Connection) -> None:
        """Note that a link of this worker has ended."""

    def tab_born(self, tab: Tab) -> None:
        """Note a tab of this worker that is new, or has a new token."""

    def tab_destroyed(self, tab: Tab) -> None:
        """Note that a tab is over."""

    # --- what is sent to many, or to pages elsewhere --------------------------------------------------------------

    def broadcast(self, message: EncodedMessage) -> None:
        """Send to every page of the other workers. Those of this one have it already."""

    def group(self, name: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """Send to the members of a group that are at other workers."""

    def user(self, identity: str, message: EncodedMessage, excluded: frozenset[Tab | Document]) -> None:
        """Send to the tabs of a user that are at other workers."""

    def reauthenticate(self, identity: str) -> None:
        """Ask the pages of a user that are at other workers again."""

    def send_to(self, sender: Document, envelope: SendTo) -> None:
        """Pass on a message of a page to a tab that is not here."""

    def leads_elsewhere(self, contents_id: int) -> bool:
        """Tell whether what is sent to a tab goes through another worker, also if the tab is here by now."""

    # --- the end --------------------------------------------------------------------------------------------------

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Move the tabs of this worker away within so many seconds, or until `hurry` is set, and close every socket."""

    async def end(self) -> None:
        """Leave the others, behind the end of the hub."""

    def stats(self) -> Mapping[str, Any]:
        """Return numbers for a monitoring system. From any thread."""
