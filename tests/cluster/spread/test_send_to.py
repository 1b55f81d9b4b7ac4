"""`ipcRenderer.sendTo` to a tab at another worker: passed on undecoded, and allowed by the policy of its home alone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.logged import troubles
from tests.support.several_workers import Ear, OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import IpcMain, JSMap, Limits, RemoteSender, WebContents, WebFrameMain, undefined
from webipc.budget.share import Share
from webipc.core.frame import EncodedMessage
from webipc.testing import Renderer

ME = "1" * 32
"""The principal of one browser."""


@pytest.fixture
async def two() -> AsyncIterator[list[OneWorker]]:
    async with workers(2, limits=Limits(goodbye_ms=50)) as made:
        yield made


async def test_tab_of_another_worker_is_reached_with_the_id_of_the_sender(two: list[OneWorker]) -> None:
    a, b = two
    async with a.browser(principal=ME).open() as one, b.browser(principal=ME).open() as other, one.open_frame() as low:
        value = {"map": JSMap([(1, undefined)]), "bytes": b"\x01"}
        one.send_to(other.web_contents_id, "ping", value, 2)
        event, args = await other.arrival("ping")
        assert args == [value, 2]
        assert (event.sender_id, event.sender_is_main_frame) == (one.web_contents_id, True)
        low.send_to(other.web_contents_id, "ping")
        assert (await other.arrival("ping"))[0].sender_is_main_frame is False
        other.send_to(event.sender_id, "pong")
        assert await one.received("pong") == []


async def test_messages_arrive_once_in_order(two: list[OneWorker]) -> None:
    a, b = two
    async with a.browser(principal=ME).open() as one, b.browser(principal=ME).open() as other:
        ear = Ear(other)
        for number in range(100):
            one.send_to(other.web_contents_id, "news", number)
            if number % 30 == 5:
                await other.disconnect()
            if number % 30 == 20:
                await other.connect()
        await other.connect()
        await until(lambda: len(ear.heard) == 100)
        assert ear.heard == list(range(100))


@pytest.mark.parametrize(
    "user, principal, is_reached", [("ada", ME, True), ("bob", ME, False), (None, ME, False), ("ada", "2" * 32, False)]
)
async def test_without_a_policy_tabs_of_the_same_user_in_the_same_browser_are_reached(
    two: list[OneWorker], user: str | None, principal: str, is_reached: bool
) -> None:
    a, b = two
    async with (
        a.browser("ada", principal=ME).open() as one,
        b.browser(user, principal=principal).open() as other,
    ):
        one.send_to(other.web_contents_id, "ping")
        await quiet()
        assert [*other._arrived] == (["ping"] if is_reached else [])


async def reached(policy: Any) -> tuple[bool, list[Any]]:
    """Return whether a page reaches another one elsewhere under a policy, and what that was asked."""
    asked: list[Any] = []

    def may_send_to(sender: Any, target: WebContents) -> bool:
        asked.append((sender, target))
        allowed: bool = policy(sender, target)
        return allowed

    async with (
        workers(2, may_send_to=may_send_to) as (a, b),
        a.browser("ada", principal=ME).open() as one,
        one.open_frame() as low,
        b.browser("bob").open() as other,
    ):
        frame = a.tab(one).main_frame
        assert frame is not None
        low.send_to(other.web_contents_id, "ping")
        await quiet()
        (sender, target) = asked[0]
        token, origin = frame.frames[0].frame_token, frame.origin
        assert sender == RemoteSender(ME, "ada", origin, token, one.web_contents_id, is_main_frame=False)
        assert target is b.tab(other)
        return "ping" in other._arrived, asked


async def test_policy_is_asked_once_where_the_target_is_about_a_record_of_the_sender() -> None:
    was_reached, asked = await reached(lambda sender, target: sender.identity == "ada" and sender.principal == ME)
    assert was_reached
    assert len(asked) == 1
    assert not (await reached(lambda sender, target: False))[0]


def written_for_documents(sender: WebFrameMain, target: WebContents) -> bool:
    return sender.web_contents.principal != "" or sender.top is sender


def of_this_site(sender: WebFrameMain | RemoteSender, target: WebContents) -> bool:
    return sender.origin == "http://testserver"


async def test_one_policy_may_be_for_documents_of_every_worker() -> None:
    async with (
        workers(2, may_send_to=of_this_site) as (a, b),
        a.browser("ada").open() as one,
        a.browser("bob").open() as near,
        b.browser("bob").open() as other,
    ):
        for page in (near, other):
            one.send_to(page.web_contents_id, "ping")
            await page.arrival("ping")
    # A type checker takes it.
    IpcMain(may_send_to=of_this_site)


async def test_policy_that_reads_what_a_record_has_not_allows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not (await reached(written_for_documents))[0]
    assert [text for text in troubles(caplog) if "policy for sendTo raised" in text]


async def test_tab_here_is_reached_without_the_others(two: list[OneWorker]) -> None:
    a, _ = two
    async with a.browser(principal=ME).open() as one, one.open() as other:
        before = a.shared.stats()
        one.send_to(other.web_contents_id, "ping")
        await other.arrival("ping")
        assert a.shared.stats() == before


async def test_unknown_tab_is_dropped_without_a_line_in_the_log(
    two: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    a, _ = two
    async with a.browser().open() as one:
        for number in range(50):
            one.send_to(7 + number, "ping")
        await quiet()
        assert a.shared.stats()["unsent"] == {"unknown": 50}
        assert troubles(caplog) == []


async def test_pages_have_a_bounded_share_of_what_waits_and_take_nothing_from_the_program(
    two: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = two
    monkeypatch.setattr(a.shared.spread._ways, "_of_pages", Share(10_000, 1_000))
    async with a.browser().open() as one, b.browser().open() as other:
        ear = Ear(other)
        for number in range(50):
            one.send_to(7 + number, "ping", "x" * 1_000)
        a.ipc_main.remote(other.web_contents_id).send("news", 1)
        await quiet()
        assert ear.heard == [1]
        unsent = a.shared.stats()["unsent"]
        assert unsent["full"] + unsent["unknown"] == 50
        assert unsent["full"] > 30


def post_raw(page: Renderer, json: str) -> None:
    """Send a message that the client would never produce."""
    page._connection.post(EncodedMessage(json.encode(), (), len(json)))


async def test_value_is_not_looked_at_and_the_page_that_cannot_read_it_stays(two: list[OneWorker]) -> None:
    a, b = two
    async with a.browser(principal=ME).open() as one, b.browser(principal=ME).open() as other:
        target = other.web_contents_id
        post_raw(one, f'["send-to",{target},"ping",[1],[["b",[0],0]]]')
        post_raw(one, f'["send-to",{target},"ping",7]')
        one.send_to(target, "ping", "good")
        assert (await other.arrival("ping"))[1] == ["good"]
        assert one.connected
        assert other.connected


async def test_large_message_crosses(two: list[OneWorker]) -> None:
    a, b = two
    async with a.browser(principal=ME).open() as one, b.browser(principal=ME).open() as other:
        value = {"text": "x" * 3_000_000, "bytes": [bytes([number]) * 100_000 for number in range(5)]}
        one.send_to(other.web_contents_id, "ping", value)
        assert (await other.arrival("ping"))[1] == [value]
