"""`IpcMain(preload=[...])`: which files are taken, the script that is made of them, and how it is served."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.applications import application
from webipc import IpcMain
from webipc.core.errors import WebipcError
from webipc.preload import Preload, PreloadError, is_module

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def script_of(*files: Path) -> str:
    return Preload(files).script(lambda: "var webipcPreload = runtime;")


def test_each_file_is_the_body_of_a_function_of_its_own_in_their_order(write: Write) -> None:
    files = write("b/first.js", '"use strict";\nconst a = 1'), write("second.js", "const a = 2 // the end")
    lines = script_of(*files).splitlines()
    assert lines[:2] == ["(function () {", "var webipcPreload = runtime;"]
    assert lines[-2:] == ["webipcPreload.loaded();", "})();"]
    names = "require, process, exports, module, __filename, __dirname, Buffer, global, setImmediate, clearImmediate"
    assert lines[2:-2] == [
        f'webipcPreload.run("first.js", function ({names}) {{',
        '"use strict";',
        "const a = 1",
        "});",
        f'webipcPreload.run("second.js", function ({names}) {{',
        "const a = 2 // the end",
        "});",
    ]


def test_a_page_does_not_learn_where_the_files_are(write: Write, tmp_path: Path) -> None:
    assert str(tmp_path) not in script_of(write("preload.js", ""))


def test_a_byte_order_mark_and_the_comment_that_names_a_map_do_not_get_into_the_script(write: Write) -> None:
    script = script_of(write("preload.js", "\ufefflet a\n//# sourceMappingURL=preload.js.map\n"))
    assert "\ufeff" not in script
    assert "//# sourceMappingURL" not in script
    assert "\nlet a\n" in script


def test_a_name_is_a_string_of_javascript_whatever_is_in_it(write: Write) -> None:
    assert r'run("a\"b.js", ' in script_of(write('a"b.js', ""))


def test_a_file_that_is_not_there_is_named_when_the_program_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path / 'preload.js'} does not exist")) as caught:
        IpcMain(preload=["preload.js"])
    assert isinstance(caught.value, PreloadError)
    assert isinstance(caught.value, WebipcError)
    assert (caught.value.path, caught.value.code) == (tmp_path / "preload.js", "preload")


@pytest.mark.parametrize(
    "name, text",
    [
        ("preload.mjs", ""),
        ("preload.js", "import { ipcRenderer } from 'electron'"),
        ("preload.js", '"use strict";import{ipcRenderer as e}from"electron";'),
        ("preload.js", "import 'electron'"),
        ("preload.js", "/* first */ import electron, { ipcRenderer } from 'electron'"),
        ("preload.js", "import * as electron from 'electron'"),
        ("preload.js", "const a = 1\nexport default a"),
        ("preload.js", "const a=1;export{a};"),
        ("preload.js", "function a(){}export const b = 1"),
    ],
)
def test_a_module_is_refused_when_the_program_starts_and_the_text_says_what_to_do(
    write: Write, name: str, text: str
) -> None:
    path = write(name, text)
    with pytest.raises(PreloadError, match=re.escape(f"{path} is an ECMAScript module")) as caught:
        IpcMain(preload=[path])
    assert "Bundle it to CommonJS" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "const { ipcRenderer } = require('electron')",
        "// import { a } from 'b'\n/*\nimport a from 'b'\nexport default a\n*/",
        "const text = \"\\nimport a from 'b'\"",
        "const text = `\nimport a from 'b'\nexport default ${1}\n`",
        "import('./later.js')",
        "exports.a = 1; module.exports = { export: 1, import: 2 }",
        "const exported = 1\nexporter(exported)\nimporter(1)",
        "const electron = require('electron'); electron.import\nlet important = 1",
        'Object.defineProperty(exports, "__esModule", { value: true })',
    ],
)
def test_what_only_looks_like_a_module_is_taken(text: str) -> None:
    assert not is_module(text)


def test_it_is_served_as_one_script_that_is_asked_for_each_time(write: Write) -> None:
    app, _ = application(preload=[write("preload.js", "first()")], origins=["https://app.example"])
    client = TestClient(app)
    answer = client.get("/ipc/preload.js", headers={"Origin": "https://app.example"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "webipcPreload=" in answer.text
    assert "first()" in answer.text
    again = client.get("/ipc/preload.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_in_debug_a_file_is_read_again_and_in_production_it_is_not(write: Write) -> None:
    path = write("preload.js", "first()")
    answers = []
    clients = [TestClient(application(preload=[path], debug=debug)[0]) for debug in (True, False)]
    for text in ("first()", "second()"):
        path.write_text(text, encoding="utf-8")
        answers.append([client.get("/ipc/preload.js") for client in clients])
    (first, kept), (second, still) = answers
    assert "second()" in second.text
    assert first.headers["etag"] != second.headers["etag"]
    assert still.text == kept.text == first.text


@pytest.mark.parametrize("change", ["gone", "module"])
def test_in_debug_a_file_that_cannot_be_served_any_more_says_so_in_the_page(write: Write, change: str) -> None:
    path = write("preload.js", "first()")
    client = TestClient(application(preload=[path, write("other.js", "other()")], debug=True)[0])
    if change == "gone":
        path.unlink()
    else:
        path.write_text("import 'electron'", encoding="utf-8")
    script = client.get("/ipc/preload.js").text
    expected = "does not exist" if change == "gone" else "is an ECMAScript module"
    assert re.search(rf'\nthrow new Error\("the preload script [^\n]*preload\.js {expected}', script)
    assert "other()" in script


def test_without_preload_scripts_the_answer_says_how_to_name_some() -> None:
    answer = TestClient(application()[0]).get("/ipc/preload.js")
    assert answer.status_code == 404
    assert "IpcMain(preload=[...])" in answer.text


def test_the_electron_module_is_served_beside_the_client() -> None:
    client = TestClient(application()[0])
    for name in ("electron.js", "electron.global.js"):
        assert client.get(f"/ipc/{name}").headers["content-type"].startswith("text/javascript")
        assert client.get(f"/ipc/{name}.map").json()["version"] == 3
    assert client.get("/ipc/preload-runtime.js").status_code == 404


@pytest.mark.parametrize("kind", [str, Path])
def test_one_file_in_the_place_of_a_list_is_refused_with_what_to_write(kind: type[str | Path]) -> None:
    given: Any = kind("preload.js")
    with pytest.raises(TypeError, match=r"expected a list of preload scripts, got one: write \['preload\.js'\]"):
        Preload(given)
