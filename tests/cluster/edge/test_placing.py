"""Which worker an attach goes to: every combination of what its `hello` names, where that is, and who lives.

The answers of the directory are given, because some are rare: it names workers that no one has heard of, or cannot be
reached. `expected` says once more, in other words, what docs/adr/0051-one-home-for-a-tab.md decides.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.support.hubs import NOBODY, Socket, hello, visitor
from tests.support.logged import troubles
from tests.support.skipping_loop import SkippingLoop
from webipc.access.visitor import RefusedError, Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, SaidToAll
from webipc.cluster.bus.directory import Home, Key, Over, Parked, Place, Taken, key_of
from webipc.cluster.bus.kinds import Kinds
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.bus.questions import Questions
from webipc.cluster.edge.noting import RETRY_SECONDS, Noting
from webipc.cluster.edge.placing import HaveHead, Placing
from webipc.cluster.worker import Worker
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings

VISITOR = visitor("192.0.2.1")
DEAD, UNHEARD = "d" * 16, "e" * 16
PARENT, TOKEN = "1" * 32, "2" * 32


class GivenDirectory:
    """A directory whose answers a test has given. What is written is noted."""

    def __init__(self) -> None:
        self.is_down = False
        self.by_link: Place | None = None
        self.by_shown: Place | None = None
        self.asked = 0
        self.claimed: list[Key] = []
        self.released: list[Key] = []

    async def find(self, link: Key, parent: Key | None, token: Key | None) -> Place | None:
        self._reach()
        if self.by_link is not None:
            return self.by_link
        return self.by_shown if parent is not None or token is not None else None

    async def claim(self, link: Key) -> Place | None:
        self._reach()
        if self.by_link is None:
            self.claimed.append(link)
        return self.by_link

    def _reach(self) -> None:
        self.asked += 1
        if self.is_down:
            raise BusError("it cannot be reached")

    def release(self, link: Key) -> None:
        self.released.append(link)

    def link_ended(self, link: Key, seconds: float) -> None:
        pass

    def tab_born(self, contents_id: int, token: Key) -> None:
        pass

    def tab_destroyed(self, contents_id: int) -> None:
        pass

    async def where(self, contents_id: int) -> Home | Parked | None:
        return None

    async def park(
        self, contents_id: int, snapshot: bytes, links: Sequence[Key], seconds: float, snapshot_format: int = 0
    ) -> None:
        raise AssertionError

    async def take(self, contents_id: int) -> Taken | None:
        raise AssertionError

    async def leave_word(self, contents_id: int, word: bytes) -> bool:
        return False

    async def kept(self, links: Sequence[Key]) -> list[Key]:
        return list(links)

    def note(self, links: Sequence[Key], tabs: Sequence[tuple[int, Key]]) -> None:
        pass


class GivenTakings:
    """Takes every parked tab of format 1, at once."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.coming: list[asyncio.Future[None]] = []

    def reads(self, snapshot_format: int) -> bool:
        return snapshot_format in (0, 1)

    def under_way(self) -> Sequence[Awaitable[Any]]:
        return [one for one in self.coming if not one.done()]

    async def wait_for(self, hello: Hello) -> None:
        pass

    async def take(self, contents_id: int, visitor: Visitor) -> bool:
        self.taken.append(contents_id)
        return True


class Listener:
    """What a bus tells, for one worker."""

    def __init__(self, bus: MemoryBus) -> None:
        self.mailbox = Kinds()
        self.received = self.mailbox.take
        self.questions = Questions(bus, self.mailbox)
        self.placing: Placing | None = None

    def received_by_all(self, message: SaidToAll) -> None:
        pass

    def gap(self) -> None:
        pass

    def missed(self, count: int) -> None:
        pass

    def lost(self, worker: str) -> None:
        if self.placing is not None:
            self.placing.lost(worker)

    def forgotten(self) -> None:
        pass

    def lapsed(self) -> None:
        pass


