"""Programs that are packed: webipc inside of a zip file, and what PyInstaller is told by our hook.

PyInstaller itself is not installed here. Its hook runs with a stand-in for the one function that it calls, which finds
what PyInstaller documents: every file of an installed package that is no Python code.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.request import Request, urlopen
from zipfile import ZipFile

from tests.cli.processes import line_with, running
from tests.packaging.conftest import Distributions, Installation
from tests.support.serving import free_port
from webipc.pages.assets import CLIENT_FILES, PRELOAD_RUNTIME

PROGRAM = """
from fastapi import FastAPI
from webipc import IpcMain
import webipc
app = FastAPI()
ipc_main = IpcMain(playground=True, preload=["preload.js"])
ipc_main.mount(app, pages="web")
print("webipc is", webipc.__file__, flush=True)
"""


def get(port: int, path: str) -> tuple[int, bytes]:
    with urlopen(Request(f"http://127.0.0.1:{port}{path}"), timeout=5) as answer:
        return answer.status, answer.read()


def test_a_zipped_package_serves_the_client_the_playground_and_preload_scripts(
    distributions: Distributions, tmp_path: Path
) -> None:
    """A wheel is a zip file: Python imports from it when it is on the path."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("the page")
    (tmp_path / "preload.js").write_text("preloaded()")
    program = tmp_path / "main.py"
    program.write_text(PROGRAM)
    port = free_port()
    with running("run", str(program), "--port", str(port), PYTHONPATH=str(distributions.wheel)) as process:
        assert f"{distributions.wheel}{os.sep}webipc" in line_with(process, "webipc is")
        line_with(process, "running on")
        with ZipFile(distributions.wheel) as archive:
            for name in CLIENT_FILES:
                assert get(port, f"/ipc/{name}") == (200, archive.read(f"webipc/static/{name}"))
            assert get(port, "/ipc/") == (200, archive.read("webipc/static/pages/playground/index.html"))
        assert b"preloaded()" in get(port, "/ipc/preload.js")[1]
        assert get(port, "/") == (200, b"the page")


STAND_IN = """
import importlib.metadata, importlib.util, pathlib, runpy, sys, types

def collect_data_files(package):
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    return [(str(path), str(path.parent.relative_to(folder.parent))) for path in found]

hooks = types.ModuleType("PyInstaller.utils.hooks")
hooks.collect_data_files = collect_data_files
sys.modules["PyInstaller.utils.hooks"] = hooks
(entry,) = importlib.metadata.entry_points(group="pyinstaller40", name="hook-dirs")
(folder,) = entry.load()()
for source, target in runpy.run_path(f"{folder}/hook-webipc.py")["datas"]:
    print(target, pathlib.Path(source).name)
"""


def test_the_hook_for_pyinstaller_collects_the_client_and_every_page(
    installed: Installation, project_root: Path
) -> None:
    collected = set(installed.run("python", "-c", STAND_IN).splitlines())
    pages = [path for path in (project_root / "static").rglob("*") if path.is_file()]
    assert collected >= {f"webipc/static {name}" for name in (*CLIENT_FILES, PRELOAD_RUNTIME)}
    assert collected >= {
        f"webipc/static/pages/{path.parent.relative_to(project_root / 'static')} {path.name}" for path in pages
    }


def test_a_package_without_its_data_files_says_what_to_do(distributions: Distributions, tmp_path: Path) -> None:
    incomplete = tmp_path / "incomplete.zip"
    with ZipFile(distributions.wheel) as wheel, ZipFile(incomplete, "w") as archive:
        for name in wheel.namelist():
            if not name.startswith("webipc/static/"):
                archive.writestr(name, wheel.read(name))
    code = "from webipc.pages.assets import client_file; client_file('client.js')"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(incomplete)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "incomplete.zip/webipc/static/client.js is missing: install webipc from a wheel" in done.stderr
    assert "make build" not in done.stderr
