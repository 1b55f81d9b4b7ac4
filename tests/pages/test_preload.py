"""`IpcMain(preload=[...])`: which files are accepted, the script that is built from them, and how it is served."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.applications import application
from webipc import IpcMain
from webipc.core.errors import WebipcError
from webipc.pages.preload import Preload, PreloadError, is_module

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


NAMES = "require, process, exports, module, __filename, __dirname, Buffer, global, setImmediate, clearImmediate"


def runtime() -> str:
    return "var webipcPreload = runtime;"


def script_of(*files: Path) -> str:
    """Return everything that a page gets: the script and its parts."""
    preload = Preload(files)
    return "".join(preload.script(runtime, part) for part in (None, *map(str, range(len(files)))))


def test_a_file_is_the_body_of_a_function_behind_what_runs_it(write: Write) -> None:
    script = Preload([write("b/first.js", '"use strict";\nconst a = 1 // the end')]).script(runtime)
    assert script.splitlines() == [
        "(function () {",
        "var webipcPreload = runtime;",
        f'webipcPreload.run("first.js", function ({NAMES}) {{ "use strict";',
        "const a = 1 // the end",
        "});",
        "webipcPreload.loaded();",
        "})();",
    ]


def test_each_of_several_files_is_a_part_in_their_order_and_has_its_own_lines(write: Write) -> None:
    preload = Preload([write("b/first.js", "const a = 1\n1 +"), write("second.js", '"use strict";const a = 2')])
    names = json.dumps(["first.js", "second.js"])
    assert preload.script(runtime).splitlines() == [
        "(function () {",
        "var webipcPreload = runtime;",
        f"webipcPreload.load({names});",
        "})();",
    ]
    assert [preload.script(runtime, str(part)) for part in range(3)] == [
        f'webipcPreload.run("first.js", function ({NAMES}) {{ const a = 1\n1 +\n}});\n',
        f'webipcPreload.run("second.js", function ({NAMES}) {{ "use strict";const a = 2\n}});\n',
        "webipcPreload.loaded();\n",
    ]


@pytest.mark.parametrize("part", ["", "-1", "3", "00", "one", "../first.js"])
def test_what_is_no_part_is_the_script_itself(write: Write, part: str) -> None:
    preload = Preload([write("first.js", ""), write("second.js", "")])
    assert preload.script(runtime, part) == preload.script(runtime)


def test_a_page_does_not_learn_where_the_files_are(write: Write, tmp_path: Path) -> None:
    assert str(tmp_path) not in script_of(write("preload.js", ""))


def test_a_byte_order_mark_and_the_comment_that_names_a_map_do_not_get_into_the_script(write: Write) -> None:
    script = script_of(write("preload.js", "\ufefflet a\n//# sourceMappingURL=preload.js.map\n"))
    assert "\ufeff" not in script
    assert "//# sourceMappingURL" not in script
    assert "{ let a\n" in script


def test_a_name_is_a_string_of_javascript_whatever_is_in_it(write: Write) -> None:
    assert r'run("a\"b.js", ' in script_of(write('a"b.js', ""))


def test_a_file_that_is_not_there_is_named_when_the_program_starts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path / 'preload.js'} does not exist")) as caught:
        IpcMain(preload=[tmp_path / "preload.js"])
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


def test_a_file_that_is_no_text_is_refused_when_the_program_starts(tmp_path: Path) -> None:
    path = tmp_path / "preload.js"
    path.write_bytes(b"const a = '\xff'")
    with pytest.raises(PreloadError, match=r"preload\.js cannot be read: 'utf-8' codec"):
        IpcMain(preload=[path])


def test_a_part_is_served_like_the_script_and_known_by_its_own_content(write: Write) -> None:
    files = [write("first.js", "first()"), write("second.js", "second()")]
    client = TestClient(application(preload=files, origins=["https://app.example"])[0])
    whole, first, second = (client.get(f"/ipc/preload.js{query}") for query in ("", "?part=0", "?v=3&part=1"))
    assert "first()" not in whole.text
    assert "first()" in first.text
    assert "second()" in second.text
    assert len({answer.headers["etag"] for answer in (whole, first, second)}) == 3
    assert {answer.headers["cache-control"] for answer in (whole, first, second)} == {"no-cache"}
    again = client.get("/ipc/preload.js?part=0", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_it_is_served_as_a_script_that_is_asked_for_each_time(write: Write) -> None:
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


@pytest.mark.parametrize("change", ["gone", "module", "no text"])
def test_in_debug_a_file_that_cannot_be_served_any_more_says_so_in_the_page_and_once_in_the_log(
    write: Write, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("preload.js", "first()")
    client = TestClient(application(preload=[path, write("other.js", "other()")], debug=True)[0])
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(b"import 'electron'" if change == "module" else b"\xff")
    with caplog.at_level(logging.ERROR, logger="webipc"):
        scripts = [client.get("/ipc/preload.js", params={"part": part}).text for part in ("0", "1")]
    expected = {"gone": "does not exist", "module": "is an ECMAScript module", "no text": "cannot be read"}[change]
    assert re.search(rf'throw new Error\("the preload script [^\n]*preload\.js {expected}', scripts[0])
    assert "other()" in scripts[1]
    assert [expected in record.message and str(path) in record.message for record in caplog.records] == [True]


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


def test_additional_arguments_are_appended_before_the_first_file_runs(write: Write) -> None:
    file = write("first.js", "first()")
    lines = Preload([file], ["--a=1", '"\n</script>é']).script(runtime).splitlines()
    assert lines[2] == r'webipcPreload.append(["--a=1", "\"\n</script>\u00e9"]);'
    assert "first()" in lines[3]
    assert Preload([file, file], ["--a"]).script(runtime).splitlines()[2:4] == [
        'webipcPreload.append(["--a"]);',
        'webipcPreload.load(["first.js", "first.js"]);',
    ]


@pytest.mark.parametrize(
    "given, text", [("--a", r"expected a list of arguments, got a string: write \['--a'\]"), ([1], "got 1")]
)
def test_additional_arguments_that_are_none_are_refused(given: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Preload([], given)
