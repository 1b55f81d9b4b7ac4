"""`sendTo`: from a document to the main document of another tab, if the policy of the application allows it."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.applications import application
from tests.support.connected import Site
from tests.support.waiting import settled, until
from webipc import CloneError, JSMap, Limits, WebContents, WebFrameMain, undefined
from webipc.core.frame import EncodedMessage
from webipc.testing import Renderer


def post_raw(page: Renderer, json: str) -> None:
    """Send a message that the client would never produce."""
    page._connection.post(EncodedMessage(json.encode(), (), len(json)))


def all_received(page: Renderer) -> dict[str, int]:
    return {channel: len(messages) for channel, messages in page._arrived.items()}


async def test_send_to_reaches_another_tab_of_the_same_browser_with_the_id_of_the_sender(site: Site) -> None:
    """Electron 27: sends message to WebContents."""
    _, ipc_main, page = site
    heard: list[Any] = []
    ipc_main.on("ping-æøåü", lambda event, *args: heard.append(args))
    async with page.open() as other:
        value = {"map": JSMap([(1, undefined)]), "bytes": b"\x01"}
        page.send_to(other.web_contents_id, "ping-æøåü", value, 2)
        event, args = await other.arrival("ping-æøåü")
        assert args == [value, 2]
        assert (event.sender, event.ports) == (other, [])
        assert (event.sender_id, event.sender_is_main_frame) == (page.web_contents_id, True)
        other.send_to(event.sender_id, "pong")
        assert await page.received("pong") == []
    # Listeners of `ipc_main` do not receive it.
    assert heard == []


async def test_a_message_of_the_program_has_the_sender_id_zero(site: Site) -> None:
    _, ipc_main, page = site
    ipc_main.broadcast("hello")
    event, _ = await page.arrival("hello")
    assert (event.sender_id, event.sender_is_main_frame) == (0, None)


async def test_send_to_works_from_an_iframe_and_reaches_only_main_documents(site: Site) -> None:
    """Electron 27: sends message to WebContents from a child frame."""
    _, _, page = site
    async with page.open() as other, page.open_frame() as frame, other.open_frame() as other_frame:
        assert frame.web_contents_id == page.web_contents_id
        frame.send_to(other.web_contents_id, "ping")
        event, _ = await other.arrival("ping")
        assert (event.sender_id, event.sender_is_main_frame) == (page.web_contents_id, False)
        frame.send_to(page.web_contents_id, "up")
        assert (await page.arrival("up"))[0].sender_is_main_frame is False
        assert all_received(other_frame) == {}


async def test_messages_arrive_once_in_order_over_lost_sockets(site: Site) -> None:
    _, _, page = site
    async with page.open() as other:
        heard: list[int] = []
        other.on("n", lambda event, value: heard.append(value))
        for index in range(200):
            if index % 50 == 10:
                await other.disconnect()
            if index % 50 == 30:
                await page.disconnect()
            page.send_to(other.web_contents_id, "n", index)
            if index % 50 == 40:
                await page.connect()
                await other.connect()
        await until(lambda: len(heard) == 200)
        assert heard == list(range(200))


async def test_another_browser_is_not_reached(site: Site) -> None:
    app, _, page = site
    async with Renderer(app) as stranger:
        page.send_to(stranger.web_contents_id, "ping")
        stranger.send_to(page.web_contents_id, "ping")
        await page.invoke("end")
        await stranger.invoke("end")
        await settled()
        assert (all_received(page), all_received(stranger)) == ({}, {})


@pytest.mark.parametrize("script", ["client.js", "preload.js"])
def test_the_first_client_script_sets_the_cookie_of_the_browser_once(tmp_path: Path, script: str) -> None:
    preload = tmp_path / "first.js"
    preload.touch()
    app, _ = application(preload=[preload])
    client = TestClient(app)
    assert client.get(f"/ipc/{script}").headers["set-cookie"].startswith("webipc_principal=")
    assert "set-cookie" not in client.get(f"/ipc/{script}").headers


async def test_a_browser_is_identified_by_its_cookie(site: Site) -> None:
    app, ipc_main, _ = site
    known = "webipc_principal=" + "0" * 32
    async with (
        Renderer(app, headers={"Cookie": f"other=1; {known}"}) as one,
        Renderer(app, headers={"cookie": known}) as two,
        Renderer(app, headers={"cookie": "webipc_principal=short"}) as three,
    ):
        contents = {page: ipc_main.from_id(page.web_contents_id) for page in (one, two, three)}
        principals = [each.principal if each else None for each in contents.values()]
        assert principals[:2] == ["0" * 32] * 2
        assert principals[2] not in (None, "short", "0" * 32)
        one.send_to(two.web_contents_id, "same")
        assert await two.received("same") == []


async def test_a_page_whose_browser_keeps_no_cookie_keeps_its_tab_and_its_frames(site: Site) -> None:
    """As a page of another site does, and the first two sockets of any browser."""
    app, ipc_main, _ = site
    async with Renderer(app) as page:
        browser = page._connection.client
        identity = page.web_contents_id
        contents = ipc_main.from_id(identity)
        assert contents is not None
        principal = contents.principal
        browser.cookies._jar.clear()
        async with page.open_frame() as frame:
            assert frame.web_contents_id == identity
        browser.cookies._jar.clear()
        await page.reload()
        assert page.web_contents_id == identity
        assert contents.principal == principal


async def test_may_send_to_decides_which_tabs_can_send_to_which() -> None:
    asked: list[tuple[int, int]] = []

    def policy(sender: WebFrameMain, target: WebContents) -> bool:
        asked.append((sender.web_contents.id, target.id))
        return sender.web_contents.id < target.id

    app, _ = application(may_send_to=policy)
    async with Renderer(app) as one, Renderer(app) as two:
        two.send_to(one.web_contents_id, "up")
        one.send_to(two.web_contents_id, "down")
        assert await two.received("down") == []
        await settled()
        assert all_received(one) == {}
        assert sorted(asked) == sorted([(2, 1), (1, 2)])


async def test_a_policy_that_raises_is_logged_and_refuses(caplog: pytest.LogCaptureFixture) -> None:
    def policy(sender: WebFrameMain, target: WebContents) -> bool:
        raise ValueError("not decided")

    app, ipc_main = application(may_send_to=policy)
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page, page.open() as other:
        page.send_to(other.web_contents_id, "ping")
        await page.invoke("end")
        await settled()
        assert all_received(other) == {}
        assert "The policy for sendTo raised" in caplog.text
        assert page.connected


async def test_a_message_to_an_unknown_id_is_dropped_and_not_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app, _, page = site
    gone = Renderer(app)
    await gone.connect()
    await gone.close()
    for contents_id in (gone.web_contents_id, 999, 0, -1):
        page.send_to(contents_id, "ping")
    await page.invoke("end")
    assert (page.connected, caplog.records) == (True, [])


async def test_wrong_arguments_are_refused_at_the_call(site: Site) -> None:
    _, _, page = site
    with pytest.raises(TypeError, match=r"^Error processing argument at index 1, conversion failure from x$"):
        page.send_to("x", "ping")  # type: ignore[arg-type] # on purpose
    with pytest.raises(TypeError, match=r"^Error processing argument at index 2, conversion failure from null$"):
        page.send_to(1, None)  # type: ignore[arg-type] # on purpose
    with pytest.raises(CloneError, match=r"args\[0\]: "):
        page.send_to(1, "ping", print)


VIOLATIONS = {
    "a fixup to nowhere": '[1],[["d",[7]]]',
    "an unknown fixup": '[1],[["?",[0]]]',
    "arguments that are not a list": "5",
    "too deep": f"{'[' * 1010}{']' * 1010}",
}


@pytest.mark.parametrize("value", VIOLATIONS.values(), ids=VIOLATIONS)
async def test_a_value_that_cannot_be_decoded_is_dropped_by_the_receiver_and_ends_no_link(
    site: Site, value: str
) -> None:
    _, _, page = site
    async with page.open() as other:
        links = [each._connection.page.link_id for each in (page, other)]
        post_raw(page, f'["send-to",{other.web_contents_id},"wrong",{value}]')
        page.send_to(other.web_contents_id, "next")
        assert await other.received("next") == []
        if value is not VIOLATIONS["too deep"]:
            assert all_received(other).get("wrong", 0) == 0
        assert [each._connection.page.link_id for each in (page, other)] == links
        assert page.connected
        assert other.connected


async def test_a_message_that_the_sender_id_makes_too_large_is_dropped_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, _ = application(limits=Limits(message_bytes=100_000))
    async with Renderer(app, limits=Limits(message_bytes=100_000)) as page, page.open() as other:
        # Just below the limit as `send-to`; as `send` it is longer, because it has the sender's id.
        page.send_to(other.web_contents_id, "n", "x" * (100_000 - len('["send-to",2,"n",[""]]')))
        page.send_to(other.web_contents_id, "next")
        assert await other.received("next") == []
        assert all_received(other).get("n", 0) == 0
        assert "cannot be forwarded" in caplog.text
