"""The folders of js-client/src are layers: every import is one that the row of its folder allows.

The rows are in client_layers.py; the toy tree below breaks one rule at a time. Twin: tests/project/test_layering.py
"""

from pathlib import Path

import pytest

from tests.project.client_layers import (
    MOST_FILES,
    UNDIVIDED,
    Import,
    Rule,
    crowded_folders,
    import_faults,
    imports_of,
    row_faults,
    rule_circles,
    run_time_circles,
)


@pytest.fixture
def sources(project_root: Path) -> Path:
    return project_root / "js-client" / "src"


def test_every_import_is_allowed_by_the_row_of_its_folder(sources: Path) -> None:
    assert import_faults(sources) == []


def test_the_table_has_no_circle() -> None:
    assert rule_circles() == []


def test_no_files_of_a_folder_import_each_other_at_run_time(sources: Path) -> None:
    assert run_time_circles(sources) == []


def test_every_folder_has_a_row_and_every_row_a_folder(sources: Path) -> None:
    assert row_faults(sources) == []


def test_no_folder_has_too_many_files(sources: Path) -> None:
    assert crowded_folders(sources) == []


@pytest.mark.parametrize(
    "source, path, is_type",
    [
        ("import { a } from './a.js'", "./a.js", False),
        ("import type { A } from './a.js'", "./a.js", True),
        ("import { type A } from './a.js'", "./a.js", False),
        ("import a, { b } from './a.js'", "./a.js", False),
        ("import * as a from './a.js'", "./a.js", False),
        ("import {\n  a,\n  b,\n} from './a.js'", "./a.js", False),
        ('import "./a.js"', "./a.js", False),
        ("export * from './a.js'", "./a.js", False),
        ("export type { A } from './a.js'", "./a.js", True),
        ("const later = () => import('./a.js')", "./a.js", False),
        ("import type A from 'a'", "a", True),
    ],
)
def test_each_way_to_import_is_read(source: str, path: str, is_type: bool) -> None:
    assert list(imports_of(source)) == [Import(path, source.count("\n") + 1, is_type)]


@pytest.mark.parametrize(
    "source",
    [
        "// import { a } from './a.js'",
        "/**\n * import { a } from './a.js'\n */",
        "const example = `\nimport { a } from './a.js'\n`",
        "export const from = './a.js'",
        "const { url } = import.meta",
        "export interface A {}\nconst words = ['from', './a.js']",
    ],
)
def test_code_that_only_looks_like_an_import_is_not_read(source: str) -> None:
    assert list(imports_of(source)) == []


TOY_RULES = {"core": Rule("The core."), "link": Rule("The link.", "core"), ".": Rule("The entry.", "core link")}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A tree that keeps every rule, for a test to break one."""
    files = {
        "core/errors.ts": "",
        "core/values/index.ts": "import { fail } from '../errors.js'\nimport type { A } from './slots.js'\n",
        "core/values/slots.ts": "import { kind } from './index.js'\n",
        "link/connection.ts": "import { fail } from '../core/errors.js'\nimport { VERSION } from '../version.js'\n",
        "index.ts": "export * from './link/connection.js'\n",
        "version.ts": "",
    }
    for name, source in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return tmp_path


def test_a_tree_that_keeps_the_rules_passes(toy: Path) -> None:
    assert import_faults(toy, TOY_RULES) == []
    assert run_time_circles(toy) == []
    assert row_faults(toy, TOY_RULES) == []
    assert crowded_folders(toy) == []


@pytest.mark.parametrize(
    "source",
    [
        "import { connect } from '../link/connection.js'",
        "import type { Connection } from '../link/connection.js'",
        "export { connect } from '../link/connection.js'",
        "const later = import('../link/connection.js')",
        "import { ipcRenderer } from '../index.js'",
        "import { Buffer } from 'buffer/index.js'",
        "import { readFile } from 'node:fs'",
    ],
)
def test_an_import_that_the_row_does_not_allow_is_found(toy: Path, source: str) -> None:
    (toy / "core" / "errors.ts").write_text(f"\n{source}\n")
    assert [fault.split(" imports ")[0] for fault in import_faults(toy, TOY_RULES)] == ["core/errors.ts, line 2,"]


def test_a_package_that_the_row_names_is_allowed(toy: Path) -> None:
    (toy / "core" / "errors.ts").write_text("import { a } from '@scope/a/file.js'\nimport b from 'b'\n")
    assert import_faults(toy, {**TOY_RULES, "core": Rule("The core.", packages="@scope/a b")}) == []


def test_a_circle_in_the_table_is_found() -> None:
    rules = {"core": Rule("The core.", "link"), "link": Rule("The link.", "page"), "page": Rule("The page.", "core")}
    assert rule_circles(rules) == ["core -> link -> page -> core"]


def test_a_circle_at_run_time_is_found_across_the_folders_of_a_row(toy: Path) -> None:
    (toy / "core" / "errors.ts").write_text("import { kind } from './values/slots.js'\n")
    assert run_time_circles(toy) == ["core/errors.ts -> core/values/slots.ts -> core/values/index.ts -> core/errors.ts"]


def test_a_folder_without_a_row_is_found(toy: Path) -> None:
    (toy / "page").mkdir()
    (toy / "page" / "tab.ts").touch()
    assert row_faults(toy, TOY_RULES) == ["page has no row"]


def test_a_row_without_a_folder_is_found(toy: Path) -> None:
    rules = {**TOY_RULES, "gone": Rule("Nothing."), "link": Rule("The link.", "core lost")}
    assert row_faults(toy, rules) == ["gone is no folder", "lost is no folder"]


def test_a_folder_with_too_many_files_is_found(toy: Path) -> None:
    for folder in ("core/clone", UNDIVIDED):
        (toy / folder).mkdir()
        for number in range(MOST_FILES + 1):
            (toy / folder / f"part{number}.ts").touch()
    assert crowded_folders(toy) == ["core/clone has 13 files"]
