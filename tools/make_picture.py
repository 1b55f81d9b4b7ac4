"""Makes the picture of the README: two tabs of the demo side by side, as a person sees them.

`.venv/bin/python -m tools.make_picture` is what `make picture` runs. It serves examples/demo on a free port, uses the
playground in two tabs of a headless Chromium, and writes docs/pictures/demo.png. Window sizes, channels and arguments
are fixed, so that two pictures differ only in times and in the load of the machine.
"""

import base64
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tools.install_browser import BrowserMissingError, find

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "examples" / "demo" / "main.py"
PICTURE = ROOT / "docs" / "pictures" / "demo.png"

PATIENCE_SECONDS = 90.0
"""More than the minute that a chart shows: the picture waits until it is full."""

WIDE = (1200, 720)
NARROW = (380, 720)
"""Width and height of the two tabs in pixels. The playground shows one of its parts at a time below a width of 900."""

CHART_POINTS = 114
"""Samples in the chart before the picture is taken; the demo sends two in a second."""

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")

FRAME = """<!doctype html>
<style>
  body { margin: 0; padding: 28px; display: flex; gap: 24px; background: #e8ecf4; width: max-content; }
  figure { margin: 0; border-radius: 10px; overflow: hidden; background: #fff; box-shadow: 0 8px 28px #1b202833; }
  figcaption { display: flex; align-items: center; gap: 7px; height: 34px; padding: 0 14px; background: #dde1e7;
    font: 13px system-ui, sans-serif; color: #5a6474; }
  i { width: 11px; height: 11px; border-radius: 50%%; background: #b5bcc8; }
  span { flex: 1; margin-left: 8px; padding: 2px 12px; border-radius: 6px; background: #f6f7f9; }
  img { display: block; }
</style>
%s
"""
WINDOW = (
    "<figure><figcaption><i></i><i></i><i></i><span>localhost:8000/ipc/</span></figcaption>"
    '<img width="%d" height="%d" src="data:image/png;base64,%s"></figure>'
)


@contextmanager
def demo() -> Iterator[str]:
    """Serve the demo in a process of its own; yield its address when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "webipc", "run", str(PROGRAM), "--port", str(port)]
    # Its log has a traceback, because one of the calls below fails on purpose.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/ipc/"
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not answers(process, address):
            if time.monotonic() > end:
                raise TimeoutError(f"the demo did not answer at {address} within {PATIENCE_SECONDS} s")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def answers(process: subprocess.Popen[bytes], address: str) -> bool:
    """Return whether the demo serves its page; raises RuntimeError when its process has ended."""
    if process.poll() is not None:
        raise RuntimeError(f"the demo ended with status {process.returncode}; start it with webipc run {PROGRAM}")
    try:
        with urllib.request.urlopen(address, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start a headless Chromium with a fresh profile."""
    programs = find("chromium")
    with tempfile.TemporaryDirectory(prefix="webipc-profile-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = programs.browser
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = Chrome(options=options, service=Service(executable_path=programs.driver))
        try:
            yield driver
        finally:
            driver.quit()


class Tab:
    """One tab that shows the playground."""

    def __init__(self, driver: Chrome, address: str, size: tuple[int, int]) -> None:
        driver.switch_to.new_window("window")
        self._driver = driver
        self._window = driver.current_window_handle
        self._size = size
        resize(driver, size)
        driver.get(address)
        self.until("document.querySelector('#connection').dataset.state === 'open'")

    def show(self) -> None:
        """Bring the tab to the front: a browser draws no chart in one behind."""
        self._driver.switch_to.window(self._window)

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true in the page."""
        script = f"return Boolean({expression})"
        WebDriverWait(self._driver, PATIENCE_SECONDS).until(lambda driver: driver.execute_script(script), expression)

    def choose(self, key: str) -> None:
        """Open the form of a channel by its role and name, such as `handle:add`."""
        self._driver.execute_script(f"location.hash = '{key}'")
        name = key.partition(":")[2]
        self.until(f"document.querySelector('#call h2 .channel')?.textContent === '{name}'")

    def call(self, *arguments: str) -> None:
        """Type one argument into each field, press Ctrl+Enter, and wait until the log has the outcome."""
        fields = self._driver.find_elements(By.CSS_SELECTOR, "#call textarea")
        for field, argument in zip(fields, arguments, strict=False):
            field.clear()
            field.send_keys(argument)
        count = len(self._driver.find_elements(By.CSS_SELECTOR, "#call .entry")) + 1
        ActionChains(self._driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        self.until(f"document.querySelectorAll('#call .entry:not(.is-waiting)').length === {count}")

    def view(self, name: str) -> None:
        """Show one part of the page, where it is too narrow for all."""
        self.press(f"#views button[data-view={name}]")

    def press(self, selector: str) -> None:
        """Click on an element."""
        self._driver.find_element(By.CSS_SELECTOR, selector).click()

    def picture(self) -> str:
        """Return what the tab shows as an element of the picture."""
        self.show()
        # Without a focus there is no blinking caret.
        self._driver.execute_script("document.activeElement.blur()")
        return WINDOW % (*self._size, self._driver.get_screenshot_as_base64())


def resize(driver: Chrome, size: tuple[int, int]) -> None:
    """Give the page of the tab in front a size in pixels, whatever the window's is."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def use(wide: Tab, narrow: Tab) -> None:
    """Do what a person who tries the demo does: call handlers, send a message to all tabs, look at the chart."""
    wide.show()
    wide.choose("handle:greet")
    wide.call("{ name: '' }")
    wide.call("{ name: 'Ada', born: new Date('1815-12-10') }")
    narrow.show()
    narrow.choose("on:say")
    narrow.view("call")
    narrow.call("'Hello from the other tab'")
    wide.show()
    wide.until("document.querySelector('#arrival-list').textContent.includes('Hello from the other tab')")
    wide.press("#arrival-list [data-channel=said] summary")
    wide.until(f"document.querySelector('#live path.line')?.getAttribute('d').split('L').length > {CHART_POINTS}")


def compose(driver: Chrome, *tabs: Tab) -> bytes:
    """Return the tabs side by side as a PNG."""
    page = FRAME % "".join(tab.picture() for tab in tabs)
    driver.switch_to.new_window("window")
    resize(driver, (2000, 1000))
    driver.get("data:text/html;base64," + base64.b64encode(page.encode()).decode())
    WebDriverWait(driver, PATIENCE_SECONDS).until(
        lambda here: here.execute_script("return [...document.images].every((image) => image.complete)")
    )
    size = driver.execute_script("return [document.body.offsetWidth, document.body.offsetHeight]")
    resize(driver, (size[0], size[1]))
    return driver.get_screenshot_as_png()


def main() -> int:
    """Write the picture; return the exit status, 1 after a line that says which browser is missing."""
    try:
        with demo() as address, chromium() as driver:
            wide, narrow = Tab(driver, address, WIDE), Tab(driver, address, NARROW)
            use(wide, narrow)
            picture = compose(driver, wide, narrow)
    except BrowserMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{PICTURE.relative_to(ROOT)}: {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
