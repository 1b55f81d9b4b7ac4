"""Which changes reload the pages of `webipc dev`."""

from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.processes import PROGRAM, line_with, page_at, running
from tests.support.serving import free_port
from webipc import IpcMain
from webipc.cli import page_reload
from webipc.mount import mounts


@pytest.mark.parametrize("changes", ["web/index.html", "preload.js"])
def test_dev_lets_a_page_load_itself_again_when_a_file_of_it_changes(tmp_path: Path, changes: str) -> None:
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
            # The watcher may not watch yet: it is told until it has heard.
            for number in range(100):
                page_file.write_text(f"{number}", encoding="utf-8")
                with suppress(TimeoutError):
                    assert opened.recv(0.1) == '[0,0,["reload",{}]]'
                    return
    pytest.fail("the page was not told to load itself again")


@pytest.mark.parametrize(
    "name, expected",
    [("index.html", True), ("a/b.js", True), (".index.html.swp", False), ("index.html~", False), (".git/HEAD", False)],
)
def test_what_an_editor_keeps_beside_a_page_is_no_change_of_it(tmp_path: Path, name: str, *, expected: bool) -> None:
    # A folder that is itself below a hidden one is as good as any.
    pages = tmp_path / ".work" / "web"
    pages.mkdir(parents=True)
    app = FastAPI()
    IpcMain().mount(app, pages=pages)
    assert page_reload._concerns(mounts(app), str(pages / name)) is expected
