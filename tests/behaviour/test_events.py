"""Listeners and their events: arguments, the fields of each kind of event, `reply` and `broadcast`."""

import asyncio
from typing import Any

import pytest

from tests.support.applications import application
from webipc import (
    CloneError,
    IpcMainEvent,
    IpcMainInvokeEvent,
    undefined,
)
from webipc.testing import Renderer


async def test_send_reaches_every_listener_and_reply_reaches_the_page() -> None:
    app, ipc_main = application()
    heard: list[Any] = []

    @ipc_main.on("ping")
    def ping(event: IpcMainEvent, *args: Any) -> None:
        heard.append(args)
        event.reply("pong", *args)

    ipc_main.on("ping", lambda event, *args: heard.append("second"))
    async with Renderer(app) as page:
        page.send("ping", 1, {"a": undefined})
        assert await page.received("pong") == [1, {"a": undefined}]
    assert heard == [(1, {"a": undefined}), "second"]


async def test_each_kind_of_event_has_the_fields_that_electron_gives_it() -> None:
    app, ipc_main = application()
    seen: list[Any] = []

    def look(event: Any) -> None:
        seen.append(event)

    ipc_main.on("send", look)
    ipc_main.handle("invoke", look)
    async with Renderer(app) as page:
        page.send("send")
        await page.invoke("invoke")
        contents = ipc_main.from_id(page.web_contents_id)
    send, invoke = seen
    for event in seen:
        assert event.type == "frame"
        assert event.sender is contents
        assert {type(event.frame_id), type(event.process_id), type(event.frame_tree_node_id)} == {int}
        event.prevent_default()
        assert event.default_prevented
    assert isinstance(send, IpcMainEvent)
    assert isinstance(invoke, IpcMainInvokeEvent)
    assert not hasattr(invoke, "reply")
    assert not hasattr(send, "ports")


async def test_broadcast_reaches_every_page() -> None:
    app, ipc_main = application()
    async with Renderer(app) as one, Renderer(app) as two:
        ipc_main.broadcast("news", {"n": 1})
        assert await one.received("news") == [{"n": 1}]
        assert await two.received("news") == [{"n": 1}]
        with pytest.raises(CloneError):
            ipc_main.broadcast("news", print)


async def test_a_slow_listener_is_logged_with_its_name_in_debug(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(debug=True)

    @ipc_main.on("slow")
    def slow_one(event: IpcMainEvent) -> None:
        # A busy loop: a sleep would not block the event loop.
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.12
        while loop.time() < end:
            pass
        event.reply("done")

    async with Renderer(app) as page:
        page.send("slow")
        await page.received("done")
    assert "slow_one" in caplog.text
    assert "asyncio.to_thread" in caplog.text
