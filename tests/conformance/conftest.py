"""The fixtures of the conformance suite: an application for each test, and one tab in each engine.

A test uses either `main` with `window` or, for pages with frames and workers, `site` with `tab`. All tests of an engine
share the tab, so a test costs one page load. A test that needs other settings of `IpcMain` passes them:
`@pytest.mark.parametrize("settings", [{"limits": Limits(...)}])`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import only_tab
from tests.browser.framed import Site, serving
from tests.conformance.window import Main, Window
from tests.support.serving import live


@pytest.fixture
def settings() -> dict[str, Any]:
    """The arguments of `IpcMain`."""
    return {}


@pytest.fixture
def main(settings: dict[str, Any]) -> Iterator[Main]:
    """The served application of the test: Electron's main process."""
    process = Main(**settings)
    with live(process.app) as process.server:
        yield process


@pytest.fixture
def open_window(browser: WebDriver, main: Main) -> Iterator[Callable[[], Window]]:
    """A function that opens a page: first in the existing tab, then in new tabs that are closed after the test."""
    opened: list[Window] = []

    def opens() -> Window:
        if opened:
            browser.switch_to.new_window("tab")
        window = Window(browser, main)
        opened.append(window)
        window.load()
        return window

    with only_tab(browser):
        yield opens


@pytest.fixture
def window(open_window: Callable[[], Window]) -> Window:
    """A page of the application, loaded and connected."""
    return open_window()


@pytest.fixture
def site(settings: dict[str, Any]) -> Iterator[Site]:
    """The served application whose pages have frames and workers."""
    with serving(**settings) as served:
        yield served


@pytest.fixture
def tab(browser: WebDriver) -> Iterator[WebDriver]:
    """The browser's one tab."""
    with only_tab(browser) as lent:
        yield lent
