"""An application whose pages have iframes and workers in them, and what it hears of them.

The pages are in pages/frames/; each frame says `preload-ran` when it is there. A second origin of the same server is
`localhost`, which a browser takes for another site than `127.0.0.1`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.applications import Application
from tests.support.serving import Live, live, wait_until
from webipc import Limits, WebContents, WebFrameMain

FRAMES = Path(__file__).parent / "pages" / "frames"

# With these a document that is not shown any more is given up soon, also one that could come back: for tests that wait
# for that, and need no tab to be kept.
QUICK = {"limits": Limits(grace_ms=300, unattached_grace_ms=300, goodbye_ms=300)}
quick = pytest.mark.parametrize("settings", [QUICK], ids=["quick"])

ALLOW = """
import { allow } from '/ipc/commands.js'
allow('executeJavaScript', 'reload', 'close')
"""

Call = tuple[Any, ...]


class Calls:
    """What the listeners of a channel were called with since it was made."""

    def __init__(self, emitter: Any, channel: str) -> None:
        """`emitter` is whatever has an `on` of Electron's."""
        self.all: list[Call] = []
        self._channel = channel
        emitter.on(channel, lambda *args: self.all.append(args))

    def wait(self, count: int = 1) -> list[Call]:
        """Return the calls once there are so many."""
        wait_until(lambda: len(self.all) >= count, f"{count} calls of {self._channel!r}, there are {self.all}")
        return self.all


class Site(Application):
    """The application, being served."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pages=FRAMES, **settings)
        self.ran = Calls(self.ipc_main, "preload-ran")
        self.created: list[WebContents] = []
        self.destroyed: list[int] = []
        self.server: Live

        @self.ipc_main.web_contents_created
        def created(event: Any, contents: WebContents) -> None:
            self.created.append(contents)
            contents.on("destroyed", lambda event: self.destroyed.append(event.sender.id))

        @self.app.get("/slow.js")
        async def slow() -> Response:
            await asyncio.sleep(0.3)
            return Response("", media_type="text/javascript")

        @self.app.get("/allowing/{page}")
        def allowing(page: str) -> Response:
            """Give the page as it is, but that its server may do everything with it."""
            text = (FRAMES / page).read_text(encoding="utf-8")
            if page.endswith(".js"):
                return Response(text + ALLOW, media_type="text/javascript")
            return HTMLResponse(text.replace("default-src 'self'", "default-src 'self' 'unsafe-eval'"))

    @property
    def url(self) -> str:
        """The first origin."""
        return self.server.url

    @property
    def other_url(self) -> str:
        """The second one."""
        return self.server.url.replace("127.0.0.1", "localhost")

    def visit(self, tab: WebDriver, page: str, *, frames: int = 1) -> WebContents:
        """Show a page of the first origin in the tab; return its web contents once so many frames have spoken."""
        spoken = len(self.ran.all)
        tab.get(f"{self.url}/{page}")
        # WebKitGTK's driver may still look at the page before.
        wait_until(lambda: tab.current_url == f"{self.url}/{page}", "the page is shown")
        contents = self.ipc_main.from_id(evaluate(tab, "window.opened"))
        assert contents is not None
        self.wait_for_frames(contents, frames)
        self.ran.wait(spoken + frames)
        return contents

    def wait_for_frames(self, contents: WebContents, count: int) -> WebFrameMain:
        """Return the main frame once it is the top of so many."""
        wait_until(lambda: len(subtree(contents)) == count, f"{count} frames of {contents}: {subtree(contents)}")
        assert contents.main_frame is not None
        return contents.main_frame

    def wait_until_other(self, contents: WebContents, before: WebFrameMain, *, frames: int = 1) -> WebFrameMain:
        """Return the main frame once it is another than the one before, and the top of so many."""
        wait_until(lambda: contents.main_frame not in (None, before), "another document is there")
        return self.wait_for_frames(contents, frames)

    def once(self, channel: str, emitter: Any = None) -> Calls:
        """Listen on a channel, of `ipc_main` unless told otherwise."""
        return Calls(self.ipc_main if emitter is None else emitter, channel)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call a function in the server's event loop."""
        return self.server.call(function)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's event loop."""
        return self.server.run(coroutine)


def subtree(contents: WebContents) -> list[WebFrameMain]:
    """Return the frames that a tab shows."""
    return contents.main_frame.frames_in_subtree if contents.main_frame else []


def click(tab: WebDriver, script: str) -> None:
    """Run a script of the page as what a click does: not every browser lets a page open windows by itself."""
    button = "Object.assign(document.createElement('button'), { textContent: 'do it' })"
    evaluate(tab, f"(() => {{ const it = {button}; it.onclick = () => {{ {script} }}; document.body.append(it) }})()")
    tab.find_elements("tag name", "button")[-1].click()


@contextlib.contextmanager
def serving(**settings: Any) -> Iterator[Site]:
    """Serve the application."""
    site = Site(**settings)
    with live(site.app) as site.server:
        yield site
