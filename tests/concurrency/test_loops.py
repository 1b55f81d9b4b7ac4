"""Which event loop code belongs to, and how any thread calls a function in it (concurrency/loops.py)."""

import asyncio
import threading

import pytest

from tests.support.waiting import PATIENCE
from webipc.concurrency.loops import done_in, home_loop, loop_here, run_in, run_soon_in, running_loop


async def test_in_a_loop_the_running_loop_is_that_of_the_code() -> None:
    loop = asyncio.get_running_loop()
    assert (running_loop(), loop_here()) == (loop, loop)


async def test_in_a_worker_thread_no_loop_runs_and_the_home_loop_is_that_of_the_code() -> None:
    loop = asyncio.get_running_loop()
    token = home_loop.set(loop)
    try:
        assert await asyncio.to_thread(lambda: (running_loop(), loop_here())) == (None, loop)
    finally:
        home_loop.reset(token)


def test_without_a_loop_there_is_none() -> None:
    assert (running_loop(), loop_here()) == (None, None)


async def test_in_the_thread_of_the_loop_a_function_is_called_at_once() -> None:
    called: list[int] = []
    assert run_in(asyncio.get_running_loop(), called.append, 1)
    assert called == [1]


async def test_what_a_function_that_is_called_at_once_raises_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("of the function")

    with pytest.raises(RuntimeError, match="of the function"):
        run_in(asyncio.get_running_loop(), fail)


async def test_from_another_thread_functions_are_called_in_the_thread_of_the_loop_in_order() -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    called: list[tuple[int, int]] = []

    def note(index: int) -> None:
        called.append((index, threading.get_ident()))
        if index == 9:
            done.set()

    assert all(await asyncio.to_thread(lambda: [run_in(loop, note, index) for index in range(10)]))
    async with asyncio.timeout(PATIENCE):
        await done.wait()
    assert called == [(index, threading.get_ident()) for index in range(10)]


async def test_from_the_thread_of_another_loop_a_function_is_called_in_the_loop_that_is_named() -> None:
    loop = asyncio.get_running_loop()
    where = loop.create_future()

    async def elsewhere() -> bool:
        return run_in(loop, lambda: where.set_result(running_loop()))

    assert await asyncio.to_thread(asyncio.run, elsewhere())
    async with asyncio.timeout(PATIENCE):
        assert await where is loop


async def test_soon_is_a_later_turn_in_the_thread_of_the_loop_too() -> None:
    called: list[int] = []
    assert run_soon_in(asyncio.get_running_loop(), called.append, 1)
    assert called == []
    await asyncio.sleep(0)
    assert called == [1]


def test_a_closed_loop_calls_nothing_and_says_so() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    called: list[int] = []
    assert not run_in(loop, called.append, 1)
    assert not run_soon_in(loop, called.append, 1)
    assert called == []


# --- waiting until it is done -----------------------------------------------------------------------------------------


async def test_in_the_loop_itself_nothing_is_waited_for() -> None:
    called: list[int] = []
    await done_in(asyncio.get_running_loop(), 0.0, called.append, 1)
    assert called == [1]


async def test_from_another_loop_it_returns_when_the_function_has_run() -> None:
    loop, here = asyncio.get_running_loop(), threading.get_ident()
    called: list[int] = []
    await asyncio.to_thread(lambda: asyncio.run(done_in(loop, 5.0, lambda: called.append(threading.get_ident()))))
    assert called == [here]


async def test_from_another_loop_it_raises_what_the_function_raises() -> None:
    loop = asyncio.get_running_loop()

    def fail() -> None:
        raise LookupError("of the function")

    with pytest.raises(LookupError, match="of the function"):
        await asyncio.to_thread(lambda: asyncio.run(done_in(loop, 5.0, fail)))


async def test_where_the_loop_is_busy_for_too_long_it_raises_and_the_function_runs_later() -> None:
    loop = asyncio.get_running_loop()
    called: list[int] = []
    raised = threading.Event()

    def wait() -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(done_in(loop, 0.01, called.append, 1))
        raised.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    # The loop is blocked until the other one has given up.
    assert raised.wait(20)
    waiting.join()
    assert called == []
    await asyncio.sleep(0)
    assert called == [1]


async def test_a_loop_that_is_closed_is_not_waited_for() -> None:
    other = asyncio.new_event_loop()
    other.close()
    called: list[int] = []
    await done_in(other, 5.0, called.append, 1)
    assert called == []
