"""Relative paths of a program, `pages="web"` and `preload=["preload.js"]`, begin in the folder of its file."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from webipc import IpcMain

PROGRAM = """
from fastapi import FastAPI
from webipc import IpcMain

class OwnIpcMain(IpcMain):
    def mount(self, app, **settings):
        super().mount(app, **settings)

def make(**settings):
    app = FastAPI()
    OwnIpcMain(preload=settings.pop("preload", [])).mount(app, **settings)
    return app
"""


def page_of(app: FastAPI) -> str:
    return TestClient(app).get("/").text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a program and its page."""
    folder = tmp_path / "project"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "index.html").write_text("beside the program")
    (folder / "preload.js").write_text("besideTheProgram()")
    (folder / "main.py").write_text(PROGRAM)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: another folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def make(project: Path) -> Callable[..., FastAPI]:
    """The function of the program that makes its application, as any other file calls it."""
    spec = importlib.util.spec_from_file_location("program_of_a_test", project / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., FastAPI] = module.make
    return function


def test_they_begin_beside_the_file_whatever_the_working_directory_is(
    make: Callable[..., FastAPI], elsewhere: Path
) -> None:
    app = make(pages="web", preload=["preload.js"])
    assert page_of(app) == "beside the program"
    assert "besideTheProgram()" in TestClient(app).get("/ipc/preload.js").text


def test_the_folder_of_the_program_comes_before_the_working_directory(
    make: Callable[..., FastAPI], elsewhere: Path
) -> None:
    (elsewhere / "web").mkdir()
    assert page_of(make(pages="web")) == "beside the program"


def test_what_is_only_in_the_working_directory_is_found_there(
    make: Callable[..., FastAPI], elsewhere: Path, project: Path
) -> None:
    (project / "web").rename(elsewhere / "web")
    (project / "preload.js").rename(elsewhere / "preload.js")
    app = make(pages="web", preload=["preload.js"])
    assert page_of(app) == "beside the program"
    assert "besideTheProgram()" in TestClient(app).get("/ipc/preload.js").text


def test_an_absolute_path_stays_what_it_is(make: Callable[..., FastAPI], elsewhere: Path, project: Path) -> None:
    (elsewhere / "index.html").write_text("elsewhere")
    assert page_of(make(pages=elsewhere)) == "elsewhere"
    assert page_of(make(pages=str(project / "web"))) == "beside the program"


@pytest.mark.parametrize("settings", [{"pages": "nowhere"}, {"preload": ["nowhere"]}])
def test_what_is_in_neither_is_named_beside_the_program(
    make: Callable[..., FastAPI], elsewhere: Path, project: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        make(**settings)
    assert str(project / "nowhere") in str(caught.value)


def test_code_without_a_file_begins_in_the_working_directory(elsewhere: Path, project: Path) -> None:
    (project / "web").rename(elsewhere / "web")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(PROGRAM, names)
    assert page_of(names["make"](pages="web")) == "beside the program"
    with pytest.raises(FileNotFoundError, match=str(elsewhere / "nowhere")):
        names["make"](pages="nowhere")


def test_a_test_that_mounts_is_such_a_file_itself(elsewhere: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(Path(__file__).parent / "nowhere")):
        IpcMain().mount(FastAPI(), pages="nowhere")