class World:
    """A worker whose placing is looked at, and three others: one lives, one drains, one has died."""

    async def begin(self) -> None:
        board = Switchboard(time.monotonic)
        settings = Settings(DEFAULT_LIMITS, debug=False, max_links=99, max_unattached_links=99, may_send_to=None)
        self.hub = Hub(asyncio.get_running_loop(), IpcMainImpl(), list, settings)
        self.directory, self.takings = GivenDirectory(), GivenTakings()
        self.bus = MemoryBus(board, self.hub.process)
        self.bus._directory = self.directory
        listener = Listener(self.bus)
        worker = Worker(self.hub, self.bus, listener.mailbox, Kinds(), listener.questions, _no_application, "/ipc")
        self.noting = Noting(worker)
        self.placing = listener.placing = Placing(worker, self.noting, self.takings)
        await self.bus.begin(listener)
        self.others = {name: MemoryBus(board, name * 16) for name in ("a", "b", "d")}
        self.has = False
        for other in self.others.values():
            listener = Listener(other)
            listener.mailbox.on("have", HaveHead, self._answers(listener.questions))
            await other.begin(listener)
        self.others["b"].drain()
        self.others["d"].kill()
        await asyncio.sleep(0.1)

    def _answers(self, questions: Questions) -> Any:
        return lambda origin, head, rows: questions.answer(origin, head.call, {"has": self.has})

    async def end(self) -> None:
        self.placing.end()
        self.noting.end()
        await self.hub.stop()


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError


