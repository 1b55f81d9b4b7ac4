"""The application of the pages in pages/, a record of their messages, and `visit`, which loads one of them.

conftest.py serves it. A file that needs another application defines its own; framed.py has one whose pages have frames.
"""

import asyncio
import threading
from pathlib import Path
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.applications import Application
from webipc import IpcMainEvent, IpcMainInvokeEvent, WebContents

PAGES = Path(__file__).parent / "pages"


class Site(Application):
    """An application for the pages of these tests that records their messages."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pages=PAGES, **settings)
        # The arguments of the `number` messages.
        self.numbers: list[int] = []
        # The number of calls of `wait`, each of which returns when `go_on` is set.
        self.waits = 0
        self.go_on = threading.Event()
        self.destroyed: list[int] = []
        self.said: list[Any] = []
        self._register()

    def _register(self) -> None:
        ipc_main = self.ipc_main
        ipc_main.on("number", lambda event, number, *padding: self.numbers.append(number))
        ipc_main.on("say", lambda event, value: self.said.append(value))
        ipc_main.handle("wait", self._wait)
        ipc_main.handle("echo", lambda event, value: value)

        @ipc_main.on("start counting")
        async def start(event: IpcMainEvent, count: int) -> None:
            for number in range(count):
                event.sender.send("count", number)
                if number % 20 == 0:
                    # Like a program that has other work to do in between.
                    await asyncio.sleep(0.003)

        @ipc_main.web_contents_created
        def created(event: Any, contents: WebContents) -> None:
            contents.on("destroyed", lambda event: self.destroyed.append(event.sender.id))

    def _wait(self, event: IpcMainInvokeEvent, answer: str) -> str:
        self.waits += 1
        assert self.go_on.wait(20)
        return answer


def visit(tab: WebDriver, url: str) -> int:
    """Load a page and return its web contents id, once it is connected."""
    tab.get(url)
    identity: int = evaluate(tab, "window.opened")
    return identity
