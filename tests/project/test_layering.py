"""Folders are layers: a file imports only from its own folder and those that its row in tests/project/layers.py allows.

Read with `ast`, imports inside functions and under TYPE_CHECKING included; `sys.modules` would lie, because Pydantic
itself imports `socket`. No arrow points at a test: what two test files share stands in a file of its own beside them.
"""

import re
from pathlib import Path

import pytest

from tests.project.layers import (
    AHEAD,
    BY_TYPE,
    PACKAGE,
    RULES,
    circle,
    faults,
    files_of,
    imports_of,
    room_of,
    rule,
    upward,
)

FILES_AT_MOST = 12
FACES_AT_MOST = 8


@pytest.fixture
def package(project_root: Path) -> Path:
    return project_root / "server" / PACKAGE


def test_each_file_imports_what_the_row_of_its_folder_allows(package: Path) -> None:
    assert faults(package) == []


def test_no_row_allows_a_folder_above_it() -> None:
    assert upward() == []


def test_no_two_files_import_each_other_at_run_time(package: Path) -> None:
    assert circle(package) is None


def test_two_files_name_each_others_types_only_among_the_objects_of_electron(package: Path) -> None:
    assert circle(package, BY_TYPE) is None


def test_each_row_has_its_folder(package: Path) -> None:
    assert {room_of(module) for module in files_of(package)} == RULES.keys() - AHEAD


def test_each_folder_says_what_it_is_for_and_what_it_must_not_know(package: Path) -> None:
    faces = [file for file in package.glob("*/__init__.py") if file.parent.name not in ("testing", "core")]
    silent = [str(face) for face in faces if "ust not know" not in face.read_text(encoding="utf-8")]
    assert silent == []


def test_a_folder_is_small_enough_to_be_read_at_a_glance(package: Path) -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in [package, *package.rglob("*")] if folder.is_dir()}
    assert counts.pop(package) <= FACES_AT_MOST
    # The face of a folder is no file to look for.
    assert {str(folder): count for folder, count in counts.items() if count - 1 > FILES_AT_MOST} == {}


def test_nothing_is_imported_from_a_test_file(project_root: Path) -> None:
    tests = project_root / "tests"
    found = [
        f"{file.relative_to(tests)}, line {line}, imports {name}"
        for file in sorted(tests.rglob("*.py"))
        for name, line, _ in imports_of(file.read_text(encoding="utf-8"))
        if re.match(r"tests\.(\w+\.)*test_", name)
    ]
    assert found == []


TOY_RULES = {
    "__init__": rule("core hub"),
    "hub": rule("core link", "starlette"),
    "link": rule("core", "orjson", wire="websockets"),
    "core": rule("", "pydantic"),
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package that keeps the rules, for a test to break one."""
    package = tmp_path / PACKAGE
    for folder in ("core", "link", "hub"):
        (package / folder).mkdir(parents=True)
        (package / folder / "__init__.py").touch()
    (package / "__init__.py").write_text("from webipc.hub import hub\n")
    (package / "core" / "errors.py").write_text("import enum\nimport pydantic\n")
    (package / "core" / "frame.py").write_text("from .errors import ProtocolError\nfrom webipc.core import errors\n")
    (package / "link" / "connection.py").write_text("import asyncio\nimport orjson\nfrom ..core.frame import Frame\n")
    (package / "link" / "wire.py").write_text("import websockets\nfrom . import connection\n")
    (package / "hub" / "hub.py").write_text("import starlette\nfrom webipc.link import connection\n")
    return package


def test_a_package_that_keeps_the_rules_passes(toy: Path) -> None:
    assert faults(toy, TOY_RULES) == []
    assert circle(toy) is None
    assert upward(TOY_RULES) == []


@pytest.mark.parametrize(
    "line",
    [
        "import asyncio",
        "import os.path",
        "from time import monotonic",
        "import numpy",
        "from fastapi import FastAPI",
        "def later() -> None:\n    import socket",
    ],
)
def test_the_outside_world_is_refused_in_the_core(toy: Path, line: str) -> None:
    (toy / "core" / "errors.py").write_text(line)
    assert [fault.split(",")[0] for fault in faults(toy, TOY_RULES)] == ["core.errors"]


@pytest.mark.parametrize(
    "line",
    [
        "from ..hub import hub",
        "from ..hub.hub import Hub",
        "import webipc.hub.hub",
        "from webipc.link.connection import Connection",
        "from webipc import IpcMain",
        "if TYPE_CHECKING:\n    from webipc.hub.hub import Hub",
        "def later() -> None:\n    from webipc.hub.hub import Hub",
    ],
)
def test_an_import_from_above_is_refused(toy: Path, line: str) -> None:
    (toy / "core" / "frame.py").write_text(line)
    assert [fault.rsplit(", ", 1)[1] for fault in faults(toy, TOY_RULES)] == ["which its folder may not"]


@pytest.mark.parametrize("line", ["import starlette", "from websockets import client", "import pydantic"])
def test_a_package_that_the_row_does_not_name_is_refused(toy: Path, line: str) -> None:
    (toy / "link" / "connection.py").write_text(line)
    assert [fault.split(",")[0] for fault in faults(toy, TOY_RULES)] == ["link.connection"]


def test_a_folder_without_a_row_is_refused(toy: Path) -> None:
    (toy / "stranger").mkdir()
    (toy / "stranger" / "stranger.py").write_text("import webipc.hub.hub\n")
    assert faults(toy, TOY_RULES) == [
        "stranger.stranger is in no folder with a row: add 'stranger' to RULES in tests/project/layers.py"
    ]


def test_a_circle_at_run_time_is_found_and_one_of_types_is_none(toy: Path) -> None:
    (toy / "link" / "connection.py").write_text("if TYPE_CHECKING:\n    from webipc.link.wire import Wire\n")
    assert circle(toy) is None
    assert circle(toy, frozenset({"link"})) is None
    assert circle(toy, frozenset({"hub"})) == "link.connection <- link.wire <- link.connection"
    (toy / "link" / "connection.py").write_text("def later() -> None:\n    from webipc.link.wire import Wire\n")
    assert circle(toy) == "link.connection <- link.wire <- link.connection"


def test_a_row_that_points_up_is_found() -> None:
    assert upward({**TOY_RULES, "core": rule("link")}) == ["core may import link, which stands above it"]
