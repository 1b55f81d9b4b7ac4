"""The fixtures of the tests that drive a real browser: one process for the run, one new tab for each test.

Every test in this directory is marked `browser` here, so that no file can forget it. A machine without the browser
fails these tests; it never skips them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser as running_browser
from tools.install_browser import BrowserMissingError

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands below this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    """The browser of the whole run. A test wants `tab`, unless it opens and closes tabs itself."""
    try:
        with running_browser("chromium") as driver:
            yield driver
    except BrowserMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)


@pytest.fixture
def tab(browser: WebDriver) -> Iterator[WebDriver]:
    """The browser with an empty new tab in front; every tab that the test leaves open is closed afterwards."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    yield browser
    for handle in set(browser.window_handles) - {first}:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(first)
