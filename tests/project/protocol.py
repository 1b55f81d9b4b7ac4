"""The text of PROTOCOL.md, its sections and their tables."""

import re
from pathlib import Path

PROTOCOL = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")


def section(number: str) -> str:
    """Return the text of a numbered section, without the sections that follow it."""
    match = re.search(rf"^(#+) {re.escape(number)}\.? .*?(?=^\1 |\Z)", PROTOCOL, re.MULTILINE | re.DOTALL)
    assert match is not None, f"PROTOCOL.md has no section {number}"
    return match[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table in a text, without its head."""
    table = re.search(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
