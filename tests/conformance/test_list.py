"""docs/electron-conformance.md and the suite agree: each title of the table has its test, and each test its title.

It reads the files of the tests and runs none of them, so it covers tests that an engine cannot run too.
"""

import ast
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.engines import ENGINES

HERE = Path(__file__).parent
TABLE = HERE.parent.parent / "docs" / "electron-conformance.md"

FITS = {"same", "analogue", "none"}


class Row(NamedTuple):
    """One test of Electron, or one behaviour for which Electron has no test."""

    id: str
    title: str
    fit: str
    note: str
    test: str

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.test)


class Listed(NamedTuple):
    """One test of the suite, as read from its source."""

    name: str
    titles: tuple[str, ...]
    engines: tuple[str, ...]


def rows_of(document: str) -> list[Row]:
    lines = [line for line in document.splitlines() if re.match(r"\| [a-z]+-\d+ \|", line)]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


Function = ast.FunctionDef | ast.AsyncFunctionDef


def listed_in(path: Path) -> list[Listed]:
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    functions = [each for each in statements if isinstance(each, Function) and each.name.startswith("test_")]
    return [
        Listed(f"{path.name}::{each.name}", _words(each, "electron"), _words(each, "engines")) for each in functions
    ]


def _words(function: Function, decorator: str) -> tuple[str, ...]:
    """Return the arguments of `@electron("…")` or `@pytest.mark.engines("…")`."""
    calls = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    named = [each for each in calls if ast.unparse(each.func).rpartition(".")[2] == decorator]
    return tuple(ast.literal_eval(argument) for each in named for argument in each.args)


def is_elsewhere(test: str) -> bool:
    """Return whether a test is named with its folder, because it is in another folder than this one."""
    return "/" in test


DOCUMENT = TABLE.read_text(encoding="utf-8")
ROWS = rows_of(DOCUMENT)
TESTS = [
    test for path in sorted(HERE.glob("test_*.py")) if path.name != Path(__file__).name for test in listed_in(path)
]


def test_every_line_of_the_tables_is_a_row() -> None:
    tables = [line for line in DOCUMENT.splitlines() if line.startswith("|")]
    heads = [line for line in tables if line.startswith(("| id |", "|---"))]
    assert len(tables) == len(ROWS) + len(heads)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_complete(row: Row) -> None:
    assert row.fit in FITS
    assert row.title
    assert row.note or row.fit == "same", "what is not the same has a reason"
    assert bool(row.tests) == (row.fit != "none"), "a test, or a reason why there is none"


@pytest.mark.parametrize("field", ["id", "title"])
def test_ids_and_titles_are_unique(field: str) -> None:
    assert [value for value, count in Counter(getattr(row, field) for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_tests_of_a_row_are_those_that_carry_its_title(row: Row) -> None:
    here = [test for test in row.tests if not is_elsewhere(test)]
    assert sorted(here) == sorted(test.name for test in TESTS if row.title in test.titles)


@pytest.mark.parametrize("test", sorted({test for row in ROWS for test in row.tests if is_elsewhere(test)}))
def test_a_test_of_another_folder_exists(test: str) -> None:
    """A title of a TypeScript test, or a Python function, in the notation of docs/electron-parity.md."""
    path, name = re.split("::|: ", test, maxsplit=1)
    text = (HERE.parent.parent / path).read_text(encoding="utf-8")
    assert (f"def {name}(" if path.endswith(".py") else f"('{name}'") in text


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_a_test_has_titles_and_they_are_in_the_table(test: Listed) -> None:
    assert test.titles
    assert set(test.titles) <= {row.title for row in ROWS}


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_a_test_that_an_engine_cannot_run_is_noted_in_the_table(test: Listed) -> None:
    missing = set(ENGINES) - set(test.engines or ENGINES)
    notes = [row.note.lower() for row in ROWS if row.title in test.titles]
    assert [(engine, note) for note in notes for engine in missing if engine not in note] == []
