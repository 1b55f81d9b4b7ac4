"""Reads the examples of the README, which are run as they stand: here, and where the wheel is installed. Runs none."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def readme_files() -> dict[str, str]:
    """Return the files of the example by name: a block behind a line that is a file's name."""
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def electron_files() -> dict[str, str]:
    """Return the files of the Electron example by name: preload script and renderer, of one block, and the Python."""
    text = README.read_text(encoding="utf-8").split("## Electron files, unchanged", 1)[1]
    scripts, program = re.findall(r"^```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[:2]
    parts = re.split(r"^// ([\w.]+)\n", scripts, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True)) | {"main.py": program}
