"""Any BaseException in the application's code: the caller is answered, and no other message or page is affected.

The usual case is CancelledError: a plain listener that asks a cancelled task for its result raises it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.waiting import PATIENCE, until
from webipc import IpcMainEvent, IpcMainInvokeEvent, Limits, MessageChannelMain
from webipc.testing import InvokeError, Renderer


class OddError(BaseException):
    """Not a subclass of Exception, like the cancellations of some libraries."""


ERRORS = [ValueError(), asyncio.CancelledError(), OddError(), GeneratorExit(), BaseExceptionGroup("", [OddError()])]


def raising(error: BaseException) -> Callable[..., Any]:
    def listener(event: Any, *args: Any) -> None:
        raise error

    return listener


def raising_at_once(error: BaseException) -> Callable[..., Any]:
    async def listener(event: Any, *args: Any) -> None:
        raise error

    return listener


def raising_later(error: BaseException) -> Callable[..., Any]:
    async def listener(event: Any, *args: Any) -> None:
        await asyncio.sleep(0)
        raise error

    return listener


def raising_in_a_coroutine(error: BaseException) -> Callable[..., Any]:
    """Return a plain function that returns a coroutine. As a handler it runs in a thread, its coroutine does not."""
    later = raising_later(error)
    return lambda event, *args: later(event, *args)  # noqa: PLW0108 - it must not be a coroutine function


KINDS = [raising, raising_at_once, raising_later, raising_in_a_coroutine]


def cases(kinds: list[Callable[..., Any]]) -> pytest.MarkDecorator:
    """Combine each error with each kind of function."""
    made = [(kind, error) for kind in kinds for error in ERRORS]
    names = [f"{kind.__name__}-{type(error).__name__}" for kind, error in made]
    return pytest.mark.parametrize("listener", [kind(error) for kind, error in made], ids=names)


async def all_is_well(site: Site) -> None:
    """Check that this page and another page of the application still work."""
    _, _, page = site
    async with asyncio.timeout(PATIENCE), page.open() as other:
        await page.invoke("end")
        await other.invoke("end")
        assert await page.send_sync("no listener") == await other.send_sync("no listener")
        await page.disconnect()
        await page.connect()
        await page.invoke("end")


@cases(KINDS)
async def test_a_call_is_answered_whatever_its_handler_raises(site: Site, listener: Callable[..., Any]) -> None:
    _, ipc_main, page = site
    ipc_main.handle("fails", listener)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(InvokeError):
            await page.invoke("fails")
    await all_is_well(site)


async def test_a_handler_that_cancels_its_own_task_is_answered(site: Site) -> None:
    _, ipc_main, page = site

    @ipc_main.handle("at once")
    async def at_once(event: IpcMainInvokeEvent) -> None:
        cancel_this_task()
        await asyncio.sleep(0)

    @ipc_main.handle("later")
    async def later(event: IpcMainInvokeEvent) -> None:
        await asyncio.sleep(0)
        await at_once(event)

    @ipc_main.handle("and returns")
    async def and_returns(event: IpcMainInvokeEvent) -> str:
        await asyncio.sleep(0)
        cancel_this_task()
        return "done"

    async with asyncio.timeout(PATIENCE):
        for channel in ("at once", "later"):
            with pytest.raises(InvokeError, match="reply was never sent"):
                await page.invoke(channel)
        assert await page.invoke("and returns") == "done"
    await all_is_well(site)


def cancel_this_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def test_a_handler_in_a_thread_may_raise_stop_iteration(site: Site) -> None:
    """A future cannot hold a StopIteration: asyncio would never complete it."""
    _, ipc_main, page = site
    ipc_main.handle("empty", lambda event: next(iter([])))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(InvokeError, match="Internal error"):
            await page.invoke("empty")
    await all_is_well(site)


@cases(KINDS)
async def test_send_sync_returns_whatever_its_listener_raises(
    site: Site, caplog: pytest.LogCaptureFixture, listener: Callable[..., Any]
) -> None:
    _, ipc_main, page = site
    ipc_main.on("fails", listener)
    async with asyncio.timeout(PATIENCE):
        assert await page.send_sync("fails") == {"error": "reply was never sent"}
    assert any(record.getMessage().startswith("A listener for 'fails' ") for record in caplog.records)
    await all_is_well(site)


@cases(KINDS)
async def test_later_messages_are_dispatched_whatever_a_listener_raises(
    site: Site, listener: Callable[..., Any]
) -> None:
    _, ipc_main, page = site
    ipc_main.on("fails", listener)
    page.send("fails")
    page.post_message("fails", None, [MessageChannelMain().port1])
    await all_is_well(site)


@cases([raising])
async def test_later_messages_are_dispatched_whatever_an_ipc_message_listener_raises(
    site: Site, listener: Callable[..., Any]
) -> None:
    _, ipc_main, page = site
    contents_of(ipc_main, page).on("ipc-message", listener)
    page.send("fails")
    await all_is_well(site)


@cases([raising])
async def test_later_messages_are_dispatched_whatever_a_remove_listener_listener_raises(
    site: Site, caplog: pytest.LogCaptureFixture, listener: Callable[..., Any]
) -> None:
    _, ipc_main, page = site
    ipc_main.once("once", lambda event: None)
    ipc_main.on("removeListener", listener)
    page.send("once")
    await all_is_well(site)
    assert "A message was dropped: a listener for 'removeListener' raised" in caplog.messages


@cases([raising])
async def test_a_port_keeps_working_whatever_its_listener_raises(listener: Callable[..., Any]) -> None:
    channel = MessageChannelMain()
    heard: list[Any] = []

    @channel.port1.on("message")
    def message(event: Any) -> None:
        heard.append(event.data)
        listener(event)

    channel.port1.start()
    for index in range(3):
        channel.port2.post_message(index)
    await until(lambda: heard == [0, 1, 2])


@cases([raising])
async def test_tabs_are_cleaned_up_whatever_a_destroyed_listener_raises(listener: Callable[..., Any]) -> None:
    app, ipc_main = application(limits=Limits(goodbye_ms=20))
    async with Renderer(app) as page:
        for _ in range(2):
            async with page.open() as other:
                contents_of(ipc_main, other).on("destroyed", listener)
            await until(lambda: len(ipc_main.get_all_web_contents()) == 1)


@cases([raising])
async def test_a_page_keeps_working_whatever_the_policy_for_send_to_raises(
    caplog: pytest.LogCaptureFixture, listener: Callable[..., Any]
) -> None:
    app, ipc_main = application(may_send_to=listener)
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        page.send_to(page.web_contents_id, "hello")
        await all_is_well((app, ipc_main, page))
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("The policy for sendTo raised: ")


async def test_a_listener_can_ask_a_cancelled_task_for_its_result(site: Site) -> None:
    _, ipc_main, page = site
    task = asyncio.create_task(asyncio.sleep(1000))
    task.cancel()
    await asyncio.wait([task])

    @ipc_main.on("result")
    def result(event: IpcMainEvent) -> None:
        event.return_value = task.result()

    async with asyncio.timeout(PATIENCE):
        assert await page.send_sync("result") == {"error": "reply was never sent"}
    await all_is_well(site)


@cases([raising])
async def test_an_error_in_a_listener_of_a_test_page_is_raised_and_affects_nothing_else(
    site: Site, listener: Callable[..., Any]
) -> None:
    _, ipc_main, page = site
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    heard: list[int] = []

    @ipc_main.handle("talk")
    async def talk(event: IpcMainInvokeEvent) -> str:
        for index in range(3):
            event.sender.send("said", index)
        return "done"

    page.on("said", lambda event, index: heard.append(index))
    page.on("said", listener)
    async with asyncio.timeout(PATIENCE):
        assert await page.invoke("talk") == "done"
    assert heard == [0, 1, 2]
    assert [context["message"] for context in told] == ["Uncaught error in a page's listener for 'said'"] * 3
    assert all(isinstance(context["exception"], BaseException) for context in told)
