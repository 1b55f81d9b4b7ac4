"""Operates the playground in a tab: opens a channel, calls it, reads what is shown."""

import itertools
import json
from typing import Any

from selenium.webdriver.chromium.webdriver import ChromiumDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.serving import wait_until


class Page:
    """What a user does in the playground and sees there."""

    def __init__(self, tab: WebDriver, url: str) -> None:
        self.tab = tab
        self.url = f"{url}/ipc/"

    def open(self, channel: str = "") -> None:
        self.tab.get(self.url + (f"#{channel}" if channel else ""))
        self.until("document.querySelector('#connection').dataset.state === 'open'")
        self.until("document.querySelector('#call').childElementCount > 0")

    def look(self, expression: str) -> Any:
        return evaluate(self.tab, expression)

    def until(self, expression: str) -> None:
        wait_until(lambda: self.look(f"Boolean({expression})"), expression)

    def until_text(self, selector: str, text: str) -> None:
        def found() -> bool:
            return text in self.text(selector)

        wait_until(found, f"{text!r} in {selector}")

    def text(self, selector: str) -> str:
        joined: str = self.look(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((it) => it.innerText).join('\\n')"
        )
        return joined

    def press(self, *keys: str) -> None:
        """Send keys to the focused element."""
        ActionChains(self.tab).send_keys(*keys).perform()

    def call(self, *texts: str) -> None:
        """Type into the fields, then press Ctrl+Enter in the last one."""
        for field, text in itertools.zip_longest(self.tab.find_elements(By.CSS_SELECTOR, "#call textarea"), texts):
            assert field is not None, "more texts than fields"
            field.clear()
            # WebKit's driver refuses to type an empty text.
            field.click()
            if text:
                field.send_keys(text)
        ActionChains(self.tab).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()

    def size(self, width: int, height: int = 800) -> None:
        assert isinstance(self.tab, ChromiumDriver)
        settings = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tab.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", settings)

    def touch(self) -> None:
        """Emulate a device with a touch screen."""
        assert isinstance(self.tab, ChromiumDriver)
        self.tab.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def prefer(self, feature: str, value: str) -> None:
        assert isinstance(self.tab, ChromiumDriver)
        features = [{"name": feature, "value": value}]
        self.tab.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
