"""The examples as a user runs them: served by `webipc run`, in real tabs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import console, evaluate, new_tab
from tests.browser.contrast import unreadable
from tests.browser.playground import Page
from tests.support.serving import Spawned, spawned, wait_until


@pytest.fixture
def todo(project_root: Path, tmp_path: Path) -> Iterator[Spawned]:
    with spawned(project_root / "examples/todo/main.py", TODO_FILE=str(tmp_path / "todo.sqlite3")) as served:
        yield served


def items(tab: WebDriver) -> list[str]:
    texts: list[str] = evaluate(tab, "[...document.querySelectorAll('li')].map((it) => it.innerText.trim())")
    return [text.split("\n")[0] for text in texts]


def until_items(tab: WebDriver, *expected: str) -> None:
    wait_until(lambda: items(tab) == list(expected), f"the list is {expected}")


def add(tab: WebDriver, text: str) -> None:
    tab.find_element(By.ID, "text").send_keys(text + Keys.ENTER)


def two_tabs(tab: WebDriver, url: str) -> tuple[str, str]:
    handles = []
    for _ in range(2):
        handles.append(new_tab(tab))
        tab.get(url)
        wait_until(lambda: tab.find_element(By.ID, "left").text == "nothing yet", "the list has arrived")
    return handles[0], handles[1]


def test_a_change_in_one_tab_shows_in_the_other(tab: WebDriver, todo: Spawned) -> None:
    one, other = two_tabs(tab, todo.url)
    console(tab)
    tab.switch_to.window(one)
    add(tab, "milk")
    until_items(tab, "milk")
    add(tab, "<b>bread</b>")
    until_items(tab, "milk", "<b>bread</b>")
    tab.switch_to.window(other)
    until_items(tab, "milk", "<b>bread</b>")
    tab.find_element(By.ID, "done-1").click()
    wait_until(lambda: tab.find_element(By.ID, "left").text == "1 left", "one is done")
    tab.find_element(By.ID, "remove-2").click()
    until_items(tab, "milk")
    tab.switch_to.window(one)
    until_items(tab, "milk")
    assert tab.find_element(By.ID, "done-1").is_selected()
    assert console(tab) == []


def test_the_list_is_saved_to_the_file_and_survives_a_restart(tab: WebDriver, todo: Spawned, tmp_path: Path) -> None:
    tab.get(todo.url)
    add(tab, "milk")
    until_items(tab, "milk")
    todo.kill()
    wait_until(lambda: "The server is not reachable" in tab.find_element(By.ID, "message").text, "the page knows")
    add(tab, "bread")
    with closing(sqlite3.connect(tmp_path / "todo.sqlite3")) as database:
        assert database.execute("SELECT text FROM todo").fetchall() == [("milk",)]
    todo.start()
    until_items(tab, "milk", "bread")
    wait_until(lambda: tab.find_element(By.ID, "message").text == "", "the message is gone")


def test_a_text_that_python_refuses_shows_an_error_and_stays_in_the_field(tab: WebDriver, todo: Spawned) -> None:
    tab.get(todo.url)
    wait_until(lambda: tab.find_element(By.ID, "left").text == "nothing yet", "the list has arrived")
    add(tab, "   ")
    wait_until(lambda: "at least 1 character" in tab.find_element(By.ID, "message").text, "the page shows the reason")
    assert tab.find_element(By.ID, "text").get_attribute("value") == "   "


def test_the_list_can_be_used_with_the_keyboard_only(tab: WebDriver, todo: Spawned) -> None:
    tab.get(todo.url)
    add(tab, "milk")
    until_items(tab, "milk")
    tab.find_element(By.ID, "text").send_keys(Keys.TAB, Keys.TAB)
    assert evaluate(tab, "document.activeElement.id") == "done-1"
    tab.switch_to.active_element.send_keys(Keys.SPACE)
    wait_until(lambda: tab.find_element(By.ID, "left").text == "0 left", "it is done")
    assert evaluate(tab, "document.activeElement.id") == "done-1"
    tab.switch_to.active_element.send_keys(Keys.TAB)
    tab.switch_to.active_element.send_keys(Keys.ENTER)
    until_items(tab)
    assert evaluate(tab, "document.activeElement.id") == "text"


CALLS = [
    ("add", "1.5, 2", "3.5"),
    ("echo", "-0, 5n", "-0"),
    ("one-of-each", "", "1267650600228229401496703205376n"),
    ("greet", "{ name: 'Ada' }", "greeted by web contents"),
    ("sum", "new Float64Array([0.5, 1])", "1.5"),
    ("count-words", "'a b a'", "'a' => 2"),
    ("slow", "0", "0"),
    ("primes", "100", "25"),
    ("files", "", "main.py"),
    ("fail", "", "the coffee is out"),
    ("who-am-i", "", "server process"),
    ("countdown", "1", "lift-off"),
]


@pytest.fixture(scope="module")
def demo(project_root: Path) -> Iterator[Spawned]:
    with spawned(project_root / "examples/demo/main.py") as served:
        yield served


def test_the_demo_links_to_the_playground_and_updates_by_itself(tab: WebDriver, demo: Spawned) -> None:
    tab.get(demo.url)
    assert tab.current_url.startswith(f"{demo.url}/ipc/")
    wait_until(lambda: "machine" in tab.find_element(By.ID, "live").text, "the machine is drawn")
    assert evaluate(tab, "document.querySelectorAll('#live .line').length") >= 1


@pytest.mark.parametrize("channel, arguments, expected", CALLS)
def test_every_handler_of_the_demo_works(
    tab: WebDriver, demo: Spawned, channel: str, arguments: str, expected: str
) -> None:
    tab.get(f"{demo.url}/ipc/#handle:{channel}")
    wait_until(lambda: tab.find_elements(By.CSS_SELECTOR, "#call h2 .channel"), "the channels have arrived")
    if arguments and channel != "echo":
        tab.find_element(By.CSS_SELECTOR, ".actions .quiet").click()
    if arguments:
        tab.find_element(By.CSS_SELECTOR, "#call textarea").send_keys(arguments)
    tab.find_element(By.CSS_SELECTOR, "#call .primary").click()
    wait_until(lambda: expected in tab.find_element(By.CSS_SELECTOR, ".call-log").text, expected)


@pytest.fixture
def electron_app(project_root: Path) -> Iterator[Spawned]:
    with spawned(project_root / "examples/electron-app/main.py") as served:
        yield served


def test_the_electron_application_runs_with_its_own_preload_script_and_renderer(
    tab: WebDriver, electron_app: Spawned
) -> None:
    tab.get(electron_app.url)
    assert "Electron " in tab.find_element(By.ID, "versions").text
    tab.find_element(By.ID, "ping").click()
    wait_until(lambda: tab.find_element(By.ID, "pong").text == "pong", "the main process answers")
    wait_until(lambda: int(tab.find_element(By.ID, "count").text) >= 2, "the main process counts")
    tab.find_element(By.ID, "title").send_keys("My window" + Keys.ENTER)
    tab.find_element(By.ID, "report").click()
    known = wait_until(lambda: tab.find_element(By.ID, "known").text, "the main process reports")
    assert "My window" in known
    assert "counted to 0" not in known


@pytest.mark.engines("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_to_do_list_has_enough_contrast(tab: WebDriver, todo: Spawned, scheme: str) -> None:
    Page(tab, todo.url).prefer("prefers-color-scheme", scheme)
    tab.get(todo.url)
    add(tab, "milk")
    until_items(tab, "milk")
    tab.find_element(By.ID, "done-1").click()
    wait_until(lambda: tab.find_element(By.ID, "left").text == "0 left", "it is done")
    assert unreadable(tab) == []


@pytest.mark.engines("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_electron_application_has_enough_contrast(
    tab: WebDriver, electron_app: Spawned, scheme: str
) -> None:
    Page(tab, electron_app.url).prefer("prefers-color-scheme", scheme)
    tab.get(electron_app.url)
    assert unreadable(tab) == []


@pytest.fixture
def board(project_root: Path, tmp_path: Path) -> Iterator[Spawned]:
    pytest.importorskip("sqlalchemy")
    with spawned(project_root / "examples/login/main.py", LOGIN_FILE=str(tmp_path / "login.sqlite3")) as served:
        yield served


def is_shown(tab: WebDriver, element: str) -> bool:
    return tab.find_element(By.ID, element).is_displayed()


def notices(tab: WebDriver) -> list[str]:
    texts: list[str] = evaluate(tab, "[...document.querySelectorAll('li')].map((it) => it.firstChild.textContent)")
    return texts


def says(tab: WebDriver, text: str) -> None:
    wait_until(lambda: text in tab.find_element(By.ID, "message").text, f"the page says {text!r}")


def log_in(tab: WebDriver, name: str, password: str) -> None:
    wait_until(lambda: is_shown(tab, "login"), "the form is shown")
    tab.find_element(By.ID, "name").clear()
    tab.find_element(By.ID, "name").send_keys(name)
    tab.find_element(By.ID, "password").send_keys(password + Keys.ENTER)


def test_a_login_opens_the_board_and_a_logout_closes_it_in_every_tab_of_the_session(
    tab: WebDriver, board: Spawned
) -> None:
    tab.get(board.url)
    says(tab, "log in first")
    log_in(tab, "ada", "wrong")
    says(tab, "wrong name or password")
    log_in(tab, "ada", "ada")
    wait_until(lambda: tab.find_element(By.ID, "who").text == "ada, editor", "ada is in, without a reload")
    tab.find_element(By.ID, "text").send_keys("Tea at four" + Keys.ENTER)
    wait_until(lambda: notices(tab) == ["ada: Tea at four"], "the notice is there")
    first = tab.current_window_handle
    second = new_tab(tab)
    tab.get(board.url)
    wait_until(lambda: notices(tab) == ["ada: Tea at four"], "the second tab is in by the cookie")
    tab.find_element(By.ID, "logout").click()
    for handle in (second, first):
        tab.switch_to.window(handle)
        wait_until(lambda: is_shown(tab, "login") and not is_shown(tab, "board"), "it is out")
        assert notices(tab) == []
    # Another user, on the page that the first has left.
    log_in(tab, "bob", "bob")
    wait_until(lambda: tab.find_element(By.ID, "who").text == "bob, reader", "bob is in")
    tab.find_element(By.ID, "text").send_keys("Coffee" + Keys.ENTER)
    says(tab, "only editors may change the board")
    assert notices(tab) == ["ada: Tea at four"]


HOLD = """(async () => {
  const { ipcRenderer } = await import('/ipc/client.js')
  const invoke = ipcRenderer.invoke.bind(ipcRenderer)
  window.answers = []
  ipcRenderer.invoke = async (channel, ...args) => {
    const answer = await invoke(channel, ...args)
    if (channel === 'notices') await new Promise((goOn) => answers.push(goOn))
    return answer
  }
})()"""
"""Lets the page wait for the list that it asks for, as if that came behind what is sent to it meanwhile."""


def test_a_list_that_was_asked_for_before_a_change_does_not_replace_the_newer_one(
    tab: WebDriver, board: Spawned
) -> None:
    tab.get(board.url)
    says(tab, "log in first")
    evaluate(tab, HOLD)
    log_in(tab, "ada", "ada")
    wait_until(lambda: evaluate(tab, "answers.length") == 1, "the page asks for the list")
    tab.find_element(By.ID, "text").send_keys("Tea at four" + Keys.ENTER)
    wait_until(lambda: notices(tab) == ["ada: Tea at four"], "the notice is there")
    evaluate(tab, "(async () => { answers[0](); await new Promise((goOn) => setTimeout(goOn)) })()")
    assert notices(tab) == ["ada: Tea at four"]


@pytest.mark.engines("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_notice_board_has_enough_contrast(tab: WebDriver, board: Spawned, scheme: str) -> None:
    Page(tab, board.url).prefer("prefers-color-scheme", scheme)
    tab.get(board.url)
    says(tab, "log in first")
    assert unreadable(tab) == []
    log_in(tab, "ada", "ada")
    wait_until(lambda: tab.find_element(By.ID, "who").text == "ada, editor", "ada is in")
    assert unreadable(tab) == []
