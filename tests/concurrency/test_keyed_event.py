"""A task that waits for a key resumes when the key is set, or after the timeout (concurrency/keyed_event.py)."""

import asyncio

import pytest

from tests.support.waiting import until
from webipc.concurrency.keyed_event import KeyedEvent


def keyed_event(seconds: float = 3600) -> KeyedEvent[str]:
    return KeyedEvent(asyncio.get_running_loop(), seconds)


async def test_setting_a_key_resumes_the_tasks_that_wait_for_it_and_no_other() -> None:
    event = keyed_event()
    first, second, other = (asyncio.create_task(event.wait(key)) for key in ("a", "a", "b"))
    await until(lambda: {key: len(each) for key, each in event._waiting.items()} == {"a": 2, "b": 1})
    event.set("a")
    await asyncio.gather(first, second)
    assert not other.done()
    event.set("b")
    await other
    assert event._waiting == {}


async def test_setting_a_key_without_a_waiting_task_leaves_nothing_behind() -> None:
    event = keyed_event(seconds=0)
    event.set("a")
    assert event._waiting == {}


async def test_a_timeout_resumes_one_task_and_leaves_the_others_waiting() -> None:
    event = keyed_event()
    other = asyncio.create_task(event.wait("a"))
    await until(lambda: "a" in event._waiting)
    event._seconds = 0
    await event.wait("a")
    assert not other.done()
    event.set("a")
    await other


async def test_setting_a_key_in_the_turn_of_the_timeout_is_no_error() -> None:
    event = keyed_event(seconds=0)
    task = asyncio.create_task(event.wait("a"))
    # After the first step of the task, and before the turn of its timeout.
    asyncio.get_running_loop().call_soon(event.set, "a")
    await task
    assert event._waiting == {}


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    event = keyed_event()
    task = asyncio.create_task(event.wait("a"))
    await until(lambda: "a" in event._waiting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert event._waiting == {}
