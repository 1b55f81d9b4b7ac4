"""A program for the command to serve."""

from pathlib import Path

import pytest

from tests.cli.processes import PROGRAM


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
    return file
