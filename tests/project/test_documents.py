"""The documents agree with the project: the files and tests that they name exist, and so do the targets of their links.

Every row of docs/electron-parity.md and docs/trials.md names its tests. The README's example is run unchanged.
PROTOCOL.md is checked in test_protocol_document.py.
"""

import ast
import json
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.project.markdown import anchors_of, links_of
from tests.support.readme import readme_files
from webipc.testing import Renderer

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "PROTOCOL.md")]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
PARITY = ROOT / "docs" / "electron-parity.md"
TRIALS = ROOT / "docs" / "trials.md"

STATES = {"✅", "different", "impossible in a browser"}

TITLE = re.compile(r"\b(?:test|describe|it|sameAsNode)\(\s*(['`])((?:\\.|(?!\1).)*)\1", re.DOTALL)
"""A title of a TypeScript test or of a group of them."""


class Row(NamedTuple):
    """One row of the parity table."""

    id: str
    behaviour: str
    state: str
    note: str
    test: str

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.test)


def rows_of(document: str) -> list[Row]:
    """Return the rows of every table whose first column holds ids."""
    lines = [line for line in document.splitlines() if re.match(r"\| [a-z]+-\d+ \|", line)]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


ROWS = rows_of(PARITY.read_text(encoding="utf-8"))
REPORTS = rows_of(TRIALS.read_text(encoding="utf-8"))
"""Of docs/trials.md: `behaviour` is the report with its address, `state` what it says, `note` what webipc does."""


@cache
def names_in(file: str) -> frozenset[str]:
    """Return what a document may name in a file: tests, titles, vectors. Empty if the file does not exist."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        functions = [
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        return frozenset(node.name for node in functions if node.name.startswith("test_"))
    if path.suffix == ".json":
        return frozenset(vector["name"] for vector in json.loads(text))
    return frozenset(re.sub(r"\\(.)", r"\1", title) for _, title in TITLE.findall(text))


def exists(test: str) -> bool:
    """Return whether `tests/x.py::name`, `js-client/test/x.test.ts: title` or `tests/vectors/x.json: name` exists."""
    file, _, name = test.partition("::") if "::" in test else test.partition(": ")
    return name in names_in(file)


def test_the_parity_table_has_rows_of_every_state() -> None:
    assert {row.state for row in ROWS} == STATES
    assert len(ROWS) > 200


def test_every_line_of_the_parity_tables_is_a_row() -> None:
    tables = [line for line in PARITY.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    heads = [line for line in tables if line.startswith(("| id |", "|---"))]
    assert len(tables) == len(ROWS) + len(heads)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_of_the_parity_table_is_complete_and_its_tests_exist(row: Row) -> None:
    assert row.state in STATES
    assert row.behaviour
    assert row.note or row.state == "✅", "a difference needs a note"
    assert row.tests or row.state != "✅", "what is the same needs a test"
    assert [test for test in row.tests if not exists(test)] == []


def test_the_ids_of_the_parity_table_are_unique() -> None:
    assert [row_id for row_id, count in Counter(row.id for row in ROWS).items() if count > 1] == []


def test_a_row_that_is_referred_to_exists() -> None:
    groups = {row.id.partition("-")[0] for row in ROWS}
    text = " ".join(row.behaviour + row.note for row in ROWS)
    named = {match[0] for match in re.finditer(r"\b([a-z]+)-\d+\b", text) if match[1] in groups}
    assert named <= {row.id for row in ROWS}


@pytest.mark.parametrize("report", REPORTS, ids=lambda row: row.id)
def test_a_report_of_the_trials_has_its_address_and_its_tests_exist(report: Row) -> None:
    assert re.fullmatch(r"\[[^\]]+ #(\d+)\]\(https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\1\)", report.behaviour)
    assert report.state
    assert report.note
    assert report.tests
    assert [test for test in report.tests if not exists(test)] == []


def test_the_trials_name_each_report_once_and_rows_that_exist() -> None:
    assert len(REPORTS) > 100
    seen = Counter(row.id for row in REPORTS) + Counter(row.behaviour for row in REPORTS)
    assert [each for each, count in seen.items() if count > 1] == []
    notes = " ".join(row.note for row in REPORTS)
    assert set(re.findall(r"\brow ([a-z]+-\d+)", notes)) <= {row.id for row in ROWS}
    assert set(re.findall(r"same as ([a-z]+-\d+)", notes)) <= {row.id for row in REPORTS}


@pytest.mark.parametrize(
    "test",
    [
        "tests/project/test_documents.py::test_that_does_not_exist",
        "tests/test_missing.py::test_that_does_not_exist",
        "js-client/test/emitter.test.ts: a title that does not exist",
        "tests/vectors/values.json: no-such-vector",
    ],
)
def test_a_test_that_does_not_exist_would_be_noticed(test: str) -> None:
    assert not exists(test)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_has_a_target(document: Path) -> None:
    dead = []
    for link in links_of(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, fragment = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (fragment and fragment not in anchors_of(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_nothing_that_does_not_ship(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    outside = [word for word in ("../shared", "/work/", "/tmp/", "/root/", "/home/") if word in text]
    assert outside == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_project_that_a_document_names_exists(document: Path) -> None:
    top = "server|js-client|static|examples|tests|benchmarks|docs|tools"
    named = set(re.findall(rf"`((?:{top})/[\w./-]+)`", document.read_text(encoding="utf-8")))
    generated = ("js-client/dist", "js-client/node_modules")
    assert [name for name in sorted(named) if not name.startswith(generated) and not (ROOT / name).exists()] == []


def blocks_of(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


async def test_the_example_of_the_readme_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = readme_files()
    assert set(files) == {"main.py", "web/index.html"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    module: dict[str, Any] = {"__name__": "main"}
    exec(compile(files["main.py"], "main.py", "exec"), module)
    async with Renderer(module["app"]) as page:
        assert await page.invoke("add", 1, 2) == 3
        page.send("ping", "hello", 1)
        assert await page.received("pong") == ["hello", 1]
    names = re.findall(r"ipcRenderer\.(?:on|send|invoke)\('(\w+)'", files["web/index.html"])
    assert names == ["pong", "ping", "add"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_block_is_python(document: Path) -> None:
    for block in blocks_of(document.read_text(encoding="utf-8"), "python"):
        compile(block, str(document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, document


def test_the_changelog_has_the_version_or_what_is_unreleased() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings
    assert headings[0] in {"Unreleased", version}


def test_each_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    listed = re.findall(r"^\| \[\d{4}\]\((adr/[^)]+)\)", index, re.MULTILINE)
    assert listed == [f"adr/{path.name}" for path in decisions]


def test_a_decision_has_its_five_parts_and_its_number() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        headings = re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Status", "Context", "Decision", "Consequences", "What was measured"], path.name
