"""Every API in the playground besides `send` and `invoke`: sendSync, ports, sendTo another tab, an embedded page."""

from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.select import Select

from tests.browser.playground import Page
from tests.support.applications import Application
from tests.support.serving import Live
from webipc import IpcMainEvent, MessagePortMain

pytestmark = pytest.mark.engines("chromium")


class Site(Application):
    """An application that answers the playground."""

    def __init__(self) -> None:
        super().__init__(debug=True)
        self.ports: list[MessagePortMain] = []
        self.ipc_main.on("version", self._version)
        self.ipc_main.on("talk", self._talk)
        self.ipc_main.on("note", lambda event, text="": None)

    def _version(self, event: IpcMainEvent) -> None:
        event.return_value = "1.2.3"

    def _talk(self, event: IpcMainEvent, greeting: Any = None) -> None:
        (port,) = event.ports
        self.ports.append(port)
        port.on("message", lambda said: port.post_message({"you said": said.data}))
        port.start()
        port.post_message({"greeting": greeting})


@pytest.fixture
def site() -> Site:
    return Site()


def choose(page: Page, verb: str) -> None:
    Select(page.tab.find_element(By.CSS_SELECTOR, ".verbs select")).select_by_value(verb)


def press(page: Page, selector: str) -> None:
    page.tab.find_element(By.CSS_SELECTOR, selector).click()


def test_send_sync_shows_what_it_returned(tab: WebDriver, server: Live) -> None:
    page = Page(tab, server.url)
    page.open("on:version")
    choose(page, "sendSync")
    press(page, ".call-form button.primary")
    page.until_text(".call-log", "'1.2.3'")
    page.until_text(".call-log", "string(5)")


def test_a_port_sends_a_value_and_shows_when_python_closes_it(tab: WebDriver, server: Live, site: Site) -> None:
    page = Page(tab, server.url)
    page.open("on:talk")
    choose(page, "postMessage")
    page.call("'hi'")
    page.until_text("#arrival-list", "greeting: 'hi'")
    page.until_text("#ports", "sent on ‘talk’")
    field = tab.find_element(By.CSS_SELECTOR, "#ports input")
    field.send_keys("new Map([[1, 2n]])")
    press(page, "#ports form button[type=submit]")
    page.until_text("#arrival-list", "'you said': Map(1)")
    field.clear()
    field.send_keys("not a value")
    press(page, "#ports form button[type=submit]")
    page.until("document.querySelector('#ports input').getAttribute('aria-invalid') === 'true'")
    server.call(site.ports[0].close)
    page.until_text("#ports", "the other end is closed")
    page.until("document.querySelector('#ports input').disabled")


def test_two_values_are_too_many_for_post_message(tab: WebDriver, server: Live) -> None:
    page = Page(tab, server.url)
    page.open("on:talk")
    choose(page, "postMessage")
    press(page, ".actions .quiet")
    page.call("1, 2")
    page.until_text(".call-log", "postMessage takes one value, got 2")


def test_another_tab_is_reached_by_its_number(tab: WebDriver, server: Live) -> None:
    receiver = Page(tab, server.url)
    receiver.open("on:note")
    first = tab.current_window_handle
    number = receiver.look("document.querySelector('#connection').innerText.match(/web contents (\\d+)/)[1]")
    tab.switch_to.new_window("tab")
    sender = Page(tab, server.url)
    sender.open("on:note")
    choose(sender, "sendTo")
    tab.find_element(By.CSS_SELECTOR, ".verbs input").send_keys(number)
    sender.call("'hello there'")
    tab.switch_to.window(first)
    receiver.until_text("#arrival-list", "note · from web contents")
    receiver.until_text("#arrival-list", "'hello there'")


def test_an_embedded_page_sends_to_its_host_and_is_a_frame_of_its_tab(tab: WebDriver, server: Live, site: Site) -> None:
    page = Page(tab, server.url)
    page.open("on:note")
    press(page, "#other-pages button")
    inside = "document.querySelector('web-view').shadowRoot.querySelector('iframe').contentDocument"
    page.until(
        f"document.querySelector('web-view') && {inside}?.querySelector('#who')?.innerText.includes('a frame of')"
    )
    page.look(f"{inside}.querySelector('#to-host').click()")
    page.until_text("#arrival-list", "hello-host · from the guest")
    press(page, ".guest > button")
    page.until(f"{inside}.querySelector('#heard').innerText.includes('ping')")
    main_frame = site.the_contents().main_frame
    assert main_frame is not None
    assert [frame.url.rpartition("/")[2] for frame in main_frame.frames] == ["guest.html"]
    press(page, "#other-pages button")
    page.until("!document.querySelector('web-view')")
