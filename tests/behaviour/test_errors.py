"""Errors in handlers, listeners and sends: what is sent to the page, and what is logged."""

import asyncio
import logging
from typing import Any

import pytest
from fastapi import HTTPException

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.logged import troubles
from webipc import (
    IpcError,
    IpcMainEvent,
    IpcMainInvokeEvent,
    Limits,
)
from webipc.testing import InvokeError, Renderer


async def test_a_channel_without_a_handler_rejects_with_electrons_text() -> None:
    app, _ = application()
    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("unhandled")
    assert str(caught.value) == "Error invoking remote method 'unhandled': Error: No handler registered for 'unhandled'"
    assert caught.value.code == "no-handler"


async def test_the_text_of_an_exception_is_logged_and_not_sent_in_production(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise ValueError("the password is 1234")

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("fails")
    assert "1234" not in str(caught.value)
    assert caught.value.reference is not None
    assert caught.value.reference in caplog.text
    assert "the password is 1234" in caplog.text


async def test_the_text_of_an_exception_is_sent_in_debug() -> None:
    app, ipc_main = application(debug=True)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise ValueError("no such row")

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="Error invoking remote method 'fails': ValueError: no such row"):
            await page.invoke("fails")


async def test_an_ipc_error_is_sent_with_its_code_and_data() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise IpcError("no such row", code="no-row", data={"id": 7})

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("fails")
    assert str(caught.value) == "Error invoking remote method 'fails': Error: no such row"
    assert (caught.value.code, caught.value.data) == ("no-row", {"id": 7})


async def test_an_ipc_error_whose_data_cannot_be_cloned_is_sent_with_its_text() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("fails")
    async def fails(event: IpcMainInvokeEvent) -> None:
        raise IpcError("no such row", code="no-row", data=lambda: None)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="no such row") as caught:
            await page.invoke("fails")
    assert caught.value.code == "no-row"


async def test_a_result_that_cannot_be_cloned_rejects_with_the_path_of_the_value() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("bad")
    async def bad(event: IpcMainInvokeEvent) -> Any:
        return {"rows": [1, print]}

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"Error: An object could not be cloned\. result\.rows\[1\]: ") as caught:
            await page.invoke("bad")
    assert caught.value.code == "not-cloneable"


async def test_a_result_larger_than_the_message_limit_rejects() -> None:
    app, ipc_main = application(limits=Limits(message_bytes=2_000_000, part_bytes=100_000, socket_bytes=200_000))

    @ipc_main.handle("large")
    async def large(event: IpcMainInvokeEvent) -> bytes:
        return bytes(2_000_001)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("large")
        assert caught.value.code == "limit"
        with pytest.raises(InvokeError, match="No handler registered"):
            await page.invoke("still there")


async def test_a_cancelled_handler_rejects_with_reply_was_never_sent() -> None:
    app, ipc_main = application()

    @ipc_main.handle("cancelled")
    async def cancelled(event: IpcMainInvokeEvent) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match=r"^Error invoking remote method 'cancelled': reply was never sent$"):
            await page.invoke("cancelled")


async def test_bad_arguments_reject_an_invoke_and_are_logged_for_a_send(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")
    app, ipc_main = application()

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

    ipc_main.on("number", number_listener)
    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="b") as caught:
            await page.invoke("add", 1, "x")
        assert caught.value.code == "bad-argument"
        page.send("number", "x")
        assert await page.invoke("add", 1, 2) == 3
    lines = [(record.levelname, record.getMessage(), record.exc_info) for record in caplog.records]
    assert lines == [
        ("INFO", "Error occurred in handler for 'add': add: argument 2 (b) must be a valid number, got 'x'", None),
        (
            "INFO",
            "A listener for 'number' was not called: number: argument 1 (number) must be a valid integer, got 'x'",
            None,
        ),
    ]


async def test_a_caller_gets_the_bare_text_and_each_error_of_its_arguments() -> None:
    app, ipc_main = application(debug=False)

    @ipc_main.handle("add")
    def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

    async with Renderer(app) as page:
        with pytest.raises(InvokeError) as caught:
            await page.invoke("add", "x", None)
    assert caught.value.detail == "argument 1 (a) must be a valid number, got 'x'"
    assert caught.value.data == {
        "errors": [
            {"path": "a", "message": "must be a valid number, got 'x'", "type": "float_parsing"},
            {"path": "b", "message": "must be a valid number, got None", "type": "float_type"},
        ]
    }


@pytest.mark.parametrize("debug", [True, False])
async def test_an_http_exception_reaches_the_caller_with_its_status_as_the_code(
    caplog: pytest.LogCaptureFixture, *, debug: bool
) -> None:
    app, ipc_main = application(debug=debug)

    @ipc_main.handle("row")
    async def row(event: IpcMainInvokeEvent) -> None:
        raise HTTPException(404, "No such row")

    @ipc_main.handle("form")
    def form(event: IpcMainInvokeEvent) -> None:
        raise HTTPException(422, {"name": "too short"}, headers={"X-Error": "1"})

    async with Renderer(app) as page:
        with pytest.raises(InvokeError, match="'row': Error: No such row") as caught:
            await page.invoke("row")
        assert (caught.value.code, caught.value.detail, caught.value.data) == ("404", "No such row", None)
        with pytest.raises(InvokeError) as caught:
            await page.invoke("form")
        assert (caught.value.code, caught.value.data) == ("422", {"name": "too short"})
    assert troubles(caplog) == []


def number_listener(event: IpcMainEvent, number: int) -> None:
    """Do nothing; the annotation requires a number."""


async def test_a_listener_that_raises_stops_later_listeners_for_that_message_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application()
    heard: list[Any] = []

    @ipc_main.on("ping")
    def first(event: IpcMainEvent, number: int) -> None:
        heard.append(("first", number))
        if number == 1:
            raise ValueError("not this one")

    @ipc_main.on("ping")
    def second(event: IpcMainEvent, number: int) -> None:
        heard.append(("second", number))
        if number == 2:
            event.reply("done")

    async with Renderer(app) as page:
        page.send("ping", 1)
        page.send("ping", 2)
        await page.received("done")
    assert heard == [("first", 1), ("first", 2), ("second", 2)]
    assert "'ping'" in caplog.text
    assert "not this one" in caplog.text


async def test_uncloneable_arguments_of_send_are_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        contents.send("news", print)
        contents.send("news", 1)
        assert await page.received("news") == [1]
    assert "Error sending from webFrameMain: " in caplog.text
    assert "Failed to serialize arguments" in caplog.text


async def test_send_without_a_channel_raises() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        with pytest.raises(TypeError, match="Missing required channel argument"):
            contents.send(None)  # type: ignore[arg-type]  # the wrong type is what is tested


async def test_broadcast_after_the_last_page_has_closed_does_nothing() -> None:
    app, ipc_main = application()
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
    assert contents.main_frame is None
    ipc_main.broadcast("news", 1)
