"""Answers of handlers: what `invoke` resolves with, and the thread, task and context that the handler runs in."""

import asyncio
import contextvars
import threading

import pytest
from pydantic import BaseModel, field_serializer

from tests.support.applications import application
from tests.support.waiting import PATIENCE
from webipc import (
    IpcMainInvokeEvent,
)
from webipc.testing import Renderer


async def test_a_handler_answers_with_its_return_value() -> None:
    app, ipc_main = application()

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

    async with Renderer(app) as page:
        assert await page.invoke("add", 1, 2) == 3


async def test_a_def_handler_runs_in_a_thread_and_blocks_no_other_call() -> None:
    app, ipc_main = application()
    go_on = threading.Event()

    @ipc_main.handle("slow")
    def slow(event: IpcMainInvokeEvent) -> str:
        assert go_on.wait(PATIENCE)
        return threading.current_thread().name

    @ipc_main.handle("quick")
    async def quick(event: IpcMainInvokeEvent) -> str:
        return "quick"

    async with Renderer(app) as page:
        waiting = asyncio.create_task(page.invoke("slow"))
        assert await page.invoke("quick") == "quick"
        go_on.set()
        assert (await waiting).startswith("webipc")


async def test_a_plain_function_may_return_a_coroutine() -> None:
    app, ipc_main = application()

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    ipc_main.handle("answer", lambda event: answer())
    async with Renderer(app) as page:
        assert await page.invoke("answer") == 42


async def test_an_invoke_is_answered_after_a_reconnect() -> None:
    app, ipc_main = application()
    go_on = asyncio.Event()

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        await go_on.wait()
        return "answer"

    async with Renderer(app) as page:
        waiting = asyncio.create_task(page.invoke("waits"))
        await asyncio.sleep(0)
        ipc_main.handle("here", lambda event: None)
        await page.invoke("here")
        await page.disconnect()
        go_on.set()
        await asyncio.sleep(0)
        await page.connect()
        assert await asyncio.wait_for(waiting, PATIENCE) == "answer"


async def test_a_handler_that_cancels_its_task_without_awaiting_affects_no_other_call() -> None:
    app, ipc_main = application()

    @ipc_main.handle("cancels")
    async def cancels(event: IpcMainInvokeEvent) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "done"

    @ipc_main.handle("waits")
    async def waits(event: IpcMainInvokeEvent) -> str:
        await asyncio.sleep(0)
        return "waited"

    async with Renderer(app) as page:
        answers = await asyncio.gather(*map(page.invoke, ("cancels", "waits", "cancels")))
    assert answers == ["done", "waited", "done"]


async def test_a_handler_runs_in_one_task_from_its_first_step_to_its_end() -> None:
    app, ipc_main = application()

    @ipc_main.handle("tasks")
    async def tasks(event: IpcMainInvokeEvent) -> bool:
        first = asyncio.current_task()
        async with asyncio.timeout(PATIENCE):
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return first is asyncio.current_task()

    async with Renderer(app) as page:
        assert await asyncio.gather(*(page.invoke("tasks") for _ in range(20))) == [True] * 20


async def test_a_timeout_in_a_handler_affects_only_that_handler() -> None:
    app, ipc_main = application()

    @ipc_main.handle("late")
    async def late(event: IpcMainInvokeEvent) -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return "never"

    @ipc_main.handle("patient")
    async def patient(event: IpcMainInvokeEvent) -> str:
        await asyncio.sleep(0.03)
        return "patient"

    async with Renderer(app) as page:
        answers = await asyncio.gather(*map(page.invoke, ("late", "patient", "late")))
    assert answers == ["timed out", "patient", "timed out"]


async def test_a_context_variable_that_a_handler_sets_does_not_reach_the_next_message() -> None:
    app, ipc_main = application()
    variable = contextvars.ContextVar("variable", default="unset")

    @ipc_main.handle("set")
    async def set_it(event: IpcMainInvokeEvent, wait: bool) -> str:
        before = variable.get()
        variable.set("set")
        if wait:
            await asyncio.sleep(0)
            assert variable.get() == "set"
        return before

    async with Renderer(app) as page:
        answers = await asyncio.gather(*(page.invoke("set", wait) for wait in (False, True, False, True)))
    assert answers == ["unset"] * 4


@pytest.mark.parametrize("wait", [False, True])
async def test_an_answer_is_encoded_in_the_context_of_its_call(wait: bool) -> None:
    app, ipc_main = application()
    variable = contextvars.ContextVar("variable", default="unset")

    class Answer(BaseModel):
        text: str

        @field_serializer("text")
        def complete(self, text: str) -> str:
            return f"{text} {variable.get()}"

    @ipc_main.handle("set")
    async def set_it(event: IpcMainInvokeEvent) -> Answer:
        variable.set("set")
        if wait:
            await asyncio.sleep(0)
        return Answer(text="it was")

    async with Renderer(app) as page:
        assert await page.invoke("set") == {"text": "it was set"}
