"""`def` handlers of several pages: what waits for a thread when its page goes away."""

import asyncio
import logging
import threading

import pytest

from tests.support.applications import application
from tests.support.waiting import until
from webipc.core.errors import ResetError
from webipc.testing import Renderer


async def test_calls_that_wait_for_a_thread_end_with_their_page(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    begun: list[int] = []
    end = threading.Event()

    @ipc_main.handle("work")
    def work(event: object, number: int) -> None:
        begun.append(number)
        end.wait(20)

    async with Renderer(app) as other:
        async with Renderer(app) as page:
            calls = [page.invoke("work", number) for number in range(800)]
            tasks = [asyncio.ensure_future(call) for call in calls]
            await until(lambda: len(begun) == 40)
            with caplog.at_level(logging.INFO, logger="webipc"):
                await page.close()
        hub = ipc_main._provider.hub
        assert hub is not None
        await until(lambda: hub.threads.waiting == 0)
        assert sum("760 of its calls that waited for a thread were cancelled" in line for line in caplog.messages) == 1
        assert [record for record in caplog.records if record.levelno > logging.INFO] == []
        end.set()
        await until(lambda: hub.threads.running == 0)
        assert len(begun) == 40
        assert other.connected
        for task in tasks:
            with pytest.raises(ResetError):
                await task
