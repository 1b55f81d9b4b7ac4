"""Who waits is let in when called, when it has waited long enough, and is forgotten however the wait ends."""

import asyncio

import pytest

from tests.support.waiting import until
from webipc.concurrency.keyed_event import KeyedEvent


def room(seconds: float = 3600) -> KeyedEvent[str]:
    return KeyedEvent(asyncio.get_running_loop(), seconds)


async def test_everybody_who_waits_for_a_key_is_called_and_nobody_else() -> None:
    waiting = room()
    first, second, other = (asyncio.create_task(waiting.wait(key)) for key in ("a", "a", "b"))
    await until(lambda: {key: len(each) for key, each in waiting._waiting.items()} == {"a": 2, "b": 1})
    waiting.set("a")
    await asyncio.gather(first, second)
    assert not other.done()
    waiting.set("b")
    await other
    assert waiting._waiting == {}


async def test_a_call_that_nobody_waits_for_is_not_remembered() -> None:
    waiting = room(seconds=0)
    waiting.set("a")
    assert waiting._waiting == {}


async def test_who_is_not_called_goes_on_and_leaves_the_others_waiting() -> None:
    waiting = room()
    longer = asyncio.create_task(waiting.wait("a"))
    await until(lambda: "a" in waiting._waiting)
    waiting._seconds = 0
    await waiting.wait("a")
    assert not longer.done()
    waiting.set("a")
    await longer


async def test_a_call_in_the_moment_when_the_time_is_over_is_no_error() -> None:
    waiting = room(seconds=0)
    task = asyncio.create_task(waiting.wait("a"))
    # Behind the first step of the task, and before the loop's turn in which its time is over.
    asyncio.get_running_loop().call_soon(waiting.set, "a")
    await task
    assert waiting._waiting == {}


async def test_who_is_cancelled_is_forgotten() -> None:
    waiting = room()
    task = asyncio.create_task(waiting.wait("a"))
    await until(lambda: "a" in waiting._waiting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting._waiting == {}
