"""The flusher: what was posted in one turn leaves together, and one page that fails is no other's failure."""

import asyncio

import pytest

from webipc.concurrency.flusher import FAILED, Flusher


class Page:
    """Counts its flushes."""

    def __init__(self, error: Exception | None = None) -> None:
        self.dirty = False
        self.flushed = 0
        self._error = error

    def flush(self) -> None:
        self.flushed += 1
        if self._error is not None:
            raise self._error


async def test_what_called_wake_is_flushed_once_in_the_next_turn() -> None:
    flusher, page = Flusher(asyncio.get_running_loop()), Page()
    await asyncio.sleep(0)
    flusher.wake(page)
    flusher.wake(page)
    assert page.flushed == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert page.flushed == 1
    await flusher.stop()


async def test_while_it_is_held_nothing_leaves_but_what_hurries() -> None:
    flusher, page, other = Flusher(asyncio.get_running_loop()), Page(), Page()
    flusher.hold()
    flusher.hold()
    flusher.wake(page)
    flusher.wake(other)
    flusher.release()
    flusher.hurry(page)
    assert (page.flushed, other.flushed) == (1, 0)
    flusher.release()
    assert (page.flushed, other.flushed) == (2, 1)
    await flusher.stop()


async def test_a_page_that_fails_to_flush_stops_no_other_and_not_the_code_that_hurries_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flusher, broken, page = Flusher(asyncio.get_running_loop()), Page(ValueError("no")), Page()
    flusher.hold()
    flusher.wake(broken)
    flusher.wake(page)
    flusher.hurry(broken)
    flusher.release()
    assert (broken.flushed, page.flushed) == (2, 1)
    assert [record.getMessage() for record in caplog.records] == [FAILED, FAILED]
    await flusher.stop()
