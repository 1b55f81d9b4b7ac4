"""However large messages travel, every one is dispatched once and in order: by a socket, by a newer socket in the
middle, by bodies that are cut anywhere, and by all of them at once.
"""

import datetime as dt
import secrets
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.applications import application
from tests.support.posting_page import PostingPage
from tests.support.waiting import settled, until
from webipc import IpcMainEvent, Limits
from webipc.core.frame import encode_body

LIMITS = Limits(part_bytes=400_000)
TEXT = "x" * 300_000
DATES = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2_001

VALUES: dict[str, Any] = {
    "small": 1,
    "large frame": TEXT,
    "large parcel": TEXT * 3,
    "parcel of bytes": bytes(500_000),
    "many fixups": DATES,
    "large frame with fixups": [TEXT, DATES[0]],
}
"""What a message can have that matters here."""

posts = st.tuples(st.just("post"), st.sampled_from(sorted(VALUES)))
sends = st.sampled_from([("flush", 0), ("connect", 0), ("turns", 3), ("turns", 30)])
bodies = st.tuples(st.just("body"), st.lists(st.floats(0, 1), max_size=4))


class Run:
    """A page, and what the application has heard of it."""

    def __init__(self) -> None:
        app, ipc_main = application(limits=LIMITS)
        self.page = PostingPage(app, LIMITS, secrets.token_hex(16))
        self.said: list[int] = []
        self.count = 0
        ipc_main.on("say", lambda event, number, value: self.said.append(number))
        ipc_main.on("ask", self._asked)

    def _asked(self, event: IpcMainEvent, number: int) -> None:
        self.said.append(number)
        event.return_value = number

    async def do(self, what: str, how: Any) -> None:
        """Do one step."""
        if what == "post":
            self.page.post("send", "say", value=[self.count, VALUES[how]])
            self.count += 1
        elif what == "flush":
            self.page.flush()
        elif what == "connect":
            await self.page.connect()
        elif what == "body":
            body = self.page.ask("ask", self.count)
            self.count += 1
            self.page.upload(body, [int(part * len(body)) for part in how])
        else:
            for _ in range(how):
                await settled()


async def in_order(steps: list[tuple[str, Any]]) -> None:
    """Do the steps on a page that is connected, let everything arrive, and look at the order."""
    run = Run()
    page = run.page
    await page.connect()
    for what, how in steps:
        await run.do(what, how)
    await page.connect()
    page.flush()
    await until(lambda: len(run.said) >= run.count or page.closes)
    # A page has one request at a time. Of several, the earlier may come too late for their answers.
    assert set(await page.end()) <= {200, 400}
    await settled()
    assert run.said == list(range(run.count))
    assert (page.closes, page.resets) == ([], [])


@settings(max_examples=40)
@given(st.lists(st.one_of(posts, posts, sends, bodies), max_size=14))
async def test_every_message_is_dispatched_once_and_in_order(steps: list[tuple[str, Any]]) -> None:
    await in_order(steps)


# The others are larger than a beacon.
@pytest.mark.parametrize("value", ["small", "many fixups"])
async def test_a_beacon_that_waits_for_another_comes_behind_what_that_has_brought(value: str) -> None:
    run = Run()
    page = run.page
    await page.connect()
    await run.do("post", value)
    first = page.link.backlog()
    second = f'[{page.link.last + 1},0,["send","say",[1,"small"]]]'
    page.upload(encode_body([page.hello(0), second]), path="/ipc/beacon")
    await settled()
    assert run.said == []
    page.upload(encode_body([page.hello(0), *first]), path="/ipc/beacon")
    await until(lambda: len(run.said) == 2)
    assert run.said == [0, 1]
    assert await page.end() == [204, 204]


@pytest.mark.parametrize("value", sorted(VALUES))
async def test_a_newer_socket_and_a_body_in_the_middle_of_a_large_message_change_nothing(value: str) -> None:
    await in_order([("post", value), ("flush", 0), ("post", "small"), ("body", []), ("connect", 0), ("flush", 0)])
