"""The README's Electron example, unchanged, in every engine: preload script, renderer and Python program."""

from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.readme import electron_files
from tests.support.serving import spawned, wait_until

# What a reader adds: imports, an application, and a page with the element and the script tag.
IMPORTS = """from pathlib import Path
from fastapi import FastAPI
from webipc import IpcMain, IpcMainInvokeEvent
app = FastAPI()
"""
PAGE = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'">
<script src="/ipc/preload.js"></script>
<input id="text">
<script src="renderer.js"></script>
"""


def test_the_electron_example_of_the_readme_runs(
    tab: WebDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = electron_files()
    assert sorted(files) == ["main.py", "preload.js", "renderer.js"]
    (tmp_path / "web").mkdir()
    (tmp_path / "7.txt").write_text("seven")
    (tmp_path / "main.py").write_text(IMPORTS + files["main.py"])
    (tmp_path / "preload.js").write_text(files["preload.js"])
    (tmp_path / "web" / "renderer.js").write_text(files["renderer.js"])
    (tmp_path / "web" / "index.html").write_text(PAGE)
    monkeypatch.chdir(tmp_path)
    with spawned(tmp_path / "main.py") as program:
        tab.get(program.url)
        wait_until(lambda: tab.title == "Note 7 is saved", "the page receives the message")
        wait_until(lambda: evaluate(tab, "document.querySelector('#text').value") == "seven", "the page shows the note")
        tab.get("about:blank")
