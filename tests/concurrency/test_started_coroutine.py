"""The first step of a coroutine, run by hand, and the steps behind it (concurrency/started_coroutine.py)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from webipc.concurrency.started_coroutine import StartedCoroutine, start


async def _value() -> str:
    return "value"


async def _raising() -> str:
    raise ValueError("first step")


async def _suspending(future: "asyncio.Future[str]") -> str:
    return await future


def test_a_coroutine_that_does_not_suspend_gives_its_value_without_an_event_loop() -> None:
    assert start(_value()) == "value"


def test_what_the_first_step_raises_is_raised_by_start() -> None:
    with pytest.raises(ValueError, match="first step"):
        start(_raising())


async def test_a_coroutine_that_suspends_is_awaited_for_its_value() -> None:
    future = asyncio.get_running_loop().create_future()
    started = start(_suspending(future))
    assert isinstance(started, StartedCoroutine)
    asyncio.get_running_loop().call_soon(future.set_result, "later")
    assert await started == "later"


async def test_an_exception_of_a_further_step_is_raised_where_it_is_awaited() -> None:
    future = asyncio.get_running_loop().create_future()
    started = start(_suspending(future))
    assert isinstance(started, StartedCoroutine)
    future.set_exception(KeyError("further step"))
    with pytest.raises(KeyError, match="further step"):
        await started


async def test_a_cancellation_reaches_the_coroutine_which_may_catch_it() -> None:
    async def catching() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "caught"
        return "not cancelled"

    async def awaiting() -> str:
        started = start(catching())
        return await started if isinstance(started, StartedCoroutine) else started

    task = asyncio.create_task(awaiting())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "caught"


async def test_each_further_step_is_run_by_the_function_that_is_given() -> None:
    steps = 0

    def run(step: Callable[[Any], Any], sent: Any) -> Any:
        nonlocal steps
        steps += 1
        return step(sent)

    async def sleeping() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    coroutine = sleeping()
    await StartedCoroutine(coroutine, coroutine.send(None), run)
    assert steps == 3


async def test_it_is_closed_by_who_awaits_it_and_not_by_a_generator_exit_of_its_own() -> None:
    async def leaving(future: "asyncio.Future[None]") -> None:
        await future
        raise GeneratorExit

    async def awaiting(started: StartedCoroutine[None]) -> None:
        await started

    loop = asyncio.get_running_loop()
    future = loop.create_future()
    own, closed = start(leaving(future)), start(leaving(loop.create_future()))
    assert isinstance(own, StartedCoroutine)
    assert isinstance(closed, StartedCoroutine)
    outside = awaiting(closed)
    outside.send(None)
    outside.close()
    loop.call_soon(future.set_result, None)
    with pytest.raises(GeneratorExit):
        await own
    assert (own.is_closed, closed.is_closed) == (False, True)
