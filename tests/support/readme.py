"""Reads the examples of the README. The tests run them unchanged, in the checkout and where the wheel is installed."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def readme_files() -> dict[str, str]:
    """Return the files of the example by name: each code block that follows a line with a file name."""
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def electron_files() -> dict[str, str]:
    """Return the files of the Electron example by name: preload script, renderer and Python program."""
    text = README.read_text(encoding="utf-8").split("## Electron files, unchanged", 1)[1]
    scripts, program = re.findall(r"^```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[:2]
    parts = re.split(r"^// ([\w.]+)\n", scripts, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True)) | {"main.py": program}
