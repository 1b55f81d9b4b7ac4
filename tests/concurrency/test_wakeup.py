"""`Wakeup`: when a waiting task resumes, in which context, and how it is cancelled."""

import asyncio
from contextvars import ContextVar

import pytest

from webipc.concurrency.wakeup import Wakeup

WHO: ContextVar[str] = ContextVar("WHO", default="no task")


class Waiter:
    """A task that records the current task and its context each time it resumes."""

    def __init__(self) -> None:
        self.wakeup = Wakeup(asyncio.get_running_loop())
        self.tasks: list[asyncio.Task[None] | None] = []
        self.names: list[str] = []
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        WHO.set("the waiter")
        while True:
            await self.wakeup
            self.tasks.append(asyncio.current_task())
            self.names.append(WHO.get())


async def in_a_callback(call: object) -> None:
    """Call a function as the loop calls a protocol: outside of every task."""
    assert callable(call)
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(lambda: done.set_result(call()))
    await done


async def test_the_task_resumes_before_the_report_returns_as_the_current_one_and_in_its_context() -> None:
    waiter = Waiter()
    await asyncio.sleep(0)
    woken: list[int] = []

    def report_twice() -> None:
        for _ in range(2):
            waiter.wakeup.report()
            woken.append(len(waiter.tasks))

    await in_a_callback(report_twice)
    assert woken == [1, 2]
    assert waiter.tasks == [waiter.task] * 2
    assert waiter.names == ["the waiter"] * 2
    waiter.task.cancel()


async def test_inside_another_task_it_resumes_in_the_next_turn() -> None:
    waiter = Waiter()
    await asyncio.sleep(0)
    waiter.wakeup.report()
    assert waiter.tasks == []
    await asyncio.sleep(0)
    assert waiter.tasks == [waiter.task]
    waiter.task.cancel()


async def test_a_report_without_a_waiting_task_is_not_kept() -> None:
    wakeup = Wakeup(asyncio.get_running_loop())
    wakeup.report()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await wakeup


async def test_a_wait_can_be_cancelled_and_repeated() -> None:
    wakeup = Wakeup(asyncio.get_running_loop())
    texts: list[object] = []

    async def wait() -> str:
        try:
            await wakeup
        except asyncio.CancelledError as cancelled:
            texts.append(cancelled.args)
        await wakeup
        return "woken"

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel("enough")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert texts == [("enough",)]
    await in_a_callback(wakeup.report)
    assert await task == "woken"


def test_system_exit_in_the_task_ends_the_loop() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        wakeup = Wakeup(asyncio.get_running_loop())

        async def exit_program() -> None:
            await wakeup
            raise SystemExit(7)

        tasks.append(asyncio.create_task(exit_program()))
        await asyncio.sleep(0)
        await in_a_callback(wakeup.report)
        await asyncio.sleep(10)

    with pytest.raises(SystemExit, match="7"):
        asyncio.run(main())
    assert isinstance(tasks[0].exception(), SystemExit)