@pytest.fixture
def run() -> Iterator[Any]:
    """Run something with a world, in a loop that skips the time in which nothing happens."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        world = World()
        runner.run(world.begin())
        yield lambda what: runner.run(what(world))
        runner.run(world.end())


class Case(NamedTuple):
    """One combination."""

    # What of the hello the directory knows: its link, the parent or token that it shows, or nothing.
    known: str
    # Where that is.
    at: str
    # What the hello shows.
    shows: str
    fresh: bool
    process: str
    has: bool
    is_down: bool
    is_relayed: bool


STATES = ("me", "alive", "draining", "dead", "unheard", "parked", "over")


def cases() -> Iterator[Case]:
    for known, shows in itertools.product(("nothing", "link", "shown"), ("nothing", "parent", "token")):
        if known == "shown" and shows == "nothing":
            continue
        for at in STATES if known != "nothing" else ("nowhere",):
            if at == "over" and known != "link":
                continue
            for rest in itertools.product(
                (True, False), ("none", "me", "alive", "dead"), (True, False), (True, False), (True, False)
            ):
                yield Case(known, at, shows, *rest)


def expected(case: Case) -> tuple[str, float]:
    """Return what becomes of an attach, and for how many seconds it waits."""
    if case.is_down:
        alone = case.fresh and case.shows == "nothing"
        return ("here" if alone else "later"), 0
    if case.known == "link":
        return _of_link(case)
    if not case.fresh:
        return _of_unknown(case), 0
    if case.known == "shown":
        return _of_shown(case)
    return "here", 0.75 if case.shows == "parent" else 0


def _of_link(case: Case) -> tuple[str, float]:
    away = ("later", 0) if case.is_relayed else (case.at, 0)
    at_me: tuple[str, float] = ("here", 0) if case.fresh else ("later", 2.35)
    answers: dict[str, tuple[str, float]] = {
        "me": at_me,
        "alive": away,
        "draining": away,
        "dead": ("owner-lost", 0),
        "unheard": ("owner-lost", 2.35),
        "parked": ("taken", 0),
        "over": ("ended", 0),
    }
    return answers[case.at]


def _of_unknown(case: Case) -> str:
    if case.process == "alive":
        return "alive" if case.has and not case.is_relayed else "unknown-link"
    return "owner-lost" if case.process == "dead" else "unknown-link"


def _of_shown(case: Case) -> tuple[str, float]:
    answers: dict[str, tuple[str, float]] = {
        "me": ("here", 0),
        "alive": ("later", 0) if case.is_relayed else ("alive", 0),
        "draining": ("later", 0.75 if not case.is_relayed else 0),
        "dead": ("here", 0),
        "unheard": ("here", 2.35),
        "parked": ("taken", 0),
    }
    return answers[case.at]


async def answer_of(world: World, case: Case) -> tuple[str, float]:
    """Attach as the endpoints do, as far as the place goes."""
    me = world.hub.process
    names = {"me": me, "alive": "a" * 16, "draining": "b" * 16, "dead": DEAD, "unheard": UNHEARD}
    by: Any = "link" if case.known == "link" else case.shows
    place: Place | None = Home(names[case.at], by) if case.at in names else None
    place = Parked(7, by) if case.at == "parked" else Over() if case.at == "over" else place
    directory = world.directory
    directory.by_link = place if case.known == "link" else None
    directory.by_shown = place if case.known == "shown" else None
    directory.is_down, world.has = case.is_down, case.has
    world.takings.taken.clear()
    said = replace(
        hello(fresh=case.fresh),
        parent=PARENT if case.shows == "parent" else None,
        token=TOKEN if case.shows == "token" else None,
        process=None if case.process == "none" else names[case.process],
    )
    began = world.hub.loop.time()
    try:
        worker = await world.placing.place(said, VISITOR, is_relayed=case.is_relayed)
        if worker is None and not world.takings.taken:
            worker = await world.placing.claim(said, VISITOR, is_relayed=case.is_relayed)
    except ResetError as reset:
        return reset.reason, world.hub.loop.time() - began
    except RefusedError as refused:
        answer = "later" if refused.code == CloseCode.TRY_LATER else refused.code.name
        return answer, world.hub.loop.time() - began
    passed = world.hub.loop.time() - began
    if world.takings.taken:
        return "taken", passed
    return next((name for name, one in names.items() if one == worker), "here"), passed


@pytest.mark.parametrize("known", ["nothing", "link", "shown"])
@pytest.mark.parametrize("shows", ["nothing", "parent", "token"])
def test_every_attach_goes_where_its_tab_is(run: Any, known: str, shows: str) -> None:
    async def check(world: World) -> None:
        for case in cases():
            if (case.known, case.shows) == (known, shows):
                world.directory.is_down = False
                answer, passed = await answer_of(world, case)
                # Waiting is for what is on its way; everything else is answered at once.
                assert (answer, round(passed, 2)) == expected(case), case

    run(check)


# --- what is on its way ------------------------------------------------------------------------------------------


def test_link_that_the_directory_knows_here_is_waited_for(run: Any) -> None:
    async def check(world: World) -> None:
        said = hello(fresh=False)
        world.directory.by_link = Home(world.hub.process)
        placing = asyncio.ensure_future(world.placing.place(said, VISITOR, is_relayed=True))
        await asyncio.sleep(1)
        assert not placing.done()
        world.hub.attaches.attach(replace(said, fresh=True), VISITOR, NOBODY, Socket())
        assert await placing is None

    run(check)


def test_link_that_never_comes_is_forgotten_so_that_the_next_answer_is_another(run: Any) -> None:
    async def check(world: World) -> None:
        said = hello(fresh=False)
        world.directory.by_link = Home(world.hub.process)
        with pytest.raises(RefusedError):
            await world.placing.place(said, VISITOR, is_relayed=False)
        assert world.directory.released == [key_of(said.link)]

    run(check)


def test_tab_that_is_taken_at_this_moment_is_waited_for_also_by_new_documents(run: Any) -> None:
    async def check(world: World) -> None:
        coming = world.hub.loop.create_future()
        world.takings.coming.append(coming)
        said = hello(fresh=True)
        world.directory.by_link = Home(world.hub.process)
        claim = asyncio.ensure_future(world.placing.claim(said, VISITOR, is_relayed=False))
        await asyncio.sleep(0.5)
        assert not claim.done()
        connection = world.hub.attaches.attach(said, VISITOR, NOBODY, Socket())
        coming.set_result(None)
        assert await claim is None
        assert world.hub.links.get(said.link) is connection

    run(check)


def test_tab_that_another_worker_takes_first_is_asked_for_again(run: Any) -> None:
    async def check(world: World) -> None:
        async def too_late(contents_id: int, visitor: Visitor) -> bool:
            world.directory.by_link = Home("a" * 16)
            return False

        world.takings.take = too_late  # type: ignore[method-assign]
        world.directory.by_link = Parked(7)
        assert await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False) == "a" * 16

    run(check)


def test_document_goes_to_the_parent_that_comes_after_it(run: Any) -> None:
    async def check(world: World) -> None:
        said = replace(hello(), parent=PARENT)
        placing = asyncio.ensure_future(world.placing.place(said, VISITOR, is_relayed=False))
        await asyncio.sleep(0.3)
        world.directory.by_shown = Home("a" * 16, "parent")
        assert await placing == "a" * 16

    run(check)


# --- what begins here --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shows", ["parent", "token", "nothing"])
def test_document_in_a_tab_that_is_here_needs_no_directory(run: Any, shows: str) -> None:
    async def check(world: World) -> None:
        first = world.hub.attaches.attach(hello(PARENT), VISITOR, NOBODY, Socket())
        token = first.document.tab.token if shows == "token" else None
        world.directory.is_down = True
        said = replace(hello(), token=token, parent=PARENT if shows == "parent" else None)
        assert await world.placing.place(said, VISITOR, is_relayed=False) is None
        assert world.directory.asked == 0
        assert await world.placing.claim(said, VISITOR, is_relayed=False) is None
        world.hub.attaches.attach(said, VISITOR, NOBODY, Socket())
        assert world.noting.stats() == {"unwritten": 1}
        await asyncio.sleep(2.5 * RETRY_SECONDS)
        assert world.noting.stats() == {"unwritten": 1}
        world.directory.is_down = False
        await asyncio.sleep(RETRY_SECONDS)
        assert world.noting.stats() == {"unwritten": 0}
        assert world.directory.claimed == [key_of(said.link)]

    run(check)


def test_link_is_claimed_for_as_long_as_an_attach_may_make_it(run: Any) -> None:
    async def check(world: World) -> None:
        said = hello()
        first = asyncio.ensure_future(world.placing.claim(said, VISITOR, is_relayed=False))
        await asyncio.sleep(0)
        world.placing.release(said)
        assert world.directory.released == [key_of(said.link)]
        world.directory.released.clear()

        async def slow(link: Key) -> Place | None:
            await asyncio.sleep(1)
            return Home(world.hub.process)

        await first
        world.directory.claim = slow  # type: ignore[method-assign]
        second = asyncio.ensure_future(world.placing.claim(said, VISITOR, is_relayed=False))
        await asyncio.sleep(0.5)
        # The first was refused after all; the second is about to make the link.
        world.placing.release(said)
        assert world.directory.released == []
        await second
        world.hub.attaches.attach(said, VISITOR, NOBODY, Socket())
        world.placing.release(said)
        assert world.directory.released == []

    run(check)


def test_claim_that_is_cancelled_is_released(run: Any) -> None:
    async def check(world: World) -> None:
        async def never(link: Key) -> Place | None:
            await asyncio.Event().wait()
            raise AssertionError

        world.directory.claim = never  # type: ignore[method-assign]
        said = hello()
        claim = asyncio.ensure_future(world.placing.claim(said, VISITOR, is_relayed=False))
        await asyncio.sleep(0.1)
        claim.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claim
        assert world.directory.released == [key_of(said.link)]

    run(check)


def test_link_that_has_moved_away_while_its_user_was_asked_for_is_found_again(run: Any) -> None:
    async def check(world: World) -> None:
        world.directory.by_link = Home("a" * 16)
        assert await world.placing.claim(hello(fresh=False), VISITOR, is_relayed=False) == "a" * 16

    run(check)


# --- a worker that drains ----------------------------------------------------------------------------------------


def test_worker_that_drains_takes_nothing_new_and_relays_what_is_elsewhere(run: Any) -> None:
    async def check(world: World) -> None:
        here = hello()
        world.hub.attaches.attach(here, VISITOR, NOBODY, Socket())
        world.bus.drain()
        await asyncio.sleep(0.1)
        assert await world.placing.place(here, VISITOR, is_relayed=False) is None
        with pytest.raises(StoppingError):
            await world.placing.place(hello(), VISITOR, is_relayed=False)
        with pytest.raises(StoppingError):
            await world.placing.claim(hello(), VISITOR, is_relayed=False)
        world.directory.by_link = Home("a" * 16)
        assert await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False) == "a" * 16
        world.directory.by_link = Parked(7)
        with pytest.raises(StoppingError):
            await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False)
        assert world.takings.taken == []

    run(check)


def _reads(world: World, name: str, *formats: int) -> None:
    """Let a worker have said which formats of snapshots it reads."""
    member = world.bus.members.get(name * 16)
    assert member is not None
    world.bus.members.put(member._replace(formats=formats))


@pytest.mark.parametrize("by", ["link", "parent", "token"])
@pytest.mark.parametrize("is_draining", [False, True])
def test_parked_tab_in_a_format_that_is_not_read_here_goes_to_a_worker_that_reads_it(
    run: Any, by: Any, is_draining: bool
) -> None:
    async def check(world: World) -> None:
        _reads(world, "a", 1, 2)
        # It drains, and takes nothing.
        _reads(world, "b", 1, 2)
        if is_draining:
            world.bus.drain()
            await asyncio.sleep(0.1)
        world.directory.by_link = Parked(7, by, 2)
        # A request, which a worker that drains hands on as well.
        said = replace(hello(fresh=False), attempt=0)
        assert await world.placing.place(said, VISITOR, is_relayed=False) == "a" * 16
        assert world.takings.taken == []

    run(check)


def test_parked_tab_in_a_format_that_no_worker_reads_is_told_so_and_taken_by_none(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(world: World) -> None:
        _reads(world, "a", 1)
        _reads(world, "b", 1, 2)
        world.directory.by_link = Parked(7, "link", 2)
        for _ in range(2):
            with pytest.raises(ResetError) as caught:
                await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False)
            assert caught.value.reason == "owner-lost"
        # What its page begins then, and what else shows its token, begins here.
        world.directory.by_link, world.directory.by_shown = None, Parked(7, "token", 2)
        assert await world.placing.place(replace(hello(), token=TOKEN), VISITOR, is_relayed=False) is None
        assert (world.takings.taken, world.directory.released) == ([], [])
        assert world.placing.stats()["owner_lost"] == 2
        world.placing.end()
        line = "2 links were reset (owner-lost): their tabs are parked in format 2, which no process here reads"
        assert line in troubles(caplog)

    run(check)


def test_parked_tab_waits_for_a_worker_that_reads_it_and_has_just_begun(run: Any) -> None:
    async def check(world: World) -> None:
        world.directory.by_link = Parked(7, "link", 2)
        placing = asyncio.ensure_future(world.placing.place(hello(fresh=False), VISITOR, is_relayed=False))
        await asyncio.sleep(1)
        assert not placing.done()
        _reads(world, "a", 1, 2)
        assert await placing == "a" * 16

    run(check)


@pytest.mark.parametrize("why", ["the only reader is behind", "another worker has chosen this one"])
def test_page_of_a_parked_tab_comes_again_while_a_worker_lives_that_reads_it(run: Any, why: str) -> None:
    async def check(world: World) -> None:
        _reads(world, "a", 1, 2)
        is_relayed = why == "another worker has chosen this one"
        if not is_relayed:
            reader = world.bus.members.get("a" * 16)
            assert reader is not None
            world.bus.members.put(reader._replace(is_slow=True))
        world.directory.by_link = Parked(7, "link", 2)
        with pytest.raises(RefusedError) as refused:
            await world.placing.place(hello(fresh=False), VISITOR, is_relayed=is_relayed)
        assert refused.value.code == CloseCode.TRY_LATER
        assert world.takings.taken == []

    run(check)


def test_claim_that_comes_too_late_for_a_worker_that_drains_is_released(run: Any) -> None:
    async def check(world: World) -> None:
        async def drained(link: Key) -> Place | None:
            world.bus.drain()
            await asyncio.sleep(0.1)
            return None

        world.directory.claim = drained  # type: ignore[method-assign]
        said = hello()
        with pytest.raises(StoppingError):
            await world.placing.claim(said, VISITOR, is_relayed=False)
        assert world.directory.released == [key_of(said.link)]

    run(check)


def test_worker_that_does_not_keep_up_is_given_no_relay(run: Any) -> None:
    async def check(world: World) -> None:
        slow = world.bus.members.get("a" * 16)
        assert slow is not None
        world.directory.by_link = Home(slow.worker)
        assert await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False) == slow.worker
        world.bus.members.put(slow._replace(is_slow=True))
        with pytest.raises(RefusedError) as refused:
            await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False)
        assert refused.value.code == CloseCode.TRY_LATER

    run(check)


# --- what the log says -------------------------------------------------------------------------------------------


def test_dead_worker_has_one_line_in_the_log_with_a_count(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def check(world: World) -> None:
        for place in (Home(DEAD), Home(DEAD), Home(UNHEARD), Home(DEAD)):
            world.directory.by_link = place
            with pytest.raises(ResetError, match="owner-lost"):
                await world.placing.place(hello(fresh=False), VISITOR, is_relayed=False)
        await asyncio.sleep(5)
        assert world.placing.stats()["owner_lost"] == 4

    run(check)
    lines = [record.getMessage() for record in caplog.records if "owner-lost" in record.getMessage()]
    assert lines == [
        f"3 links were reset (owner-lost): they were at worker {DEAD}, which has died",
        "1 links were reset (owner-lost): they were at a worker that had ended before",
    ]
