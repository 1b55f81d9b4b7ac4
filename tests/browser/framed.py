"""An application whose pages contain iframes and workers, and a record of what they send.

The pages are in pages/frames/. Each frame sends `preload-ran` when it has loaded. `localhost` is a second origin of the
same server: for a browser it is another site than `127.0.0.1`.
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

# Short timeouts: a document that is no longer shown ends soon, even if it could resume. For tests that wait for that.
QUICK = {"limits": Limits(grace_ms=300, unattached_grace_ms=300, goodbye_ms=300)}
quick = pytest.mark.parametrize("settings", [QUICK], ids=["quick"])

ALLOW = """
import { allow } from '/ipc/commands.js'
allow('executeJavaScript', 'reload', 'close')
"""

Call = tuple[Any, ...]


class Calls:
    """The arguments of each call of a channel's listeners since this object was created."""

    def __init__(self, emitter: Any, channel: str) -> None:
        """`emitter` is any object with Electron's `on`."""
        self.all: list[Call] = []
        self._channel = channel
        emitter.on(channel, lambda *args: self.all.append(args))

    def wait(self, count: int = 1) -> list[Call]:
        """Wait for at least `count` calls and return all of them."""
        wait_until(lambda: len(self.all) >= count, f"{count} calls of {self._channel!r}, there are {self.all}")
        return self.all


class Site(Application):
    """The application and its server."""

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
            """Serve the page with a script that allows every command."""
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
        """Load a page of the first origin in the tab, wait for this number of frames, and return its web contents."""
        spoken = len(self.ran.all)
        tab.get(f"{self.url}/{page}")
        # WebKitGTK's driver may still be on the previous page.
        wait_until(lambda: tab.current_url == f"{self.url}/{page}", "the page is shown")
        contents = self.ipc_main.from_id(evaluate(tab, "window.opened"))
        assert contents is not None
        self.wait_for_frames(contents, frames)
        self.ran.wait(spoken + frames)
        return contents

    def wait_for_frames(self, contents: WebContents, count: int) -> WebFrameMain:
        """Wait until the tab has `count` frames and return the main frame."""
        wait_until(lambda: len(subtree(contents)) == count, f"{count} frames of {contents}: {subtree(contents)}")
        assert contents.main_frame is not None
        return contents.main_frame

    def wait_until_other(self, contents: WebContents, before: WebFrameMain, *, frames: int = 1) -> WebFrameMain:
        """Wait until the tab has another main frame than `before`, and `frames` frames; return the main frame."""
        wait_until(lambda: contents.main_frame not in (None, before), "another document is there")
        return self.wait_for_frames(contents, frames)

    def once(self, channel: str, emitter: Any = None) -> Calls:
        """Listen on a channel of an emitter, by default of `ipc_main`."""
        return Calls(self.ipc_main if emitter is None else emitter, channel)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call a function in the server's event loop."""
        return self.server.call(function)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's event loop."""
        return self.server.run(coroutine)


def subtree(contents: WebContents) -> list[WebFrameMain]:
    """Return all frames of a tab."""
    return contents.main_frame.frames_in_subtree if contents.main_frame else []


def click(tab: WebDriver, script: str) -> None:
    """Run a script in the click handler of a button: some browsers let a page open windows only after a click."""
    button = "Object.assign(document.createElement('button'), { textContent: 'do it' })"
    evaluate(tab, f"(() => {{ const it = {button}; it.onclick = () => {{ {script} }}; document.body.append(it) }})()")
    tab.find_elements("tag name", "button")[-1].click()


@contextlib.contextmanager
def serving(**settings: Any) -> Iterator[Site]:
    """Serve the application."""
    site = Site(**settings)
    with live(site.app) as site.server:
        yield site
