"""Starts a real browser, and asks the page in it for values.

Selenium drives it with the driver that is installed here; Selenium's own manager, which downloads one, is never used.
Knows no webipc. A further engine is one more entry in `STARTERS`, and one in `tools/install_browser.py`.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from selenium.common.exceptions import JavascriptException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chromium.webdriver import ChromiumDriver
from selenium.webdriver.remote.webdriver import WebDriver

from tools.install_browser import Programs, find

SCRIPT_TIMEOUT = 20.0
"""Seconds that a page may take for one awaited expression or one page load."""

CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)

# The expression stands in the script itself: a page whose policy forbids eval can be asked too, and no name of ours
# hides one of its own.
AWAIT = """
(async () => (
%s
))().then(
  (value) => arguments[0]({ value }),
  (error) => arguments[0]({
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    stack: String((error && error.stack) || '')
  })
)
"""


class PageError(Exception):
    """What an awaited expression threw in the page."""

    code = "page-error"

    def __init__(self, expression: str, error: str, stack: str) -> None:
        self.error = error
        """The page's `name: message`."""
        self.stack = stack
        """The page's stack, empty where a value that is no Error was thrown."""
        super().__init__(f"{error}\nin the page, while it evaluated: {expression}\n{stack}")


@contextmanager
def browser(engine: str = "chromium") -> Iterator[WebDriver]:
    """Run a headless browser with a fresh profile, and end it; raises `BrowserMissingError` where there is none."""
    programs = find(engine)
    with tempfile.TemporaryDirectory(prefix="webipc-profile-", ignore_cleanup_errors=True) as profile:
        driver = STARTERS[engine](programs, profile)
        try:
            driver.set_script_timeout(SCRIPT_TIMEOUT)
            driver.set_page_load_timeout(SCRIPT_TIMEOUT)
            yield driver
        finally:
            driver.quit()


def evaluate(driver: WebDriver, expression: str) -> Any:
    """Await a JavaScript expression in the page's global scope and return its value, as JSON carries it.

    Raises `PageError` with the page's own text and stack when it throws or rejects. Top-level names of the page's
    classic scripts are visible; a module's are not, so a page under test puts its hooks on `window`.
    """
    try:
        answer: Mapping[str, Any] = driver.execute_async_script(AWAIT % expression)
    except JavascriptException as error:
        raise PageError(expression, error.msg or "JavascriptException", "") from None
    if "error" in answer:
        raise PageError(expression, answer["error"], answer["stack"])
    return answer.get("value")


def console(driver: WebDriver) -> list[str]:
    """Return what the page's console said since the last call, as `LEVEL text`; uncaught errors are among it."""
    if not isinstance(driver, ChromiumDriver):
        raise TypeError(f"only Chromium's driver tells what the console said; this is {driver.name}")
    entries = driver.get_log("browser")  # type: ignore[no-untyped-call] # Selenium leaves it without types
    return [f"{entry['level']} {entry['message']}" for entry in entries]


def _start_chromium(programs: Programs, profile: str) -> WebDriver:
    options = ChromeOptions()
    options.binary_location = programs.browser
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=Service(executable_path=programs.driver))


STARTERS: Mapping[str, Callable[[Programs, str], WebDriver]] = {"chromium": _start_chromium}
