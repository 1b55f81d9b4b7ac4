"""`Bus`: how one worker, which is one process of a server, speaks to the others. Here are the protocols alone.

A bus keeps the order per pair of workers, and tells where something was lost: it is never silent. It need not be
reliable beyond that, because the links that it carries are. Everything belongs to the event loop's thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from webipc.cluster.bus.directory import Directory
from webipc.core.errors import WebipcError


class BusError(WebipcError):
    """The bus cannot be reached, or does not answer. What was asked may be asked again later."""

    code = "bus"


class NoWorkerError(WebipcError):
    """A worker that was asked something does not live, or has died before it answered."""

    code = "no-worker"

    def __init__(self, worker: str) -> None:
        super().__init__(f"expected a worker that lives, got {worker!r}, which has ended; ask who has the page now")
        self.worker = worker


class Member(NamedTuple):
    """A worker that lives, as the others know it."""

    # Its name: `Hub.process`.
    worker: str
    # Unique among those that live; ids of tabs and documents begin with it.
    ordinal: int
    # It takes nothing new, and its tabs move away.
    is_draining: bool = False
    # The formats of snapshots that it reads.
    formats: tuple[int, ...] = ()
    # How many tabs it has, at some moment of the last seconds; 0 where it has not told.
    pages: int = 0
    # So much waits for it that some may be lost soon: it is given no new relay.
    is_slow: bool = False


class Members(Protocol):
    """The workers that live, as far as this one knows; itself among them."""

    def get(self, worker: str) -> Member | None:
        """Return a worker that lives; None for any other."""

    def __iter__(self) -> Iterator[Member]:
        """Iterate over a copy, by ordinal."""


class Said(NamedTuple):
    """One message of a bus, as it arrives."""

    # The worker that said it; empty for a program that is no worker.
    origin: str
    kind: str
    # A JSON object. Nothing of it has been checked but that.
    head: Mapping[str, Any]
    # Bytes that the bus does not look into.
    rows: Sequence[bytes]


class SaidToAll(NamedTuple):
    """One message of the stream that every worker reads."""

    # Its place in the stream. Later ones are larger; there may be gaps.
    number: int
    # How much its origin had said to all with it; 0 for a program that is no worker.
    own: int
    said: Said


class Position(NamedTuple):
    """How far a worker is in the stream that every worker reads."""

    # The number of the last message that it was given of it.
    number: int
    # How much it has itself said to all.
    own: int
    # Which stream that is, where a bus may lose all of one and begin another; empty where it is not known.
    generation: str = ""


class Receiver(Protocol):
    """What a bus tells. None of these may raise."""

    def received(self, said: Said) -> None:
        """Take what another worker has said to this one."""

    def received_by_all(self, message: SaidToAll) -> None:
        """Take what was said to all, in the order of the stream; also what this worker has said itself."""

    def gap(self) -> None:
        """Learn that something that was said to this worker may be lost, of any origin."""

    def missed(self, count: int) -> None:
        """Learn that so many messages to all are lost; 0 where it is not known how many."""

    def lost(self, worker: str) -> None:
        """Learn that another worker does not live any more."""

    def forgotten(self) -> None:
        """Learn that the directory may have forgotten everything: what is here has to be noted once more."""

    def lapsed(self) -> None:
        """Learn that the others may have taken this worker for dead: links that are another's by now have to end.

        `Directory.kept` tells which are not. A worker that was stopped for longer than its lease learns this.
        """


class Bus(Protocol):
    """The way of one worker to the others."""

    @property
    def worker(self) -> str:
        """The name of this worker."""

    @property
    def ordinal(self) -> int:
        """The ordinal of this worker. Known behind `begin`."""

    @property
    def members(self) -> Members:
        """The workers that live."""

    @property
    def directory(self) -> Directory:
        """Who is home to what."""

    @property
    def outlives_workers(self) -> bool:
        """Whether a tab that is parked is kept where no worker lives any more: the next program takes it."""

    @property
    def is_connected(self) -> bool:
        """Whether the bus can be reached at this moment, as far as this worker knows."""

    @property
    def has_given_up(self) -> bool:
        """Whether it could not be reached for so long that a worker which ends does not wait for it any more."""

    @property
    def position(self) -> Position:
        """How far this worker is in the stream that every worker reads."""

    async def begin(self, receiver: Receiver) -> None:
        """Become a member. Raises BusError, with a text for the terminal, where that is impossible."""

    async def end(self) -> None:
        """Stop being a member, behind everything that was posted, as far as it can be sent soon."""

    def post(self, worker: str, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """Say something to one worker, in order. Never waits, never raises: what cannot arrive is dropped and counted.

        `head` holds what JSON can: no bytes, no key of `kind`'s name `k`.
        """

    def post_all(self, kind: str, head: Mapping[str, Any], rows: Sequence[bytes] = ()) -> None:
        """Say something to every worker. As `post`; `position.own` counts it at once."""

    def waiting(self, worker: str) -> int:
        """Return how many bytes for a worker have not left this process, about: backpressure for relays."""

    @property
    def number(self) -> int:
        """The number of the last message to all that this worker was given."""

    async def since(self, position: Position) -> list[SaidToAll] | None:
        """Return what was said to all behind the position of a worker, also what this worker was not given yet.

        Each message is in it once, in order. What a worker had said before it parked a tab is among it, for the worker
        that has taken that tab. None where some of it is not kept any more, or where that cannot be known. Raises
        BusError.
        """

    def drain(self) -> None:
        """Let the others know that this worker takes nothing new."""

    def tell_pages(self, count: int) -> None:
        """Let the others know soon how many tabs this worker has: `Member.pages`. To be called rarely.

        Each change may be a message to each of them.
        """

    def stats(self) -> dict[str, Any]:
        """Return numbers for a monitoring system."""
