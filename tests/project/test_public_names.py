"""What `webipc/__init__.py` says is public is what may be imported, and documents and examples use nothing else."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import webipc

ROOT = Path(__file__).parents[2]
MODULES = ("webipc", "webipc.testing", "webipc.uvicorn_websocket", "webipc.redis_emitter")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").rglob("main.py"))


def test_the_docstring_names_the_public_modules_and_the_command() -> None:
    assert webipc.__doc__ is not None
    public = webipc.__doc__.partition("Public are ")[2]
    named = re.findall(r"`(webipc[.\w]*)`", public)
    assert {"webipc", *named} == set(MODULES)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert "the command\n`webipc`" in public
    assert list(scripts) == ["webipc"]


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_lists_all_its_names_once(name: str) -> None:
    module = importlib.import_module(name)
    names = {each for each, value in vars(module).items() if each[0] != "_" and not isinstance(value, ModuleType)}
    assert names == {each for each in module.__all__ if each != "__version__"}
    assert len(module.__all__) == len(set(module.__all__))


@pytest.mark.parametrize(
    "first", ["webipc.ipc_main", "webipc.mount", "webipc.hub.hub", "webipc.names", "webipc.cli.command", *MODULES]
)
def test_the_names_are_there_whatever_is_imported_first(first: str) -> None:
    """They are loaded when one is asked for, and files of the package may have been imported before."""
    code = f"""
import {first}
from webipc import mount, testing
from webipc import *
import webipc
assert [name for name in webipc.__all__ if name not in globals() and name != "__version__"] == []
assert not hasattr(webipc, "nothing")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_is_imported_without_them() -> None:
    """It has to handle Ctrl-C before it loads anything else."""
    code = "import sys, webipc.cli; print(*sorted(name for name in sys.modules if name.startswith('webipc')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["webipc", "webipc.cli", "webipc.version"]


def imported_by(example: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of everything that an example imports from webipc."""
    for node in ast.walk(ast.parse(example.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "webipc":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("webipc."))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_imports_public_names_alone(example: Path) -> None:
    imported = list(imported_by(example))
    assert imported
    assert [each for each in imported if not is_public(*each)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_tells_its_readers_to_import_public_names_alone(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = [(module, name) for module, name in re.findall(r"\b(webipc\.\w+)\.(\w+)", text) if module in MODULES]
    lists = re.findall(r"(?:^ *|`)from (webipc[.\w]*) import ([\w, ]+)", text, re.MULTILINE)
    named += [(module, name.strip()) for module, names in lists for name in names.split(",")]
    assert [each for each in named if not is_public(*each)] == []


def is_public(module: str, name: str) -> bool:
    return module in MODULES and name in importlib.import_module(module).__all__


def test_what_is_not_public_would_be_noticed() -> None:
    assert is_public("webipc.testing", "Renderer")
    assert not is_public("webipc.testing", "Client")
    assert not is_public("webipc.mount", "IpcMount")
