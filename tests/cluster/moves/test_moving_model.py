"""A tab goes on in another hub as if it had not moved: two worlds are driven alike, and one of them moves its tabs.

They are parked on a bus and taken by another hub. Messages both ways, in parts, acknowledged or lost; calls of both
sides, kept answers of `sendSync`, ports, groups, users, goodbyes, and what is said to many meanwhile; two documents of
a tab, an iframe, another user. At every step both worlds show the same.
WEBIPC_HYPOTHESIS=thorough runs many more examples.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.moved import Meanwhile, Page, World
from tests.support.waiting import settled
from webipc.core.frame import encode_message

THOROUGH = os.environ.get("WEBIPC_HYPOTHESIS") == "thorough"

pytestmark = pytest.mark.timeout(3600 if THOROUGH else 300)

pages = st.integers(0, 3)
# Short, in two parts, and in several.
sizes = st.sampled_from([1, 90, 250])
names = st.sampled_from(["a", "b"])


class Moving(RuleBasedStateMachine):
    """Every rule happens in both worlds."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.worlds = [self.loop.run_until_complete(self._made(moves)) for moves in (False, True)]
        self.number = 0

    async def _made(self, moves: bool) -> World:
        return World(moves=moves)

    def both(self, step: Callable[[World], object]) -> None:
        """Do something in both worlds, let it happen, and compare them."""
        stays, moves = (self.loop.run_until_complete(self._done(world, step)) for world in self.worlds)
        assert moves == stays

    async def _done(self, world: World, step: Callable[[World], object]) -> dict[str, Any]:
        done = step(world)
        if asyncio.iscoroutine(done):
            await done
        await settled()
        return world.shown()

    def page(self, which: int, step: Callable[[World, Page], object]) -> None:
        """As `both`, with one of the pages."""
        self.both(lambda world: step(world, world.pages[which]))

    def value(self, size: int = 1) -> str:
        """Return a value that was not sent before."""
        self.number += 1
        return f"{self.number}".ljust(size, ".")

    @initialize()
    def begin(self) -> None:
        for which in (0, 2, 3):
            self.page(which, World.connect)

    @rule(which=pages)
    def connect(self, which: int) -> None:
        self.page(which, World.connect)

    @rule(which=pages)
    def lose(self, which: int) -> None:
        self.page(which, World.lose)

    @rule(which=pages, most=st.integers(0, 4))
    def write(self, which: int, most: int) -> None:
        self.page(which, lambda world, page: world.write(page, most))

    @rule(which=pages)
    def read(self, which: int) -> None:
        self.page(which, World.read)

    @rule(which=pages, size=sizes)
    def say(self, which: int, size: int) -> None:
        value = self.value(size)
        self.page(which, lambda world, page: page.post("send", "say", value=[value]))

    @rule(which=pages, size=sizes)
    def send(self, which: int, size: int) -> None:
        value = self.value(size)
        self.page(which, lambda world, page: world.send(page, value))

    @rule(which=pages)
    def ask(self, which: int) -> None:
        def step(world: World, page: Page) -> None:
            page.call_id += 2
            page.post("invoke", page.call_id, "ask", value=[1])

        self.page(which, step)

    @rule(which=pages, size=sizes)
    def answer(self, which: int, size: int) -> None:
        value = self.value(size)
        self.page(which, lambda world, page: world.answer(page, value))

    @rule(which=pages, size=sizes)
    def sync(self, which: int, size: int) -> None:
        value = self.value(size)

        def step(world: World, page: Page) -> None:
            page.sync_id = page.call_id = page.call_id + 2
            page.post("sync", page.call_id, "sync", value=[value])
            world.write(page, 9)

        self.page(which, step)

    @rule(which=pages)
    def sync_done(self, which: int) -> None:
        def step(world: World, page: Page) -> None:
            if page.sync_id:
                page.link.post(encode("sync-done", page.sync_id))

        self.page(which, step)

    @rule(which=pages)
    def call(self, which: int) -> None:
        value = self.value()
        self.page(which, lambda world, page: world.call(page, value))

    @rule(which=pages)
    def send_port(self, which: int) -> None:
        value = self.value()
        self.page(which, lambda world, page: world.send_port(page, value))

    @rule(which=pages)
    def post_port(self, which: int) -> None:
        def step(world: World, page: Page) -> None:
            page.port_id += 2
            page.post("post", "port", value=1, ports=(page.port_id,))

        self.page(which, step)

    @rule(which=pages)
    def say_in_port(self, which: int) -> None:
        def step(world: World, page: Page) -> None:
            if page.port_id > 0:
                page.post("port", page.port_id, value=1, ports=())

        self.page(which, step)

    @rule(which=pages, name=names, tab=st.booleans())
    def join(self, which: int, name: str, *, tab: bool) -> None:
        self.page(which, lambda world, page: world.join(page, name, tab=tab))

    @rule(which=pages, name=names)
    def leave(self, which: int, name: str) -> None:
        self.page(which, lambda world, page: world.leave(page, name))

    @rule(name=names)
    def tell(self, name: str) -> None:
        value = self.value()
        self.both(lambda world: world.tell(name, value))

    @rule(which=pages, missing=st.sampled_from([0, 1, 2, 2]))
    def bye(self, which: int, missing: int) -> None:
        self.page(which, lambda world, page: world.bye(page, missing))

    @rule()
    def move(self) -> None:
        self.both(World.move)

    @rule(name=names, by_the_old=st.booleans(), is_late=st.booleans())
    def move_while_all_are_told(self, name: str, *, by_the_old: bool, is_late: bool) -> None:
        said = [Meanwhile(name, self.value(), by_the_old, is_late) for _ in range(2)]
        self.both(lambda world: world.move(said))

    @rule()
    def move_and_connect(self) -> None:
        self.both(World.move)
        for which in range(4):
            self.page(which, lambda world, page: world.connect(page) if page.attempt else None)

    def teardown(self) -> None:
        """Let everything arrive, by a last socket."""
        try:
            self.both(World.move)
            for which in range(4):
                self.page(which, World.connect)
                self.page(which, lambda world, page: world.write(page, 99))
                self.page(which, World.read)
        finally:
            for world in self.worlds:
                self.loop.run_until_complete(world.end())
            self.loop.close()


def encode(*fields: Any) -> Any:
    return encode_message(list(fields))


Moving.TestCase.settings = settings(
    max_examples=2_000 if THOROUGH else 60,
    stateful_step_count=60 if THOROUGH else 40,
    derandomize=not THOROUGH,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMoving = Moving.TestCase
