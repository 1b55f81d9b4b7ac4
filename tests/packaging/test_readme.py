"""The example of the README with nothing but the installed wheel: two files in an empty folder, and one command."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser as running_browser
from tests.browser.browsers import evaluate
from tests.packaging.conftest import Installation
from tests.support.readme import readme_files
from tests.support.serving import PATIENCE, free_port, wait_until


@pytest.fixture(scope="module")
def readers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files of the README."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "web").mkdir()
    for name, text in readme_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    with running_browser("chromium") as started:
        yield started


@contextmanager
def command(installed: Installation, folder: Path, *arguments: str) -> Iterator[str]:
    """Run `webipc` of the installation in a folder, wait until it prints its address, and end it with Ctrl-C."""
    port = free_port()
    program = installed.python.with_name("webipc")
    process = subprocess.Popen(
        [program, *arguments, "--port", str(port)],
        cwd=folder,
        env={**installed.env, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            # `dev` prints the address when the page can be opened; uvicorn's line is printed before that.
            words = "running on" if arguments[0] == "run" else "webipc: open"
            if found := re.search(rf"{words} (http://[^\s/]+)", line):
                yield f"{found[1]}/"
                break
        else:
            pytest.fail("".join(lines))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


def test_the_page_of_the_readme_calls_the_function_of_the_readme(
    installed: Installation, readers_folder: Path, driver: WebDriver
) -> None:
    with command(installed, readers_folder, "dev", "main.py", "--no-open") as address:
        driver.get(address)
        wait_until(lambda: driver.execute_script("return document.body.textContent.trim()") == "3", "the page shows 3")


def test_the_playground_of_an_installed_package_calls_the_function(
    installed: Installation, readers_folder: Path, driver: WebDriver
) -> None:
    with command(installed, readers_folder, "dev", "main.py", "--no-open") as address:
        driver.get(f"{address}ipc/#handle:add")
        wait_until(lambda: "add" in driver.execute_script("return document.body.textContent"), "the channel is listed")
        script = f"import('{address}ipc/client.js').then((client) => client.ipcRenderer.invoke('add', 20, 22))"
        assert evaluate(driver, script) == 42


def test_in_production_there_is_no_playground(installed: Installation, readers_folder: Path, driver: WebDriver) -> None:
    with command(installed, readers_folder, "run", "main.py") as address:
        driver.get(address)
        wait_until(lambda: driver.execute_script("return document.body.textContent.trim()") == "3", "the page shows 3")
        script = "fetch('/ipc/').then((response) => response.status)"
        assert evaluate(driver, script) == 404
