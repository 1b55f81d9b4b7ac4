"""The examples, as far as they can be tested without a browser. tests/browser/test_examples.py tests their use."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

LINES = {"todo": 150, "login": 200, "prices": 150}


@pytest.fixture
def machine(project_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("machine", project_root / "examples/demo/machine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("example", LINES)
def test_an_example_is_a_small_program(project_root: Path, example: str) -> None:
    kinds = {".py", ".html", ".js", ".css"}
    files = [path for path in (project_root / "examples" / example).rglob("*") if path.suffix in kinds]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert 0 < len(lines) < LINES[example]


def test_the_machine_is_read_with_psutil(machine: ModuleType) -> None:
    pytest.importorskip("psutil")
    reading = machine.reader()()
    assert list(reading) == ["cpu %", "memory %"]
    assert all(0 <= value <= 100 for value in reading.values())


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux has /proc")
def test_the_machine_is_read_from_proc_without_psutil(machine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    reading = machine.reader()()
    assert list(reading) == ["cpu %", "memory %"]
    assert all(0 <= value <= 100 for value in reading.values())


def test_without_psutil_and_proc_the_names_say_that_it_is_this_process(
    machine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(machine, "STAT", Path("/nowhere"))
    assert list(machine.reader()()) == ["cpu of this process %"]
