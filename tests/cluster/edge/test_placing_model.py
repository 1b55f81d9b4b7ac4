"""Two workers and one page, with every order of what is under way: a tab never has two homes, and no page is told that
its link is over while a worker has it.

Hypothesis chooses what the page does, and which of the steps on their way is next: a message between workers, a
question to the directory or its answer, the answer of the application to who the page is. `World` says what must hold.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.hubs import NOBODY, Socket, hello, visitor
from tests.support.skipping_loop import SkippingLoop
from tests.support.waiting import settled
from webipc.access.visitor import RefusedError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.shared import Shared
from webipc.core.errors import ResetError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.electron.tab import Tab
from webipc.hub.attaches import StoppingError
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings

VISITOR = visitor("192.0.2.1")
DEATHS = 2
"""So many workers die in one run at most: a page that is always told to begin again shows nothing else."""
DEPLOYS = 3


class Steps:
    """What is on its way, in lanes; a test takes the next step of one of them."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Callable[[], None]]] = {}
        self.is_free = False

    def soon(self, lane: str, step: Callable[[], None]) -> None:
        """See `Steps` of the bus."""
        if self.is_free:
            asyncio.get_running_loop().call_soon(step)
        else:
            self._lanes.setdefault(lane, deque()).append(step)

    async def pause(self, lane: str) -> None:
        """Wait until a step of this lane is taken."""
        future = asyncio.get_running_loop().create_future()
        self.soon(lane, lambda: None if future.done() else future.set_result(None))
        await future

    def take(self, number: int) -> None:
        """Take the next step of a lane."""
        # In the order in which they became lanes: the names of workers are random.
        names = list(self._lanes)
        if not names:
            return
        name = names[number % len(names)]
        lane = self._lanes[name]
        step = lane.popleft()
        if not lane:
            del self._lanes[name]
        step()

    @property
    def waits(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._lanes)

    def free(self) -> None:
        """Take all, and from now on each in the next turn of the loop."""
        self.is_free = True
        while self._lanes:
            self.take(0)


class Node:
    """One worker."""

    def __init__(self, board: Switchboard, steps: Steps, created: Counter[int]) -> None:
        its_settings = Settings(DEFAULT_LIMITS, debug=False, max_links=99, max_unattached_links=99, may_send_to=None)

        def note(event: Any, contents: Any) -> None:
            created[contents.id] += not event.adopted

        self.hub = Hub(asyncio.get_running_loop(), IpcMainImpl(), lambda: [note], its_settings)
        self.name = self.hub.process
        self.bus = MemoryBus(board, self.name, (1,), steps=steps)
        self.shared = self.hub.sharing = Shared(self.hub, self.bus, _no_application, "/ipc")
        self.is_dead = False


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no request is relayed here")


@dataclass(slots=True)
class Document:
    """One document of the page."""

    link: str
    parent: str | None = None
    # The server has welcomed it.
    is_known: bool = False
    # Its link is over, and it says hello no more.
    is_over: bool = False
    attempt: int = 0


