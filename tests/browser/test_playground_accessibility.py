"""The playground with a screen reader, with the keyboard, on a phone, and with long names of channels."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.playground import Page
from tests.support.serving import Live, live
from webipc import IpcError, IpcMain, IpcMainInvokeEvent

pytestmark = pytest.mark.engines("chromium")

LONG = "a-channel/with-a-name-that-goes-on-" + "x" * 120


def make_app() -> FastAPI:
    app = FastAPI(title="An application whose title is longer than the window is wide, as some of them are")
    ipc_main = IpcMain(debug=True)
    ipc_main.mount(app)
    ipc_main.handle("many", many)
    ipc_main.handle("fail", fail)
    ipc_main.handle(LONG, many)
    ipc_main.on(LONG, fail)
    return app


async def many(event: IpcMainInvokeEvent, places: dict[str, list[int]]) -> list[int]:
    return list(range(1000))


async def fail(event: IpcMainInvokeEvent, rows: list[dict[str, int]]) -> None:
    raise IpcError("no coffee")


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(make_app()) as served:
        yield served


@pytest.fixture
def page(tab: WebDriver, server: Live) -> Page:
    return Page(tab, server.url)


def test_the_result_of_a_call_is_announced_in_short(page: Page) -> None:
    page.open("handle:many")
    page.call("{}")
    page.until_text(".entry .tree", "99: 99")
    told = page.look("document.querySelector('#call [role=status]').textContent")
    assert told.startswith("Call 1: Array(1,000) · ")
    assert page.look("document.querySelector('.entry .tree').closest('[aria-live], [role=status], [role=log]')") is None


def test_the_error_of_a_failed_call_is_announced(page: Page) -> None:
    page.open("handle:fail")
    page.call("[]")
    page.until("document.querySelector('.entry.is-error')")
    told = page.look("document.querySelector('#call [role=status]').textContent")
    assert told == "Call 1: Error invoking remote method 'fail': Error: no coffee"


def test_the_number_of_channels_that_match_a_filter_is_announced(page: Page) -> None:
    page.open()
    page.look("document.querySelector('#filter').focus()")
    page.press("many")
    page.until("document.querySelector('#found').textContent === '1 of 4 channels'")
    page.press(Keys.ESCAPE)
    page.until("document.querySelector('#found').textContent === ''")


def test_a_button_whose_label_changes_has_no_pressed_state(page: Page) -> None:
    page.open("handle:many")
    page.look("document.querySelector('#pause').click()")
    assert page.text("#pause") == "Resume"
    assert page.look("document.querySelector('#pause').hasAttribute('aria-pressed')") is False


@pytest.mark.parametrize("width", [360, 640, 1280])
def test_a_long_name_wraps_no_text_beside_it(page: Page, width: int) -> None:
    page.size(width)
    page.open(f"handle:{LONG.replace('/', '%2F')}")
    page.until_text("#call h2", LONG)
    lines = """[...document.querySelectorAll('.badge, h1 small, .word, .contents')]
      .filter((it) => it.offsetParent && it.offsetHeight > 26).map((it) => it.textContent)"""
    assert page.look(lines) == []
    assert page.look("document.querySelector('#header').scrollHeight <= 48")
    assert page.look("document.documentElement.scrollWidth") <= width


def test_a_reload_after_the_skip_link_shows_a_channel(page: Page) -> None:
    page.open("handle:fail")
    page.look("document.querySelector('.skip').click()")
    page.until("location.hash === '#call'")
    assert page.text("#call h2").startswith("fail")
    page.tab.refresh()
    page.until("document.querySelector('#call h2')")


@pytest.mark.parametrize("channel, example", [("handle:many", "{ key: 1 }"), ("handle:fail", "[1, 2]")])
def test_the_example_in_a_field_is_of_the_outermost_type(page: Page, channel: str, example: str) -> None:
    page.open(channel)
    assert page.look("document.querySelector('#call textarea').placeholder") == example


@pytest.mark.parametrize("width", [640, 1280])
def test_the_slash_key_focuses_the_filter_from_any_part_of_the_page(page: Page, width: int) -> None:
    page.size(width)
    page.open("handle:many")
    page.look("document.activeElement.blur()")
    page.press("/")
    page.until("document.activeElement.id === 'filter'")
    pressed = "[...document.querySelectorAll('#views [aria-pressed=true]')].map((it) => it.dataset.view)"
    assert page.look(pressed) == [page.look("document.body.dataset.view")] == ["channels"]


def test_on_a_phone_the_focus_moves_to_the_visible_part(page: Page) -> None:
    page.size(360)
    page.touch()
    page.open()
    assert page.look("matchMedia('(pointer: coarse)').matches")
    page.tab.find_element(By.CSS_SELECTOR, "#channel-list a[href='#handle:fail']").click()
    page.until_text("#call h2", "fail")
    page.until("document.activeElement.closest('#call')")


def test_an_embedded_page_leaves_room_for_the_channels_on_the_smallest_phone(page: Page) -> None:
    page.size(320, 480)
    page.open()
    page.look("document.querySelector('#views [data-view=channels]').click()")
    page.look("document.querySelector('#other-pages button').click()")
    page.until("document.querySelector('web-view')")
    assert page.look("document.querySelector('#channel-list').clientHeight") >= 150
