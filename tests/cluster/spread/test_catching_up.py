"""A tab that goes on at another worker gets what was said to all once, in order, however far each worker has read."""

import asyncio
import time
from collections import deque
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.hubs import NOBODY, Socket, hello, visitor
from tests.support.logged import troubles
from tests.support.waiting import settled
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, Position, Receiver, Said, SaidToAll
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.cluster.moves.moving import restore, snapshot
from webipc.cluster.moves.snapshot import Snapshot
from webipc.cluster.shared import Shared
from webipc.cluster.spread import own_entries
from webipc.cluster.spread.catching_up import links_of
from webipc.core.errors import ResetError
from webipc.core.frame.json_text import load_array
from webipc.core.limits import DEFAULT_LIMITS
from webipc.electron.tab import Tab
from webipc.groups.group import Group
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings
from webipc.link.connection import Connection


class LaggingBus(MemoryBus):
    """A bus on which the stream for all comes when a test says so."""

    def __init__(self, board: Switchboard, worker: str) -> None:
        super().__init__(board, worker)
        self.unread: deque[SaidToAll] = deque()
        self._read = 0
        self._outer: Receiver

    async def begin(self, receiver: Receiver) -> None:
        self._outer = receiver
        await super().begin(self)

    @property
    def position(self) -> Position:
        return Position(self._read, super().position.own)

    @property
    def number(self) -> int:
        return self._read

    def read(self, count: int) -> None:
        """Read so many entries, as far as they are there."""
        for _ in range(min(count, len(self.unread))):
            entry = self.unread.popleft()
            self._read = entry.number
            self._outer.received_by_all(entry)

    def received_by_all(self, message: SaidToAll) -> None:
        self.unread.append(message)

    def received(self, said: Said) -> None:
        self._outer.received(said)

    def gap(self) -> None:
        self._outer.gap()

    def missed(self, count: int) -> None:
        self._outer.missed(count)

    def lost(self, worker: str) -> None:
        self._outer.lost(worker)

    def forgotten(self) -> None:
        self._outer.forgotten()

    def lapsed(self) -> None:
        self._outer.lapsed()


class Scene:
    """Three workers. A tab is at the first one, in the group `room`, and moves to the second."""

    OLD, NEW, THIRD = range(3)

    def __init__(self) -> None:
        self.board = Switchboard(time.monotonic)
        self.hubs: list[Hub] = []
        self.buses: list[LaggingBus] = []
        self.shared: list[Shared] = []
        self.said = [0, 0, 0]

    async def begin(self) -> Connection:
        """Start the workers, and connect the page."""
        for _ in range(3):
            settled_by = Settings(DEFAULT_LIMITS, debug=False, max_links=99, max_unattached_links=99, may_send_to=None)
            hub = Hub(asyncio.get_running_loop(), IpcMainImpl(), list, settled_by)
            bus = LaggingBus(self.board, hub.process)
            hub.sharing = shared = Shared(hub, bus, _nothing)
            await shared.begin()
            self.hubs.append(hub)
            self.buses.append(bus)
            self.shared.append(shared)
        connection = self.hubs[self.OLD].attaches.attach(hello(), visitor("192.0.2.1"), NOBODY, Socket())
        Group(lambda: self.hubs[self.OLD].groups, "room").add(connection.document.tab.contents)
        return connection

    def say(self, worker: int) -> None:
        """Let a worker send its next number: to every page, or to the group."""
        number = self.said[worker] = self.said[worker] + 1
        if number % 3:
            self.hubs[worker].broadcast("news", (worker, number))
        else:
            Group(lambda: self.hubs[worker].groups, "room").send("news", worker, number)

    async def end(self) -> None:
        for hub in self.hubs:
            await hub.stop()


async def _nothing(*_: Any) -> None:
    """An application that serves nothing."""


def heard(tab: Tab) -> list[list[int]]:
    """Return what the document of a tab was sent, in order; it has acknowledged nothing."""
    assert tab.shown is not None
    (connection,) = links_of(tab)
    return [load_array(message.json)[2] for message in connection.link.kept.values()]


Step = tuple[str, int, int]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from([0, 1, 2]), st.just(0)),
        st.tuples(st.just("read"), st.sampled_from([0, 1]), st.integers(1, 4)),
    ),
    max_size=12,
)


async def do(scene: Scene, steps: list[Step]) -> None:
    for what, worker, count in steps:
        if what == "say":
            scene.say(worker)
        else:
            scene.buses[worker].read(count)
        await settled()


async def leave(scene: Scene, connection: Connection) -> tuple[bytes, Position]:
    """Write the tab down, and let it leave its old home."""
    old, tab = scene.hubs[Scene.OLD], connection.document.tab
    position = scene.shared[Scene.OLD].spread.broadcasts.position()
    written = snapshot(old, tab).encode()
    old.end(connection, "ended")
    old.tabs.release(tab)
    return written, position


async def come(scene: Scene, written: bytes, position: Position, steps: list[Step]) -> Tab:
    """Let the tab go on at its new home, which does this meanwhile."""
    broadcasts = scene.shared[Scene.NEW].spread.broadcasts
    preparing = asyncio.create_task(broadcasts.catch_up(position, scene.buses[Scene.OLD].worker))
    await settled()
    await do(scene, steps)
    while not preparing.done():
        scene.buses[Scene.NEW].read(1)
        await settled()
    catching = await preparing
    tab = restore(scene.hubs[Scene.NEW], Snapshot.decode(written), visitor("192.0.2.1"))
    catching.deliver(tab)
    return tab


