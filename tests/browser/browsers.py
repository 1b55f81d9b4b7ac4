"""Starts a real browser, and evaluates expressions in its page.

Selenium uses the installed driver; Selenium's own manager, which downloads one, is never used. Another engine needs one
more entry in `STARTERS`, and one in `tools/install_browser.py`.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from selenium.common.exceptions import JavascriptException
from selenium.webdriver import Chrome, ChromeOptions, Firefox, FirefoxOptions, WebKitGTKOptions
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.chromium.webdriver import ChromiumDriver
from selenium.webdriver.firefox.service import Service as FirefoxService
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.service import Service as WebKitGTKService

from tests.browser.display import display
from tools.install_browser import Programs, find

SCRIPT_TIMEOUT = 20.0
"""Timeout of one awaited expression or one page load, in seconds."""

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

FOR_DRIVERS = ["disable-background-timer-throttling", "disable-backgrounding-occluded-windows"]
"""Flags that Chromium's driver adds."""

WEBKIT_NAME = "MiniBrowser"
"""The name of the browser in WebKitGTK's driver."""

# The expression is part of the script: this works in a page whose policy forbids eval too, and no name of ours hides a
# name of the page.
# WebKitGTK's driver may return from a page load before the page's modules have run.
AWAIT = """
(async () => {
  if (document.readyState !== 'complete') await new Promise((loaded) => { addEventListener('load', loaded) })
  return (
%s
)})().then(
  (value) => arguments[0]({ value }),
  (error) => arguments[0]({
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    stack: String((error && error.stack) || '')
  })
)
"""

# The drivers of Firefox and WebKitGTK cannot read the console; this makes the page record its own from now on.
LISTEN = """
(() => {
  if (window.consoleLines) return window.consoleLines.splice(0)
  const lines = window.consoleLines = []
  for (const [name, level] of [['error', 'SEVERE'], ['warn', 'WARNING']]) {
    const original = console[name]
    console[name] = (...args) => {
      lines.push(`${level} ${args.map(String).join(' ')}`)
      original.apply(console, args)
    }
  }
  addEventListener('error', (event) => lines.push(`SEVERE ${event.message}`))
  addEventListener('unhandledrejection', (event) => lines.push(`SEVERE ${event.reason}`))
  document.addEventListener('securitypolicyviolation', (event) => {
    lines.push(`SEVERE ${event.violatedDirective} ${event.blockedURI}`)
  })
  return []
})()
"""


class PageError(Exception):
    """An exception that an awaited expression threw in the page."""

    code = "page-error"

    def __init__(self, expression: str, error: str, stack: str) -> None:
        self.error = error
        """The page's `name: message`."""
        self.stack = stack
        """The page's stack; empty if the thrown value is not an Error."""
        super().__init__(f"{error}\nin the page, while it evaluated: {expression}\n{stack}")


@contextmanager
def browser(engine: str = "chromium", *flags: str, hides: bool = False) -> Iterator[WebDriver]:
    """Run a headless browser with a new profile, and quit it afterwards. Raises `BrowserMissingError`.

    `flags` are more arguments for Chromium; the others take none. With `hides`, Chromium throttles hidden tabs as it
    does for users, and as the others do: its driver turns that off.
    """
    programs = find(engine)
    with ExitStack() as stack:
        if engine == "chromium":
            driver = _start_chromium(programs, stack, *flags, hides=hides)
        else:
            driver = STARTERS[engine](programs, stack)
        stack.callback(driver.quit)
        driver.set_script_timeout(SCRIPT_TIMEOUT)
        driver.set_page_load_timeout(SCRIPT_TIMEOUT)
        yield driver


def evaluate(driver: WebDriver, expression: str) -> Any:
    """Await a JavaScript expression in the global scope of the page and return its value, converted to JSON.

    Raises `PageError` with the page's text and stack if it throws or rejects. Top-level names of the page's classic
    scripts are visible; names of modules are not, so a page under test assigns its hooks to `window`.
    """
    try:
        answer: Mapping[str, Any] = driver.execute_async_script(AWAIT % expression)
    except JavascriptException as error:
        raise PageError(expression, error.msg or "JavascriptException", "") from None
    if "error" in answer:
        raise PageError(expression, answer["error"], answer["stack"])
    return answer.get("value")


def new_tab(driver: WebDriver) -> str:
    """Open an empty visible tab, switch to it, and return its handle."""
    # WebKitGTK's driver opens a tab in the background and cannot bring it to the front. A new window is visible.
    driver.switch_to.new_window("window" if driver.name == WEBKIT_NAME else "tab")
    return driver.current_window_handle


@contextmanager
def closing_new_tabs(driver: WebDriver) -> Iterator[None]:
    """Close the tabs that the block leaves open, except the one that was in front, and switch back to that one."""
    first = driver.current_window_handle
    yield
    for handle in set(driver.window_handles) - {first}:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(first)


@contextmanager
def only_tab(driver: WebDriver) -> Iterator[WebDriver]:
    """Yield the browser's first tab, so that none has to be opened. Tabs that are opened from it end with the block.

    WebKitGTK allows only the pages of this tab to open windows.
    """
    with closing_new_tabs(driver):
        yield driver
    # In Firefox, a page that reconnects to a server that is down delays every other socket to the same host.
    driver.get("about:blank")


def console(driver: WebDriver) -> list[str]:
    """Return the page's console messages since the last call, as `LEVEL text`, uncaught errors included.

    Outside Chromium, the first call in a document only starts the recording, which covers errors, warnings and
    violations of the content security policy.
    """
    if not isinstance(driver, ChromiumDriver):
        lines: list[str] = evaluate(driver, LISTEN)
        return lines
    entries = driver.get_log("browser")  # type: ignore[no-untyped-call] # Selenium has no types for it
    return [f"{entry['level']} {entry['message']}" for entry in entries]


def _start_chromium(programs: Programs, stack: ExitStack, *flags: str, hides: bool = False) -> WebDriver:
    profile = stack.enter_context(tempfile.TemporaryDirectory(prefix="webipc-profile-", ignore_cleanup_errors=True))
    options = ChromeOptions()
    options.binary_location = programs.browser
    for flag in (*CHROMIUM_FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if hides:
        options.add_experimental_option("excludeSwitches", FOR_DRIVERS)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=ChromeService(executable_path=programs.driver))


def _start_firefox(programs: Programs, stack: ExitStack) -> WebDriver:
    options = FirefoxOptions()
    options.binary_location = programs.browser
    options.add_argument("-headless")
    options.add_argument("--width=1280")
    options.add_argument("--height=900")
    return Firefox(options=options, service=FirefoxService(executable_path=programs.driver))


def _start_webkit(programs: Programs, stack: ExitStack) -> WebDriver:
    assert programs.display is not None
    environment = {**os.environ, "DISPLAY": stack.enter_context(display(programs.display))}
    options = WebKitGTKOptions()
    options.binary_location = programs.browser
    options.add_argument("--automation")
    service = WebKitGTKService(executable_path=programs.driver, env=environment)
    service.start()
    stack.callback(service.stop)
    # Selenium's own class for WebKitGTK connects with an option that Selenium deprecates with a warning.
    connection = RemoteConnection(client_config=ClientConfig(remote_server_addr=service.service_url))
    return WebDriver(command_executor=connection, options=options)


STARTERS: Mapping[str, Callable[[Programs, ExitStack], WebDriver]] = {
    "chromium": _start_chromium,
    "firefox": _start_firefox,
    "webkit": _start_webkit,
}
"""How each engine is started. The stack takes what must be closed after the browser."""
