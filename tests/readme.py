"""Reads the README's first example, which is run here as it stands and where the wheel is installed. Runs nothing."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def readme_files() -> dict[str, str]:
    """Return the files of the example by name: a block behind a line that is a file's name."""
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
