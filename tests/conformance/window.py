"""The two sides of a conformance test: `Main`, a served application, and `Window`, a page in a browser.

`main.ipc_main` and `window` correspond to `ipcMain` and `w = new BrowserWindow()` in Electron's tests. The fixtures are
in conftest.py.
"""

import gc
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.applications import Application
from tests.support.serving import PATIENCE, Live, wait_until
from webipc import EventEmitter, WebContents, WebFrameMain

PAGES = Path(__file__).parent / "pages"

T = TypeVar("T")


class Once:
    """The arguments of the next emit on a channel: Node's `once(emitter, channel)`."""

    def __init__(self, emitter: EventEmitter, channel: str) -> None:
        self._arguments: Future[tuple[Any, ...]] = Future()
        self._what = f"'{channel}' of {type(emitter).__name__}"
        emitter.once(channel, self._heard)

    def _heard(self, *args: Any) -> None:
        self._arguments.set_result(args)

    @property
    def has_come(self) -> bool:
        """Whether the channel has emitted."""
        return self._arguments.done()

    def wait(self) -> tuple[Any, ...]:
        """Wait for the emit and return its arguments; on a channel, the first one is the event."""
        wait_until(self._arguments.done, self._what)
        return self._arguments.result()


class Main(Application):
    """The main process of one test."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(pages=PAGES, **settings)
        self.server: Live

    @property
    def url(self) -> str:
        return self.server.url

    def call(self, function: Callable[[], T]) -> T:
        """Run a function in the event loop, where listeners run."""
        return self.server.call(function)

    def once(self, channel: str) -> Once:
        """Return the next message on a channel of `ipc_main`."""
        return Once(self.ipc_main, channel)


class Window:
    """One tab of the browser with a page of the application."""

    def __init__(self, driver: WebDriver, main: Main) -> None:
        self.driver = driver
        self.main = main
        self.handle = driver.current_window_handle
        self._id = 0

    def load(self, path: str = "/", url: str | None = None) -> None:
        """Load a page of the application, and wait until it is connected. `url` is the address of the server."""
        address = f"{url or self.main.url}{path}"
        self.driver.get(address)
        # WebKit's driver may return while the previous document is still loaded.
        opened = f"location.href === '{address}' ? window.opened : undefined"
        self._id = wait_until(lambda: evaluate(self.driver, opened), f"{address} is connected")

    def evaluate(self, expression: str) -> Any:
        """Await a JavaScript expression in the page; see `browsers.evaluate`."""
        self.focus()
        return evaluate(self.driver, expression)

    def run(self, statements: str) -> Any:
        """Run JavaScript statements in the page as the body of an async function: `await` and `return` work."""
        return self.evaluate(f"(async () => {{ {statements} }})()")

    def focus(self) -> None:
        """Bring this tab to the front."""
        if self.driver.current_window_handle != self.handle:
            self.driver.switch_to.window(self.handle)

    @property
    def web_contents(self) -> WebContents:
        """Electron's `w.webContents`."""
        contents = self.main.ipc_main.from_id(self._id)
        assert contents is not None
        return contents

    @property
    def main_frame(self) -> WebFrameMain:
        """Electron's `w.webContents.mainFrame`."""
        frame = self.web_contents.main_frame
        assert frame is not None
        return frame

    def add_frame(self, name: str = "child") -> WebFrameMain:
        """Embed another document of the application, and wait until it is connected."""
        before = set(self.main_frame.frames)
        self.run(f"""
          const frame = Object.assign(document.createElement('iframe'), {{ src: '/frame.html', name: '{name}' }})
          document.body.append(frame)
          await until(() => frame.contentWindow.opened)
          await frame.contentWindow.opened
        """)
        (frame,) = set(self.main_frame.frames) - before
        return frame


def collected(fact: Callable[[], T], what: str) -> T:
    """Run the garbage collector until a condition is true, as Electron's tests do with `v8Util`."""

    def look() -> T:
        gc.collect()
        return fact()

    return wait_until(look, what, PATIENCE)
