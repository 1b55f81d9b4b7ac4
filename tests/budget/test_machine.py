"""The memory and the descriptors of the machine, of its container and of the process."""

from pathlib import Path

import pytest

from webipc.budget import machine

GIB = 2**30


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_physical", lambda: 16 * GIB)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_a_limit_the_memory_of_the_machine_counts(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/a\n")
    write(tmp_path / "fs/a/memory.max", "max\n")
    assert machine.memory(tmp_path / "fs", tmp_path / "cgroup") == 16 * GIB
    assert machine.memory(tmp_path / "none", tmp_path / "none") == 16 * GIB


def test_the_smallest_limit_of_the_groups_counts(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/a/b/c\n")
    write(tmp_path / "fs/a/memory.max", f"{GIB}\n")
    write(tmp_path / "fs/a/b/memory.max", f"{2 * GIB}\n")
    write(tmp_path / "fs/a/b/c/memory.max", "max\n")
    assert machine.memory(tmp_path / "fs", tmp_path / "cgroup") == GIB


def test_in_a_container_the_root_of_the_groups_counts(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/docker/0123\n")
    write(tmp_path / "fs/memory.max", f"{GIB}\n")
    assert machine.memory(tmp_path / "fs", tmp_path / "cgroup") == GIB


def test_the_first_version_of_control_groups_counts(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "5:cpu,cpuacct:/\n4:memory:/a\n")
    write(tmp_path / "fs/memory/a/memory.limit_in_bytes", f"{3 * GIB}\n")
    assert machine.memory(tmp_path / "fs", tmp_path / "cgroup") == 3 * GIB


@pytest.mark.parametrize("whole, default", [(16 * GIB, 4 * GIB), (2**20, machine.LEAST_MEMORY)])
def test_the_default_is_a_quarter_and_at_least_64_mib(
    monkeypatch: pytest.MonkeyPatch, whole: int, default: int
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: whole)
    assert machine.default_memory() == default


@pytest.mark.parametrize("workers, default", [("1", 4), ("4", 1), ("", 4), ("none", 4), ("0", 4), ("-2", 4)])
def test_the_workers_of_a_machine_have_the_default_together(
    workers: str, default: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: 16 * 2**30)
    monkeypatch.setenv("WEBIPC_WORKERS", workers)
    assert machine.default_memory() == default * 2**30


def test_a_process_has_a_number_of_descriptors() -> None:
    number = machine.descriptors()
    assert number is None or number > 0
