"""The fixtures of the conformance suite: an application for each test, and a page of it in each engine's one tab.

It is either `main` with a `window`, or, where pages have frames and workers, `site` with a `tab`. The tab stays, and
shows the page of one test after the other: a test costs one page load. A test that wants other settings of `IpcMain`
says so: `@pytest.mark.parametrize("settings", [{"limits": Limits(...)}])`.
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
    """The main process of the test, being served."""
    process = Main(**settings)
    with live(process.app) as process.server:
        yield process


@pytest.fixture
def open_window(browser: WebDriver, main: Main) -> Iterator[Callable[[], Window]]:
    """Open a page of the application: the first in the tab that is there, others in tabs that end with the test."""
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
    """The application whose pages have frames and workers, being served."""
    with serving(**settings) as served:
        yield served


@pytest.fixture
def tab(browser: WebDriver) -> Iterator[WebDriver]:
    """The browser's one tab."""
    with only_tab(browser) as lent:
        yield lent
