"""The playground in a real browser: calls, results, the log of messages, keyboard, contrast, and every width."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import console
from tests.browser.contrast import edge, unreadable
from tests.browser.playground import Page
from tests.support.serving import Live, live, spawned
from webipc import IpcError, IpcMain, IpcMainEvent, IpcMainInvokeEvent

# The most common actions are tested in every engine. The other tests do not depend on the browser, and only Chromium's
# driver makes a window as narrow as a phone and emulates preferences.
pytestmark = pytest.mark.engines("chromium")
everywhere = pytest.mark.engines("chromium", "firefox", "webkit")

MARKUP = '<img src=x onerror="document.title=1">'


def make_app() -> FastAPI:
    """An application with one channel of each kind."""
    app = FastAPI(title="Shop")
    ipc_main = IpcMain(debug=True)
    ipc_main.mount(app)
    ipc_main.handle("add", add)
    ipc_main.handle("echo", echo)
    ipc_main.handle("fail", fail)
    ipc_main.handle("break", break_)
    ipc_main.on("ping", ping)
    ipc_main.on("numbers", numbers)
    ipc_main.on("numbers", hostile)
    return app


async def add(event: IpcMainInvokeEvent, a: float, b: float = 1.0) -> float:
    """Add two numbers."""
    return a + b


async def echo(event: IpcMainInvokeEvent, *args: Any) -> list[Any]:
    """Return what came."""
    return list(args)


async def fail(event: IpcMainInvokeEvent) -> None:
    raise IpcError("no coffee", code="empty", data={"since": datetime(2025, 1, 31, tzinfo=UTC)})


async def break_(event: IpcMainInvokeEvent) -> None:
    raise KeyError("missing")


def ping(event: IpcMainEvent, channel: str, *args: Any) -> None:
    event.reply(channel, *args)


async def numbers(event: IpcMainEvent) -> None:
    for number in range(5):
        event.reply("load", {"cpu %": 10.0 * number})
        await asyncio.sleep(0.05)


def hostile(event: IpcMainEvent) -> None:
    pass


hostile.__doc__ = MARKUP


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(make_app()) as served:
        yield served


@pytest.fixture
def page(tab: WebDriver, server: Live) -> Page:
    return Page(tab, server.url)


@everywhere
def test_the_channels_are_listed_and_the_first_is_shown(page: Page) -> None:
    page.open()
    assert page.look("[...document.querySelectorAll('#channel-list .channel')].map((it) => it.textContent)") == [
        "add", "echo", "fail", "break", "ping", "numbers"
    ]  # fmt: skip
    assert page.text("h1").split() == ["Shop", "playground"]
    assert page.text(".signature") == "add(event, a: float, b: float = 1.0) -> float"
    assert page.text(".doc") == "Add two numbers."
    assert "web contents" in page.text("#connection")


@everywhere
def test_a_call_by_keyboard_shows_its_result_with_type_and_time(page: Page) -> None:
    page.open("handle:add")
    page.call("1.5")
    page.until_text(".entry", "2.5")
    assert page.text(".entry .status").startswith("number · ")
    page.call("1.5", "-0.5")
    page.until_text(".entry:first-child .body", "1")
    assert page.look("document.querySelectorAll('.entry').length") == 2


@everywhere
def test_every_literal_survives_a_round_trip(page: Page) -> None:
    page.open("handle:echo")
    page.call("new Map([[1, new Set([-0])]]), 5n, [1,,undefined], new Uint8Array([222, 173]), /x/g, new Date(0)")
    page.until("document.querySelector('.entry.is-done')")
    shown = page.text(".entry .tree")
    words = ["Map(1)", "-0", "5n", "<1 empty>", "undefined", "Uint8Array(2) [222, 173]", "/x/g RegExp"]
    assert [word for word in [*words, "1970-01-01T00:00:00.000Z Date"] if word not in shown] == []


def test_a_wrong_literal_shows_its_position_and_nothing_is_called(page: Page) -> None:
    page.open("handle:add")
    page.call("[1, 2", "oops")
    assert page.text(".says").split("\n") == [
        "line 1, column 6: expected ',' or ']', found the end",
        "line 1, column 1: expected a value (a string needs quotes: 'oops'), found 'oops'",
    ]
    assert page.look("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert page.look("document.querySelectorAll('.entry').length") == 0


def test_a_missing_value_is_reported(page: Page) -> None:
    page.open("handle:add")
    page.call("")
    assert page.text(".says").strip() == "a value is required"


def test_the_arguments_can_be_written_as_a_list_which_python_checks(page: Page) -> None:
    page.open("handle:add")
    page.tab.find_element(By.CSS_SELECTOR, ".actions .quiet").click()
    page.call("'one', 2, 3")
    page.until_text(".entry .message", "takes 1 to 2 arguments (a, b), 3 were given")


def test_an_error_for_the_caller_shows_code_and_data(page: Page) -> None:
    page.open("handle:fail")
    page.call()
    page.until_text(".entry .message", "Error invoking remote method 'fail': Error: no coffee")
    assert "empty" in page.text(".entry dl")
    assert "2025-01-31T00:00:00.000Z Date" in page.text(".entry dl")


@everywhere
def test_an_exception_shows_the_python_traceback_in_debug(page: Page) -> None:
    page.open("handle:break")
    page.call()
    page.until_text(".entry .stack", "Traceback (most recent call last)")
    assert 'raise KeyError("missing")' in page.text(".entry .stack")


@everywhere
def test_messages_on_any_channel_show_in_the_log(page: Page) -> None:
    page.open("on:ping")
    console(page.tab)
    for channel in ("pong", "error", "newListener"):
        page.call(f"'{channel}'", "{ a: [1] }, 'x'")
        page.until_text("#arrival-list", channel)
    assert "{ a: [1] }, 'x'" in page.text("#arrival-list li:first-child")
    assert page.look("[...document.querySelectorAll('.chip')].map((it) => it.innerText)") == [
        "pong 1", "error 1", "newListener 1"
    ]  # fmt: skip
    assert console(page.tab) == []


def test_the_log_can_be_paused_resumed_and_cleared(page: Page) -> None:
    page.open("on:ping")
    pause = page.tab.find_element(By.ID, "pause")
    pause.click()
    page.call("'first'")
    page.until_text("#pause", "Resume (1)")
    assert "first" not in page.text("#arrival-list")
    pause.click()
    page.until_text("#arrival-list", "first")
    page.tab.find_element(By.ID, "clear").click()
    page.until("document.querySelector('#arrival-list').childElementCount === 0")


def test_a_channel_can_be_left_out_of_the_log(page: Page) -> None:
    page.open("on:ping")
    page.call("'noise'")
    page.until_text("#arrival-list", "noise")
    page.tab.find_element(By.CSS_SELECTOR, ".chip").click()
    page.call("'noise'")
    page.until_text(".chip", "noise 2")
    assert "noise" not in page.text("#arrival-list")


@everywhere
def test_a_stream_of_numbers_is_drawn_as_a_chart(page: Page) -> None:
    page.open("on:numbers")
    page.call("")
    page.until_text("#live", "load")
    page.until_text("#live .legend", "cpu % 40")
    page.until("document.querySelector('#live path.line').getAttribute('d').split('L').length === 5")
    assert (
        page.look("document.querySelector('#live svg').getAttribute('aria-label')") == "The last minute; now cpu % 40"
    )
    assert "load" not in page.text("#arrival-list")


@everywhere
def test_the_list_can_be_used_with_the_keyboard_only(page: Page) -> None:
    page.open("handle:fail")
    page.tab.find_element(By.CSS_SELECTOR, "#channel-list a[aria-current]").send_keys("/")
    page.press("pin")
    assert page.text("#channel-list .channel") == "ping"
    page.press(Keys.ESCAPE, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.END, Keys.HOME, Keys.ARROW_DOWN, Keys.ENTER)
    page.until("document.querySelector('#call h2 .channel').textContent === 'echo'")
    assert page.look("location.hash") == "#handle:echo"
    page.until("document.activeElement.matches('#call textarea')")


@everywhere
def test_the_focus_is_visible(page: Page) -> None:
    page.open("handle:add")
    page.press(Keys.TAB)
    assert page.look("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_texts_from_python_are_never_markup(page: Page) -> None:
    page.open("on:numbers")
    assert MARKUP in page.text("#call .doc")
    page.look("location.hash = 'handle:echo'")
    page.until("document.querySelector('#call h2 .channel').textContent === 'echo'")
    page.call(json.dumps(MARKUP))
    page.until_text(".entry .tree", MARKUP)
    assert page.look("document.querySelectorAll('#call img').length") == 0
    assert page.tab.title == "Shop · playground"


@everywhere
def test_the_page_violates_no_rule_of_its_content_security_policy(page: Page) -> None:
    page.open("handle:echo")
    console(page.tab)
    page.call("1")
    page.until_text(".entry .tree", "1")
    assert console(page.tab) == []


@pytest.mark.parametrize("width", [360, 768, 1000, 1400])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.open("handle:add")
    page.size(width)
    page.call("'a long text that " + "goes on " * 40 + "'", "1")
    page.until("document.querySelector('.entry.is-error')")
    assert page.look("document.documentElement.scrollWidth") <= width
    assert page.look("document.querySelector('#call').scrollWidth <= document.querySelector('#call').clientWidth")


def test_on_a_phone_one_part_is_visible_at_a_time(page: Page) -> None:
    page.open()
    page.size(360)
    parts = "['channels', 'call', 'arrivals'].filter((id) => document.getElementById(id).offsetParent)"
    page.until(f"{parts}.join() === 'channels'")
    page.tab.find_element(By.CSS_SELECTOR, "#channel-list a[href='#on:ping']").click()
    page.until(f"{parts}.join() === 'call'")
    page.tab.find_element(By.CSS_SELECTOR, "[data-view=arrivals]").click()
    page.until(f"{parts}.join() === 'arrivals'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(page: Page, scheme: str) -> None:
    page.prefer("prefers-color-scheme", scheme)
    page.open("handle:break")
    assert page.look("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    page.call()
    page.until_text(".stack", "KeyError")
    page.look("location.hash = 'on:ping'")
    page.until("document.querySelector('#call h2 .channel').textContent === 'ping'")
    assert unreadable(page.tab) == []
    page.call("'pong'", "{ a: [1, undefined, 5n] }")
    page.until_text("#arrival-list", "pong")
    assert unreadable(page.tab) == []
    page.look("location.hash = 'handle:echo'")
    page.until("document.querySelector('#call h2 .channel').textContent === 'echo'")
    page.call("wrong")
    page.until("document.querySelector('[aria-invalid=true]')")
    page.call("{ a: [1, undefined, null, 5n, true, 'text'] }")
    page.until("document.querySelector('.entry.is-done')")
    assert unreadable(page.tab) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_border_of_a_field_has_enough_contrast(page: Page, scheme: str) -> None:
    page.prefer("prefers-color-scheme", scheme)
    page.open("handle:echo")
    # The contrast that WCAG requires for graphical objects, not for text.
    assert edge(page.tab, "#filter") >= 3
    assert edge(page.tab, "#call textarea") >= 3


def test_nothing_moves_with_prefers_reduced_motion(page: Page) -> None:
    page.prefer("prefers-reduced-motion", "reduce")
    page.open("on:numbers")
    page.call("")
    page.until_text("#live .legend", "cpu % 40")
    drawn = "document.querySelector('#live path.line').getAttribute('d')"
    before = page.look(drawn)
    page.look("new Promise((done) => { requestAnimationFrame(() => { requestAnimationFrame(done) }) })")
    assert page.look(drawn) == before
    assert page.look("getComputedStyle(document.querySelector('.dot')).animationName") == "none"


def test_every_control_has_a_name(page: Page) -> None:
    page.open("handle:add")
    page.call("1")
    page.until("document.querySelector('.entry.is-done')")
    unnamed = """[...document.querySelectorAll('button, input, textarea, a')].filter((it) =>
      !it.innerText.trim() && !it.ariaLabel && !it.labels?.length).map((it) => it.outerHTML)"""
    assert page.look(unnamed) == []


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes a program with these handlers and returns its file."""

    def write(handlers: str) -> Path:
        file = tmp_path / "main.py"
        lines = ["from fastapi import FastAPI", "from webipc import IpcMain", "app = FastAPI()"]
        lines += ["ipc_main = IpcMain(playground=True)", "ipc_main.mount(app)", handlers]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    return write


def test_an_application_without_channels_shows_how_to_add_one(tab: WebDriver, program: Callable[[str], Path]) -> None:
    with spawned(program("")) as served:
        page = Page(tab, served.url)
        page.open()
        page.until_text("#call", "No channels yet")
        assert '@ipc_main.handle("add")' in page.text("#call pre")


def test_the_page_shows_that_the_server_is_down_and_lists_the_channels_after_the_restart(
    tab: WebDriver, program: Callable[[str], Path]
) -> None:
    with spawned(program("@ipc_main.handle('old')\ndef old(event): ...")) as served:
        page = Page(tab, served.url)
        page.open("handle:old")
        served.kill()
        page.until_text("#notice", "The server is not reachable.")
        assert page.text("#connection").strip() == "reconnecting"
        page.call()
        page.until_text(".entry .status", "waiting")
        program("@ipc_main.handle('new')\ndef new(event, text: str = 'x'): return text")
        served.start()
        page.until_text("#channel-list", "new")
        page.until("document.querySelector('#notice').innerText === ''")
        assert "No such channel" in page.text("#call")
        assert "calls rejected: 1 never sent" in page.text("#arrival-list")
