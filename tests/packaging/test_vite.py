"""The Vite example as a user runs it: a copy with the layout of a checkout, `npm ci`, the packed tarball, a browser.

The dev server with its proxy and its hot updates, the same without a proxy, the build that Python serves, and the
rendering on a server. Files are edited in the copy alone.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser as running_browser
from tests.browser.browsers import closing_new_tabs, console, evaluate
from tests.packaging.conftest import ROOT, Distributions, Installation, run
from tests.support.serving import PATIENCE, Live, free_port, live, spawned, wait_until

CLIENT = "window[Symbol.for('webipc')].ipcRenderer"
PUSHES = ("stroke", "erase", "people")


@pytest.fixture(scope="module")
def example(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with its packages installed; the tarball is at the path that `package.json` names."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "dist").mkdir()
    shutil.copy(distributions.tarball, checkout / "dist")
    made = shutil.ignore_patterns("node_modules", "dist", "__pycache__")
    shutil.copytree(ROOT / "examples/vite-react", checkout / "examples/vite-react", ignore=made)
    run(["npm", "ci", "--prefer-offline"], checkout / "examples/vite-react/web")
    return checkout / "examples/vite-react"


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    with running_browser("chromium") as started:
        yield started


@pytest.fixture
def tab(driver: WebDriver) -> Iterator[WebDriver]:
    """A new tab, with a console of its own; every tab that the test leaves open is closed afterwards."""
    with closing_new_tabs(driver):
        driver.switch_to.new_window("tab")
        console(driver)
        yield driver


class Program(NamedTuple):
    """The Python half of the example, in this process."""

    module: Any
    served: Live

    def people(self) -> list[tuple[int, str]]:
        """Return id and document of every tab that the server knows."""
        contents = self.module.ipc_main.get_all_web_contents()
        return self.served.call(lambda: [(it.id, it.main_frame.frame_token) for it in contents if it.main_frame])


@pytest.fixture
def program(example: Path) -> Iterator[Program]:
    spec = importlib.util.spec_from_file_location("sketch", example / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with live(module.app) as served:
        yield Program(module, served)


@contextmanager
def vite(example: Path, port: int, **environment: str) -> Iterator[str]:
    """Run Vite's dev server, wait until it prints its address, and end it."""
    process = subprocess.Popen(
        [example / "web/node_modules/.bin/vite", "--host", "127.0.0.1", "--port", str(port), "--strictPort"],
        cwd=example / "web",
        env={**os.environ, "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Local:" in line:
                break
        else:
            pytest.fail("".join(lines))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close()


@pytest.fixture
def dev(example: Path, program: Program) -> Iterator[str]:
    """Vite's dev server, with the example's own proxy in front of the program."""
    with vite(example, free_port(), PYTHON_SERVER=program.served.url) as address:
        yield address


@contextmanager
def edited(file: Path, old: str, new: str) -> Iterator[None]:
    """Save a file with another text in it, as an editor would, and restore it afterwards."""
    before = file.read_text(encoding="utf-8")
    assert before.count(old) == 1, f"{old} is in {file.name} once"
    file.write_text(before.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def shown(tab: WebDriver, selector: str) -> list[str]:
    texts: list[str] = evaluate(tab, f"[...document.querySelectorAll('{selector}')].map((it) => it.textContent)")
    return texts


def until_live(tab: WebDriver, *people: str) -> None:
    """Wait until the page is connected and shows who is here."""
    wait_until(lambda: shown(tab, "output") == ["Live"], "the page is live")
    wait_until(lambda: shown(tab, "li") == list(people), f"here are {people}")


def until_strokes(tab: WebDriver, *inks: str) -> None:
    """Wait until the board shows these strokes, as Python has sent them."""
    script = "[...document.querySelectorAll('polyline')].map((it) => it.className.baseVal)"
    wait_until(lambda: evaluate(tab, script) == list(inks), f"the board has {inks}")


def draw(tab: WebDriver, ink: str) -> None:
    tab.find_element(By.CSS_SELECTOR, f"input.{ink}").click()
    board = tab.find_element(By.TAG_NAME, "svg")
    pen = ActionChains(tab, duration=20).move_to_element(board).click_and_hold()
    pen.move_by_offset(60, 20).move_by_offset(20, 60).release().perform()


def warnings_of(tab: WebDriver) -> list[str]:
    """Return the warnings and errors of the console."""
    return [line for line in console(tab) if line.startswith(("SEVERE", "WARNING"))]


def test_what_is_drawn_in_one_tab_shows_in_the_other(tab: WebDriver, dev: str, program: Program) -> None:
    tab.get(dev)
    until_live(tab, "you")
    one = tab.current_window_handle
    tab.switch_to.new_window("tab")
    tab.get(dev)
    until_live(tab, "#1", "you")
    draw(tab, "coral")
    until_strokes(tab, "coral")
    tab.switch_to.window(one)
    until_strokes(tab, "coral")
    draw(tab, "leaf")
    until_strokes(tab, "coral", "leaf")
    assert [stroke.by for stroke in program.module.strokes.values()] == [2, 1]
    tab.find_element(By.XPATH, "//button[text()='Undo']").click()
    until_strokes(tab, "coral")
    assert warnings_of(tab) == []


def test_a_hot_update_keeps_the_state_the_client_and_its_link(
    tab: WebDriver, dev: str, program: Program, example: Path
) -> None:
    tab.get(dev)
    until_live(tab, "you")
    draw(tab, "coral")
    until_strokes(tab, "coral")
    people = program.people()
    tab.execute_script(f"window.before = {CLIENT}")
    source = example / "web/src"
    with edited(source / "App.tsx", "<h1>Sketch</h1>", "<h1>Sketched again</h1>"):
        wait_until(lambda: shown(tab, "h1") == ["Sketched again"], "the component is updated")
        with edited(source / "ipc.ts", "const { connection }", "document.title = 'updated'\nconst { connection }"):
            wait_until(lambda: tab.title == "updated", "the module with the hooks is updated")
            # `before` is there: nothing was reloaded.
            assert tab.execute_script(f"return window.before === {CLIENT}")
            assert tab.find_element(By.CSS_SELECTOR, "input.coral").is_selected()
            listeners = f"return arguments[0].map((channel) => {CLIENT}.listenerCount(channel))"
            wait_until(lambda: tab.execute_script(listeners, PUSHES) == [1] * len(PUSHES), "there is one listener each")
            draw(tab, "leaf")
            until_strokes(tab, "coral", "leaf")
    assert program.people() == people
    assert warnings_of(tab) == []


def test_the_client_that_python_serves_is_the_one_in_the_bundle(tab: WebDriver, dev: str, program: Program) -> None:
    tab.get(dev)
    until_live(tab, "you")
    people = program.people()
    tab.execute_script(f"window.before = {CLIENT}")
    served = (
        "import('/ipc/client.js').then(({ ipcRenderer: it }) => it.invoke('join').then(() => it === window.before))"
    )
    assert evaluate(tab, served)
    assert len(people) == 1
    assert program.people() == people
    assert warnings_of(tab) == []


def test_a_reload_is_the_same_tab_and_a_closed_tab_is_gone(
    tab: WebDriver, dev: str, program: Program, example: Path
) -> None:
    tab.get(dev)
    until_live(tab, "you")
    ((number, document),) = program.people()
    tab.execute_script("window.before = true")
    # A change that no component accepts reloads the page.
    with edited(example / "web/src/main.tsx", "import './style.css'", "import './style.css'\ndocument.title = 'again'"):
        wait_until(lambda: tab.title == "again", "the page is reloaded")
        until_live(tab, "you")
        assert tab.execute_script("return window.before") is None
        wait_until(lambda: len(program.people()) == 1, "the document before is gone")
        ((same, other),) = program.people()
        assert same == number
        assert other != document
    until_live(tab, "you")
    tab.switch_to.new_window("tab")
    tab.get(dev)
    until_live(tab, f"#{number}", "you")
    tab.close()
    wait_until(lambda: list(program.module.people) == [number], "Python knows that the tab is closed")


def test_python_restarts_behind_the_proxy(tab: WebDriver, example: Path) -> None:
    with (
        spawned(example / "main.py") as served,
        vite(example, free_port(), PYTHON_SERVER=served.url) as address,
    ):
        tab.get(address)
        until_live(tab, "you")
        draw(tab, "coral")
        until_strokes(tab, "coral")
        served.kill()
        wait_until(lambda: shown(tab, "output") == ["Reconnecting…"], "the page shows that it is offline")
        draw(tab, "leaf")
        until_strokes(tab, "coral", "leaf waits")
        served.start()
        # The new process starts with an empty board, and gets the stroke that waited.
        until_live(tab, "you")
        until_strokes(tab, "leaf")


def documented_files() -> dict[str, str]:
    """Return the files that docs/bundlers.md shows by name."""
    text = (ROOT / "docs/bundlers.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def test_the_proxy_that_the_documents_show_is_that_of_the_example() -> None:
    (line,) = re.findall(r"proxy: .*", documented_files()["vite.config.ts"])
    config = (ROOT / "examples/vite-react/web/vite.config.ts").read_text(encoding="utf-8")
    assert line.replace("'http://127.0.0.1:8000'", "python") in config


def test_without_a_proxy_the_page_names_its_server(tab: WebDriver, example: Path, installed: Installation) -> None:
    files = documented_files()
    web, page, python = example / "web", free_port(), free_port()
    options = ["--no-open", "--port", str(python), "--origin", f"http://127.0.0.1:{page}"]
    command = [str(installed.python.with_name("webipc")), "dev", "main.py", *options]
    server = subprocess.Popen(command, cwd=example, env=installed.env, stdout=subprocess.DEVNULL)
    for name in (".env", ".env.development"):
        (web / name).write_text(files[name].replace("8000", str(python)), encoding="utf-8")
    try:
        head = "<title>Sketch</title>"
        with edited(web / "index.html", head, head + files["index.html"]), vite(example, page) as address:
            tab.get(address)
            until_live(tab, "you")
            draw(tab, "coral")
            until_strokes(tab, "coral")
            assert evaluate(tab, f"{CLIENT}.connection.debug")
    finally:
        for name in (".env", ".env.development"):
            (web / name).unlink()
        server.terminate()
        server.wait(PATIENCE)


def test_python_serves_what_vite_builds_under_a_strict_policy(tab: WebDriver, example: Path) -> None:
    output = run(["npm", "run", "build"], example / "web")
    assert "warn" not in output.lower()
    with spawned(example / "main.py") as served:
        with urllib.request.urlopen(served.url) as response:
            assert response.headers["Content-Security-Policy"] == "default-src 'self'"
        tab.get(served.url)
        until_live(tab, "you")
        draw(tab, "coral")
        until_strokes(tab, "coral")
        assert console(tab) == []


RENDER = """
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { createServer } from 'vite'
const server = { middlewareMode: true, hmr: false, ws: false }
const vite = await createServer({ server, appType: 'custom', logLevel: 'warn' })
const { App } = await vite.ssrLoadModule('/src/App.tsx')
console.log(renderToString(createElement(App)))
await vite.close()
"""


def test_a_page_can_be_rendered_where_there_is_no_browser(example: Path) -> None:
    rendered = run(["node", "--input-type=module", "--eval", RENDER], example / "web")
    assert rendered.startswith("<main>")
    assert "Connecting…" in rendered