class World:
    """The workers, and a page with a main document and one in an iframe."""

    def __init__(self) -> None:
        self.steps = Steps()
        self.board = Switchboard(lambda: asyncio.get_running_loop().time())
        self.created: Counter[int] = Counter()
        self.nodes: list[Node] = []
        self.main = Document("a" * 32)
        self.below = Document("b" * 32, parent=self.main.link)
        self._links = 0
        self.token: str | None = None
        self.process: str | None = None
        # Links that may be told that they are over: their home has died.
        self.lost: set[str] = set()
        # The id that the tab must keep; None where its home has died, or there was none yet.
        self.tab: int | None = None
        self.tasks: dict[asyncio.Task[None], Document] = {}
        # The workers at which each of them is, by their names.
        self._involved: dict[asyncio.Task[Any], set[str]] = {}
        # Workers that drain, by their names.
        self.draining: dict[str, asyncio.Task[None]] = {}
        # What went wrong in one of them.
        self.failures: list[BaseException] = []
        # How often each thing has happened, for the test of this test.
        self.seen: Counter[str] = Counter()

    async def begin(self) -> None:
        for _ in range(2):
            await self._join()

    async def _join(self) -> None:
        node = Node(self.board, self.steps, self.created)
        self.nodes.append(node)
        await node.shared.begin()

    @property
    def living(self) -> list[Node]:
        return [node for node in self.nodes if not node.is_dead]

    # --- what the page does ---------------------------------------------------------------------------------------

    def says_hello(self, document: Document, at: int, *, by_request: bool) -> None:
        """Let a socket or a request of a document arrive at a worker."""
        if document.is_over:
            return
        document.attempt += not by_request
        node = self.living[at % len(self.living)]
        attaching = self._attach(document, node, document.attempt, by_request=by_request, is_relayed=False)
        self._start(document, attaching)

    def _start(self, document: Document, attaching: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(attaching)
        self.tasks[task] = document
        self._involved[task] = set()
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        del self.tasks[task], self._involved[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def _attach(
        self, document: Document, node: Node, attempt: int, *, by_request: bool, is_relayed: bool
    ) -> None:
        """Do what the endpoints do with a socket or a request."""
        me = asyncio.current_task()
        assert me is not None, "each has a task"
        self._involved[me].add(node.name)
        said = replace(
            hello(document.link, fresh=not document.is_known),
            attempt=attempt,
            token=None if document.parent is not None else self.token,
            parent=document.parent,
            process=self.process,
        )
        try:
            worker = await node.shared.place(said, VISITOR, is_relayed=is_relayed)
            if worker is None:
                await self.steps.pause(f"the application of {node.name} is asked")
                await node.hub.attaches.wait_for_place(said, VISITOR, NOBODY)
                worker = await self._claim_and_attach(
                    said, document, node, by_request=by_request, is_relayed=is_relayed
                )
        except ResetError as reset:
            self._was_reset(document, node, reset.reason)
            return
        except (RefusedError, StoppingError):
            self.seen["come again"] += 1
            return
        if worker is not None:
            assert not is_relayed, "what was relayed is relayed again"
            await self.steps.pause(f"{node.name} relays")
            target = next((other for other in self.living if other.name == worker), None)
            if target is not None:
                self.seen["relayed"] += 1
                await self._attach(document, target, attempt, by_request=by_request, is_relayed=True)

    async def _claim_and_attach(
        self, said: Any, document: Document, node: Node, *, by_request: bool, is_relayed: bool
    ) -> str | None:
        hub = node.hub
        try:
            if said.link not in hub.links:
                worker = await node.shared.claim(said, VISITOR, is_relayed=is_relayed)
                if worker is not None:
                    return worker
            if by_request:
                connection = hub.attaches.identify(said, VISITOR, NOBODY)
            else:
                connection = hub.attaches.attach(said, VISITOR, NOBODY, Socket(said.attempt))
        except BaseException:
            node.shared.release(said)
            raise
        self._check_home(document, node)
        tab = connection.document.tab
        if document.parent is None:
            assert self.tab in (None, tab.id), "a tab has changed its id"
        # What the page is told leaves the worker behind what that has said to the others.
        await self.steps.pause(f"{node.name} says")
        self._was_welcomed(document, node, tab, by_request=by_request)
        return None

    def _was_welcomed(self, document: Document, node: Node, tab: Tab, *, by_request: bool) -> None:
        self.seen["attached"] += 1
        if not by_request and not document.is_over:
            document.is_known = True
            self.process = node.name
            if document.parent is None:
                self.token, self.tab = tab.token, tab.id

    def _check_home(self, document: Document, node: Node) -> None:
        homes = [other.name for other in self.living if document.link in other.hub.links]
        assert homes in ([node.name], [])

    def _was_reset(self, document: Document, node: Node, reason: str) -> None:
        self.seen[f"reset {reason}"] += 1
        if node.is_dead or document.is_over:
            return
        # A link that no socket carries ends some time.
        has_ended = any(other.hub.links.has_ended(document.link) for other in self.living)
        is_lost = key_of(document.link) in self.lost
        assert has_ended or is_lost, f"a page was told {reason}, and no home of it has died"
        assert all(document.link not in other.hub.links for other in self.living), f"{reason}, and its home lives"
        self._replace(document)

    def _replace(self, document: Document) -> None:
        """Let a document go on with a new link, or a new document come in its place."""
        self._lose(document)
        document.is_over = True
        self._links += 1
        new = Document(f"{self._links:032x}", parent=None if document.parent is None else self.main.link)
        if document is self.main:
            self.main = new
            self._replace(self.below)
        elif document is self.below:
            self.below = new

    def reload(self) -> None:
        """Load another main document in the tab, with a new iframe."""
        self._replace(self.main)

    def _lose(self, document: Document) -> None:
        for task in [task for task, one in self.tasks.items() if one is document]:
            if task is not asyncio.current_task():
                task.cancel()
        self.lose_socket(document)

    def lose_socket(self, document: Document) -> None:
        """Lose the socket of a document, if it has one."""
        for node in self.living:
            connection = node.hub.links.get(document.link)
            if connection is not None and connection.transport is not None:
                connection.lost(connection.transport)

    def cancel(self, number: int) -> None:
        """Lose a socket that is about to attach."""
        if self.tasks:
            list(self.tasks)[number % len(self.tasks)].cancel()

    async def settle(self) -> None:
        """Take every step, and those that follow from it."""
        while self.steps.waits:
            self.steps.take(0)
            await settled()

    # --- what the workers do --------------------------------------------------------------------------------------

    async def kill(self, at: int) -> None:
        """Let a worker die, and another one begin."""
        node = self.living[at % len(self.living)]
        if len(self.living) < 2:
            return
        self._loses(node)
        node.is_dead = True
        for task, names in list(self._involved.items()):
            if node.name in names:
                task.cancel()
        if node.name in self.draining:
            self.draining[node.name].cancel()
        node.bus.kill()
        await self._join()
        self.seen["killed"] += 1

    def _loses(self, node: Node) -> None:
        """Note what is lost with a worker."""
        lost = {key_of(connection.link_id) for connection in node.hub.links}
        lost |= {link for link, place in self.board.places._links.items() if place == node.name}
        self.lost |= lost
        # A tab that leaves or comes at this moment is in the directory alone.
        place = None if self.tab is None else self.board.places.where(self.tab)
        is_here = any(tab.id == self.tab for tab in node.hub.tabs.all())
        if is_here or key_of(self.main.link) in lost or (isinstance(place, Home) and place.worker == node.name):
            self.tab = None

    async def redeploy(self, at: int) -> None:
        """Let a worker begin, and another one end in good order."""
        node = self.living[at % len(self.living)]
        await self._join()
        draining = asyncio.get_running_loop().create_task(self._drain(node))
        self.draining[node.name] = draining
        draining.add_done_callback(self._drained)
        self.seen["redeployed"] += 1

    async def _drain(self, node: Node) -> None:
        await node.hub.drain(0.5, asyncio.Event())
        # What could not be parked, because the others have not answered in time.
        self._loses(node)
        await node.hub.stop()
        await node.shared.end()
        node.is_dead = True
        self.seen["parked"] += node.shared.parking.parked

    def _drained(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    # --- what must hold -------------------------------------------------------------------------------------------

    def check(self) -> None:
        for failure in self.failures:
            raise failure
        for link in [document.link for document in (self.main, self.below)]:
            homes = [node.name for node in self.living if link in node.hub.links]
            assert len(homes) <= 1, f"{link} has two homes"
        assert all(count == 1 for count in self.created.values()), "a tab was created twice"

    async def finish(self) -> None:
        """Let everything arrive; then every document is carried from everywhere, and the directory forgets them."""
        self.steps.free()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.sleep(5)
        if self.draining:
            await asyncio.wait(list(self.draining.values()))
        self.check()
        await self._is_let_in_everywhere()
        for node in self.living:
            for connection in node.hub.links:
                node.hub.end(connection, "ended")
        # Tabs without a document end as well, and those that are parked and that no page comes for.
        await asyncio.sleep(2 * DEFAULT_LIMITS.grace_ms / 1000)
        places = self.board.places
        places.forget_late()
        assert (places._links, places._tabs, places._tokens) == ({}, {}, {})

    async def _is_let_in_everywhere(self) -> None:
        for at in (0, 1, 0, 1):
            # It may be told once that its home has died, and so may what is in it.
            for is_main in (True, True, False, False):
                await self._comes(self.main if is_main else self.below, at)
            self.check()

    async def _comes(self, document: Document, at: int) -> None:
        if document.is_over:
            return
        self.lose_socket(document)
        before = self.seen["attached"]
        self.says_hello(document, at, by_request=False)
        await asyncio.wait(list(self.tasks))
        await settled()
        assert self.seen["attached"] == before + 1 or document.is_over, "a page is not let in"

    async def end(self) -> None:
        for node in self.nodes:
            await node.shared.end()
            await node.hub.stop()


class PlacingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=SkippingLoop)
        self.world: World = self._run(self._began())

    async def _began(self) -> World:
        world = World()
        await world.begin()
        await asyncio.sleep(0)
        return world

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(what)

    def _do(self, act: Callable[[], object]) -> None:
        async def acting() -> None:
            act()
            await settled()

        self._run(acting())

    def _document(self, is_main: bool) -> Document:
        return self.world.main if is_main else self.world.below

    @initialize(is_there=st.booleans())
    def page_is_there(self, is_there: bool) -> None:
        if is_there:
            for document in (self.world.main, self.world.below):
                self._do(partial(self.world.says_hello, document, 0, by_request=False))
                self.everything_arrives()

    @rule(
        is_main=st.booleans(),
        at=st.integers(0, 1),
        by_request=st.booleans(),
        then=st.sampled_from(["nothing", "some steps", "everything"]),
        numbers=st.lists(st.integers(0, 5), min_size=1, max_size=10),
    )
    def page_comes(self, is_main: bool, at: int, by_request: bool, then: str, numbers: list[int]) -> None:
        self._do(lambda: self.world.says_hello(self._document(is_main), at, by_request=by_request))
        if then == "some steps":
            self.steps_are_taken(numbers)
        elif then == "everything":
            self.everything_arrives()

    @rule(is_main=st.booleans(), at=st.integers(0, 1), numbers=st.lists(st.integers(0, 5), min_size=4, max_size=16))
    def page_comes_to_both(self, is_main: bool, at: int, numbers: list[int]) -> None:
        """A request waits for its answer at one worker, and the socket comes to the other one."""
        self._do(lambda: self.world.says_hello(self._document(is_main), at, by_request=True))
        self._do(lambda: self.world.says_hello(self._document(is_main), 1 - at, by_request=False))
        self.steps_are_taken(numbers)

    @rule(numbers=st.lists(st.integers(0, 5), min_size=1, max_size=10))
    def steps_are_taken(self, numbers: list[int]) -> None:
        for number in numbers:
            self._do(partial(self.world.steps.take, number))

    @rule()
    def everything_arrives(self) -> None:
        self._run(self.world.settle())

    @rule(seconds=st.sampled_from([0.06, 0.8, 2.1]))
    def time_passes(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))

    @rule(is_main=st.booleans(), number=st.integers(0, 5))
    def socket_is_lost(self, is_main: bool, number: int) -> None:
        if number < len(self.world.tasks):
            self._do(lambda: self.world.cancel(number))
        else:
            self._do(lambda: self.world.lose_socket(self._document(is_main)))

    @rule()
    def page_reloads(self) -> None:
        self._do(self.world.reload)

    @precondition(lambda self: self.world.seen["killed"] < DEATHS)
    @rule(at=st.integers(0, 1))
    def worker_dies(self, at: int) -> None:
        self._run(self.world.kill(at))

    @precondition(lambda self: self.world.seen["redeployed"] < DEPLOYS and len(self.world.living) < 3)
    @rule(at=st.integers(0, 1))
    def worker_is_redeployed(self, at: int) -> None:
        self._run(self.world.redeploy(at))

    @invariant()
    def there_is_one_home(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self._run(self.world.finish())
        finally:
            self._run(self.world.end())
            self._runner.close()


TestPlacing = PlacingMachine.TestCase
TestPlacing.settings = settings(
    max_examples=80,
    stateful_step_count=20,
    deadline=None,
    # The same each time; more examples look further.
    derandomize=True,
    # To explain a failure takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
