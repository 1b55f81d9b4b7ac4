"""The order of messages: in both directions, among the `ipc` objects, from threads, and over a lost socket."""

import asyncio
from typing import Any

from tests.support.applications import application
from tests.support.connected import contents_of
from webipc import (
    IpcMainEvent,
    IpcMainInvokeEvent,
)
from webipc.testing import Renderer


async def test_listeners_and_handlers_start_in_arrival_order() -> None:
    app, ipc_main = application()
    order: list[int] = []

    @ipc_main.on("send")
    async def on_send(event: IpcMainEvent, number: int) -> None:
        order.append(number)
        if number % 3 == 0:
            await asyncio.sleep(0)

    @ipc_main.handle("invoke")
    async def on_invoke(event: IpcMainInvokeEvent, number: int) -> None:
        order.append(number)
        if number % 2 == 0:
            await asyncio.sleep(0.001)

    async with Renderer(app) as page:
        calls = []
        for number in range(500):
            if number % 5 == 0:
                calls.append(asyncio.ensure_future(page.invoke("invoke", number)))
                await asyncio.sleep(0)
            else:
                page.send("send", number)
        await asyncio.gather(*calls)
    assert order == list(range(500))


async def test_a_message_reaches_the_frame_then_the_contents_then_ipc_main() -> None:
    app, ipc_main = application()
    order: list[str] = []

    @ipc_main.web_contents_created
    def created(event: Any, contents: Any) -> None:
        contents.on("ipc-message", lambda event, channel, *args: order.append(f"ipc-message {channel} {args}"))
        contents.ipc.on("ping", lambda event: order.append("contents"))
        contents.main_frame.ipc.on("ping", lambda event: order.append("frame"))
        contents.ipc.handle("who", lambda event: "contents")

    @ipc_main.on("ping")
    def ping(event: IpcMainEvent) -> None:
        order.append("main")
        event.sender.send("done")

    ipc_main.handle("who", lambda event: "main")
    ipc_main.handle("else", lambda event: "main")
    async with Renderer(app) as page:
        page.send("ping")
        await page.received("done")
        assert await page.invoke("who") == "contents"
        assert await page.invoke("else") == "main"
    assert order == ["ipc-message ping ()", "frame", "contents", "main"]


async def test_web_contents_created_is_emitted_before_the_first_message() -> None:
    app, ipc_main = application()
    order: list[Any] = []

    @ipc_main.web_contents_created
    async def created(event: Any, contents: Any) -> None:
        order.append(("created", contents.id))

    ipc_main.handle("id", lambda event: order.append(("invoke", event.sender.id)))
    async with Renderer(app) as page:
        await page.invoke("id")
        assert order == [("created", page.web_contents_id), ("invoke", page.web_contents_id)]


async def test_messages_sent_while_disconnected_arrive_once_in_order() -> None:
    app, ipc_main = application()
    heard: list[int] = []
    ipc_main.on("number", lambda event, number: heard.append(number))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        for number in range(100):
            page.send("number", number)
            contents.send("count", number)
            if number % 10 == 5:
                await page.disconnect()
            if number % 10 == 8:
                await page.connect()
        for number in range(100):
            assert await page.received("count") == [number]
        ipc_main.handle("sync", lambda event: None)
        await page.invoke("sync")
    assert heard == list(range(100))


async def test_messages_sent_by_a_thread_arrive_before_its_result() -> None:
    app, ipc_main = application()
    arrived: list[Any] = []

    @ipc_main.handle("progress")
    def progress(event: IpcMainInvokeEvent) -> str:
        for step in range(50):
            event.sender.send("step", step)
        return "done"

    async with Renderer(app) as page:
        page.on("step", lambda event, step: arrived.append(step))
        arrived.append(await page.invoke("progress"))
    assert arrived == [*range(50), "done"]


async def test_a_message_sent_by_a_thread_is_encoded_at_the_call() -> None:
    app, ipc_main = application()

    @ipc_main.handle("changes")
    def changes(event: IpcMainInvokeEvent) -> None:
        value = [1]
        event.sender.send("value", value)
        value.append(2)

    async with Renderer(app) as page:
        await page.invoke("changes")
        assert await page.received("value") == [[1]]
