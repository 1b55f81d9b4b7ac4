"""Which changes reload the pages of `webipc dev`."""

import itertools
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.processes import PROGRAM, line_with, page_at, running
from tests.support.serving import free_port, wait_until
from webipc import IpcMain
from webipc.cli import page_reload
from webipc.mount import mounts


@pytest.mark.parametrize("changes", ["web/index.html", "preload.js"])
def test_dev_reloads_a_page_when_one_of_its_files_changes(tmp_path: Path, changes: str) -> None:
    (tmp_path / "web").mkdir()
    for name in ("web/index.html", "preload.js"):
        (tmp_path / name).write_text("<!doctype html>" if name.endswith("html") else "", encoding="utf-8")
    page_file = tmp_path / changes
    program = tmp_path / "main.py"
    text = PROGRAM.format(pages=f", pages={str(tmp_path / 'web')!r}")
    program.write_text(text.replace("IpcMain()", f"IpcMain(preload=[{str(tmp_path / 'preload.js')!r}])"))
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        line_with(process, "webipc: open")
        with page_at(port, 1) as opened:
            numbers = itertools.count()

            def said_behind_a_change() -> object:
                # The files may not be watched yet, so they change until the page gets the message.
                page_file.write_text(f"{next(numbers)}", encoding="utf-8")
                with suppress(TimeoutError):
                    return opened.recv(0.1)
                return None

            assert wait_until(said_behind_a_change, "the page is told") == '[0,0,["reload",{}]]'


@pytest.mark.parametrize(
    "name, expected",
    [("index.html", True), ("a/b.js", True), (".index.html.swp", False), ("index.html~", False), (".git/HEAD", False)],
)
def test_hidden_files_and_backups_of_an_editor_do_not_reload_a_page(
    tmp_path: Path, name: str, *, expected: bool
) -> None:
    # A hidden folder above the pages does not hide them.
    pages = tmp_path / ".work" / "web"
    pages.mkdir(parents=True)
    app = FastAPI()
    IpcMain().mount(app, pages=pages)
    assert page_reload._concerns(mounts(app), str(pages / name)) is expected