async def told_of(before: list[Step], meanwhile: list[Step], taking: list[Step], after: list[Step]) -> Any:
    """Return what each worker has said, and what the tab was sent of it."""
    scene = Scene()
    connection = await scene.begin()
    try:
        await do(scene, before)
        written, position = await leave(scene, connection)
        await do(scene, meanwhile)
        tab = await come(scene, written, position, taking)
        await do(scene, after)
        scene.buses[Scene.NEW].read(1_000)
        await settled()
        assert not scene.shared[Scene.NEW].spread.broadcasts._catching
        return scene.said, heard(tab)
    finally:
        await scene.end()


def check(said: list[int], heard_of: list[list[int]]) -> None:
    for worker, count in enumerate(said):
        assert [number for sender, number in heard_of if sender == worker] == list(range(1, count + 1))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, STEPS, STEPS, STEPS)
def test_each_message_arrives_once_and_in_order(
    before: list[Step], meanwhile: list[Step], taking: list[Step], after: list[Step]
) -> None:
    check(*asyncio.run(told_of(before, meanwhile, taking, after)))


SAY: dict[str, Step] = {name: ("say", worker, 0) for worker, name in enumerate(("old", "new", "third"))}


def read(worker: int, count: int) -> Step:
    return ("read", worker, count)


NAMED: dict[str, tuple[list[Step], list[Step], list[Step], list[Step]]] = {
    "said while it was at none": ([], [SAY["third"], SAY["new"], SAY["old"], read(1, 9)], [], []),
    "said by its old home, and not read by anyone": ([SAY["old"]] * 3, [], [], []),
    "read by its old home, and not by its new one": ([SAY["third"]] * 3 + [read(0, 3)], [], [], []),
    "read by its new home, and not by its old one": ([SAY["third"]] * 3 + [read(1, 3)], [], [], []),
    "said by its new home, and read by its old one alone": ([SAY["new"]] * 3 + [read(0, 3)], [], [], []),
    "said by its new home, and read by no one": ([SAY["new"]] * 3, [], [], [SAY["new"]]),
    "said while it is taken": ([], [], [SAY["new"], SAY["third"], SAY["new"], read(1, 1)], [SAY["new"]]),
}


@pytest.mark.parametrize("steps", NAMED.values(), ids=NAMED)
async def test_what_was(steps: tuple[list[Step], list[Step], list[Step], list[Step]]) -> None:
    check(*await told_of(*steps))


async def told_overflow(scene: Scene, connection: Connection, written: bytes, position: Position) -> None:
    """Let the tab come, and find that its page is reset."""
    await come(scene, written, position, [])
    with pytest.raises(ResetError, match="overflow"):
        scene.hubs[Scene.NEW].links.find(hello(connection.link_id))


async def test_tab_that_comes_too_late_for_what_it_has_missed_is_reset_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    connection = await scene.begin()
    written, position = await leave(scene, connection)
    scene.say(Scene.THIRD)
    scene.say(Scene.THIRD)
    await settled()
    scene.board.stream._kept.popleft()
    scene.buses[Scene.NEW].read(2)
    await told_overflow(scene, connection, written, position)
    assert scene.shared[Scene.NEW].stats()["tabs_reset"] == 1
    assert sum("1 tabs came here, and what they have missed is not known" in line for line in troubles(caplog)) == 1
    await scene.end()


async def test_tab_is_reset_where_the_bus_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    connection = await scene.begin()
    written, position = await leave(scene, connection)

    async def unreachable(position: Position) -> list[SaidToAll] | None:
        raise BusError("cannot reach it")

    monkeypatch.setattr(scene.buses[Scene.NEW], "since", unreachable)
    await told_overflow(scene, connection, written, position)
    await scene.end()


async def test_tab_is_reset_where_its_new_home_misses_something_meanwhile() -> None:
    scene = Scene()
    connection = await scene.begin()
    written, position = await leave(scene, connection)
    catching = await scene.shared[Scene.NEW].spread.broadcasts.catch_up(position, scene.buses[Scene.OLD].worker)
    scene.shared[Scene.NEW].missed(1)
    tab = restore(scene.hubs[Scene.NEW], Snapshot.decode(written), visitor("192.0.2.1"))
    catching.deliver(tab)
    with pytest.raises(ResetError, match="overflow"):
        scene.hubs[Scene.NEW].links.find(hello(connection.link_id))
    await scene.end()


async def test_what_a_worker_keeps_of_its_own_is_bounded_and_a_tab_that_needs_more_is_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_entries, "MOST", 5)
    scene = Scene()
    connection = await scene.begin()
    written, position = await leave(scene, connection)
    for _ in range(9):
        scene.say(Scene.NEW)
    await settled()
    own = scene.shared[Scene.NEW].spread.broadcasts._own
    assert len(list(own)) == 5
    await told_overflow(scene, connection, written, position)
    scene.buses[Scene.NEW].read(4)
    assert own.is_whole
    scene.buses[Scene.NEW].read(9)
    assert list(own) == []
    await scene.end()
