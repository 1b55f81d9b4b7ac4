"""A message that is too large is refused where it is encoded, to the byte: later there is no caller to raise to."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.applications import application
from tests.support.connected import contents_of
from webipc import IpcMain, IpcMainInvokeEvent, LimitError, Limits
from webipc.core.frame import encode_parcel, sized
from webipc.core.link import Link, Side
from webipc.core.link.sizes import check_size
from webipc.testing import InvokeError, Renderer

# Whatever is larger than a part is a parcel, and a parcel is as large as a message may be.
SMALL = Limits(message_bytes=3_000, part_bytes=1_000)

MESSAGES = st.builds(
    sized,
    st.integers(2, 3_000).map(lambda size: b'"' + b"x" * (size - 2) + b'"'),
    st.lists(st.sampled_from([0, 1, 7, 8, 9, 10, 99, 100, 1_001]).map(bytes), max_size=5),
)


@given(MESSAGES)
def test_the_size_of_a_parcel_is_known_before_it_is_made(message: Any) -> None:
    assert message.parcel_size == len(encode_parcel(message))


@given(MESSAGES)
def test_the_check_accepts_exactly_the_messages_that_the_link_accepts(message: Any) -> None:
    def takes(check: Callable[[], object]) -> bool:
        try:
            check()
        except LimitError:
            return False
        return True

    assert takes(lambda: check_size(message, SMALL)) == takes(lambda: Link(Side.MAIN, SMALL).post(message))


def register(ipc_main: IpcMain, answer: Callable[[int], Any]) -> None:
    """Register `async` and `def`, which answer with so much."""

    async def handler(event: IpcMainInvokeEvent, size: int) -> Any:
        return answer(size)

    ipc_main.handle("async", handler)
    ipc_main.handle("def", lambda event, size: answer(size))


@pytest.mark.parametrize("answer", [lambda size: "x" * size, bytes, lambda size: [bytes(1)] * (size // 40)])
async def test_every_call_is_answered_however_large_the_result(answer: Callable[[int], Any]) -> None:
    app, ipc_main = application(limits=SMALL)
    register(ipc_main, answer)
    outcomes: list[str | None] = []
    async with Renderer(app) as page, asyncio.timeout(20):
        for size in range(2_900, 3_010):
            for channel in ("async", "def"):
                try:
                    await page.invoke(channel, size)
                    outcomes.append(None)
                except InvokeError as error:
                    outcomes.append(error.code)
    assert set(outcomes) <= {None, "limit"}


async def test_a_message_that_is_too_large_is_refused_in_the_thread_that_sends_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application(limits=SMALL)
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    said: list[str] = []

    def say() -> None:
        for size in range(2_900, 3_010):
            caplog.clear()
            try:
                ipc_main.broadcast("said", "x" * size)
            except LimitError:
                contents.send("said", "x" * size)
                assert caplog.messages == ["Error sending from webFrameMain: Error: Failed to serialize arguments"]
            else:
                said.append("x" * size)

    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        await asyncio.to_thread(say)
        assert said
        for text in said:
            assert await page.received("said") == [text]
    assert problems == []
