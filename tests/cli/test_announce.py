"""The address that `webipc dev` prints, and the browser that it opens."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.processes import PROGRAM, line_with, restart, running
from tests.support.serving import PATIENCE, free_port, wait_until


def test_dev_prints_the_address_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<!doctype html>", encoding="utf-8")
    program = tmp_path / "main.py"
    program.write_text(PROGRAM.format(pages=f", pages={str(tmp_path / 'web')!r}"), encoding="utf-8")
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert re.search(rf"open http://127.0.0.1:{port}/\n", line_with(process, "webipc: open"))


ENDLESS = """
import asyncio
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from webipc import IpcMain
app = FastAPI()
IpcMain().mount(app)
async def clock():
    while True:
        yield "tick"
        await asyncio.sleep(0.01)
@app.get("/")
async def page():
    {page}
"""


@pytest.mark.parametrize(
    "page", ["return StreamingResponse(clock())", "await asyncio.Event().wait()", "raise RuntimeError"]
)
def test_dev_prints_the_address_of_a_page_that_never_ends_or_fails(tmp_path: Path, page: str) -> None:
    program = tmp_path / "main.py"
    program.write_text(ENDLESS.format(page=page), encoding="utf-8")
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert re.search(rf"open http://127.0.0.1:{port}/\n", line_with(process, "webipc: open"))


def test_dev_warns_that_no_ipc_main_is_mounted(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("from fastapi import FastAPI\napp = FastAPI()\n", encoding="utf-8")
    with running("dev", str(file), "--port", "0", "--no-open") as process:
        assert line_with(process, "webipc: ") == (
            "webipc: no IpcMain is mounted, so no page can connect: call ipc_main.mount(app)\n"
        )


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A program that stands for a browser: it writes the addresses that it should open into the file beside it."""
    script = tmp_path / "bin" / "browser"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\necho "$1" >> "$0.opened"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def opened_by(browser: Path) -> list[str]:
    file = browser.with_name("browser.opened")
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_dev_opens_the_browser_once_and_not_again_after_a_reload(program: Path, browser: Path, display: str) -> None:
    port = free_port()
    displays = {"DISPLAY": "", "WAYLAND_DISPLAY": ""} | {display: "a display"}
    with running("dev", str(program), "--port", str(port), BROWSER=str(browser), **displays) as process:
        line_with(process, "webipc: open")
        wait_until(lambda: opened_by(browser), "the browser is opened")
        restart(process, program, port)
    assert opened_by(browser) == [f"http://127.0.0.1:{port}/ipc/"]


@pytest.mark.parametrize(
    "options, environment",
    [((), {"DISPLAY": "", "WAYLAND_DISPLAY": ""}), (("--no-open",), {"DISPLAY": "a display"})],
    ids=["no display", "--no-open"],
)
def test_dev_opens_no_browser_without_a_display_or_with_no_open(
    program: Path, browser: Path, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), *options, BROWSER=str(browser), **environment) as process:
        line_with(process, "webipc: open")
        restart(process, program, port)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        output = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in output
    assert opened_by(browser) == []


def test_dev_continues_if_there_is_a_display_but_no_browser(program: Path, tmp_path: Path) -> None:
    port = free_port()
    nothing = tmp_path / "empty"
    nothing.mkdir()
    environment = {"DISPLAY": "a display", "BROWSER": "", "PATH": str(nothing)}
    with running("dev", str(program), "--port", str(port), **environment) as process:
        line_with(process, "webipc: open")
        restart(process, program, port)


CLEARS_TEMPORARY_FILES = """
import os, shutil
for entry in os.scandir(os.environ["TMPDIR"]):
    shutil.rmtree(entry) if entry.is_dir() else os.remove(entry)
"""


@pytest.mark.parametrize(
    "does", [CLEARS_TEMPORARY_FILES, "raise SystemExit(3)"], ids=["clears the temporary directory", "does not start"]
)
def test_dev_prints_the_address_if_its_marker_file_is_gone_and_leaves_no_file(
    program: Path, tmp_path: Path, does: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program.write_text(PROGRAM.format(pages="") + does, encoding="utf-8")
    environment = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "TMPDIR": str(temporary)}
    with running("dev", str(program), "--port", str(free_port()), **environment) as process:
        if does == CLEARS_TEMPORARY_FILES:
            line_with(process, "webipc: open")
        else:
            line_with(process, "webipc: waiting")
            wait_until(lambda: list(temporary.iterdir()), "the file is there")
    assert list(temporary.iterdir()) == []
