"""`FairThreads`: who starts, who waits, and who is next. The functions wait for the test, so no clock is involved."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from tests.support.waiting import until
from webipc.budget.threads import THREADS, FairThreads


class Work:
    """Functions that run until they are told to end, and what became of each."""

    def __init__(self, threads: FairThreads) -> None:
        self._threads = threads
        self.ends: dict[str, threading.Event] = {}
        self.started: list[str] = []
        self.done: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()
        self._seen = 0

    def ask(self, name: str, payer: str | None = None, link: str | None = None) -> None:
        """Ask for a thread; by default the first letter is the payer, and its link as well."""
        end = self.ends[name] = threading.Event()

        def function() -> str:
            with self._lock:
                self.started.append(name)
            end.wait(20)
            return name

        self._threads.run(payer or name[0], link or payer or name[0], function, lambda ended: self._ended(name, ended))

    def _ended(self, name: str, ended: Future[Any]) -> None:
        self.done[name] = ended

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await until(lambda: name in self.done)

    async def next_start(self) -> str:
        """Return what starts next, and has not been returned before."""
        await until(lambda: len(self.started) > self._seen)
        self._seen += 1
        return self.started[self._seen - 1]

    def end_all(self) -> None:
        for end in self.ends.values():
            end.set()


async def idle(threads: FairThreads) -> None:
    await until(lambda: not threads.running)


MakeWork = Callable[[int], tuple[FairThreads, Work]]


@pytest.fixture
async def make() -> AsyncIterator[MakeWork]:
    made: list[tuple[FairThreads, Work]] = []

    def make(count: int) -> tuple[FairThreads, Work]:
        threads = FairThreads(asyncio.get_running_loop(), count)
        made.append((threads, Work(threads)))
        return made[-1]

    yield make
    for threads, work in made:
        threads.stop()
        work.end_all()
        await idle(threads)


async def test_one_page_alone_has_forty_threads(make: MakeWork) -> None:
    threads, work = make(THREADS)
    for number in range(100):
        work.ask(f"a{number}")
    assert (threads.running, threads.waiting) == (40, 60)


async def test_another_payer_starts_at_once_beside_one_with_many_calls(make: MakeWork) -> None:
    threads, work = make(8)
    for number in range(400):
        work.ask(f"a{number}")
    work.ask("b")
    await until(lambda: "b" in work.started)
    assert threads.running == 5


async def test_each_payer_has_two_threads_while_there_are_any(make: MakeWork) -> None:
    threads, work = make(8)
    for name in ("a0", "a1", "a2", "a3", "b0", "b1", "b2", "c0", "d0", "e0"):
        work.ask(name)
    assert threads.running == 8
    assert threads.waiting == 2


async def test_whoever_ends_lets_the_next_payer_begin(make: MakeWork) -> None:
    _, work = make(2)
    for name in ("a0", "b0", "a1", "a2", "b1", "c0"):
        work.ask(name)
    assert {await work.next_start(), await work.next_start()} == {"a0", "b0"}
    order = []
    for ending in ("a0", "b0", "a1", "b1"):
        await work.end(ending)
        order.append(await work.next_start())
    assert order == ["a1", "b1", "c0", "a2"]


async def test_two_pages_of_one_address_take_turns(make: MakeWork) -> None:
    _, work = make(1)
    for number in range(50):
        work.ask(f"busy{number}", "address", "busy page")
    work.ask("other", "address", "other page")
    await until(lambda: work.started == ["busy0"])
    await work.end("busy0")
    await until(lambda: len(work.started) == 2)
    await work.end("busy1")
    await until(lambda: len(work.started) == 3)
    assert work.started[2] == "other"


async def test_what_waits_for_a_link_that_ended_is_cancelled_and_what_runs_is_left_alone(make: MakeWork) -> None:
    threads, work = make(1)
    for number in range(800):
        work.ask(f"a{number}")
    work.ask("other", "a", "another page")
    assert threads.cancel("a", "a") == 799
    assert threads.cancel("a", "a") == 0
    assert threads.waiting == 1
    assert len(work.done) == 799
    assert all(future.cancelled() for future in work.done.values())
    await work.end("a0")
    assert work.done["a0"].result() == "a0"
    await until(lambda: "other" in work.started)
    assert work.started == ["a0", "other"]


async def test_what_a_function_raises_is_in_its_future(make: MakeWork) -> None:
    threads, _ = make(2)
    ended: list[Future[Any]] = []

    def fails() -> None:
        raise LookupError("nothing there")

    threads.run("a", "a", fails, ended.append)
    await until(lambda: ended)
    assert isinstance(ended[0].exception(), LookupError)


async def test_stop_cancels_what_waits(make: MakeWork) -> None:
    threads, work = make(2)
    for name in ("a0", "a1", "b0", "c0"):
        work.ask(name)
    threads.stop()
    assert threads.waiting == 0
    assert sorted(name for name, future in work.done.items() if future.cancelled()) == ["b0", "c0"]


async def test_threads_of_another_pool_are_counted_by_the_same_rule(make: MakeWork) -> None:
    threads, _ = make(4)
    begun: dict[str, Future[Any]] = {}
    for name in ("a0", "a1", "a2", "b0", "c0"):
        threads.enter(name[0], name[0], partial(begun.__setitem__, name))
    assert sorted(begun) == ["a0", "a1", "b0", "c0"]
    assert (threads.running, threads.waiting) == (4, 1)
    threads.leave("a")
    assert begun["a2"].result() is None
    threads.enter("a", "a", partial(begun.__setitem__, "a3"))
    assert threads.cancel("a", "a") == 1
    assert begun["a3"].cancelled()
    for payer in ("a", "a", "b", "c"):
        threads.leave(payer)
    assert threads.running == 0


async def test_a_loop_that_is_closed_is_not_called() -> None:
    loop = asyncio.new_event_loop()
    threads = FairThreads(loop, 2)
    called: list[object] = []
    end = threading.Event()
    threads.run("a", "a", lambda: end.wait(20), called.append)
    loop.close()
    end.set()
    threads.stop()
    assert threads._executor is not None
    threads._executor.shutdown(wait=True)
    assert called == []
