"""docs/architecture.md agrees with the code: its tables of folders, and every file and name that it mentions.

A code span with a slash or a file extension is a path: from the top of the repository, or the end of a path of ours,
such as `hub.py` or `core/calls` (in both languages). A code span that is an identifier, a dotted name or a call must be
defined in server/webipc or js-client/src.
"""

import builtins
import importlib
import keyword
import re
import sys
from functools import reduce
from pathlib import Path

import pytest

from tests.project import client_layers, layers
from tests.project.defined_names import Definitions, definitions_below, read_python, read_typescript
from tests.project.markdown import anchors_of, code_spans_of, generated, links_of

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "architecture.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
PACKAGE = ROOT / "server" / "webipc"
SOURCES = ROOT / "js-client" / "src"

FOREIGN = {
    # Defined by browsers.
    "MessagePort": "DOM",
    "WebSocket": "DOM",
    "beforeunload": "DOM event",
    "message": "DOM event",
    "pagehide": "DOM event",
    "pageshow": "DOM event",
    "postMessage": "DOM",
    "queueMicrotask": "DOM",
    "sendBeacon": "DOM",
    "sessionStorage": "DOM",
    # Defined by FastAPI.
    "FastAPI": "FastAPI",
    "Request": "FastAPI",
}
"""Names that are not ours, each with its origin. Names of Python and of installed packages are looked up instead."""

INSTALLED = frozenset({"fastapi", "orjson", "pydantic", "starlette", "uvicorn", "websockets"})

PATH = re.compile(r"[\w.@-]+(?:/[\w.@-]+)*/?")
ENDINGS = (".css", ".html", ".js", ".json", ".md", ".mjs", ".py", ".toml", ".ts")
NAME = re.compile(r"@?(?P<name>#?[A-Za-z_$][\w$]*(?:\.#?[A-Za-z_$][\w$]*)*)(?:\(.*\))?")


def is_path(span: str) -> bool:
    return PATH.fullmatch(span) is not None and ("/" in span or span.endswith(ENDINGS))


def paths_of_ours() -> set[str]:
    """Return the path of every file, with and without its extension, and of every folder, with a slash behind it."""
    tops = [PACKAGE, SOURCES, ROOT / "tests", ROOT / "js-client" / "test", ROOT / "static"]
    found = [path for top in tops for path in (top, *top.rglob("*"))]
    files = {path.relative_to(ROOT) for path in found if path.is_file()}
    folders = {f"{path.relative_to(ROOT).as_posix()}/" for path in found if path.is_dir()}
    return folders | {path.as_posix() for file in files for path in (file, file.with_suffix(""))}


def missing_paths(text: str) -> list[str]:
    """Return the paths in a document that are no file or folder of the project."""
    ours = paths_of_ours()
    named = sorted({span for span in code_spans_of(text) if is_path(span)})
    return [
        path
        for path in named
        if not (ROOT / path).exists() and not any(each.endswith((f"/{path}", f"/{path}/")) for each in ours)
    ]


def missing_names(text: str, defined: Definitions) -> list[str]:
    """Return the identifiers in a document that neither the sources nor Python, a browser or FastAPI define."""
    spans = {span for span in code_spans_of(text) if not is_path(span)}
    matches = filter(None, map(NAME.fullmatch, spans))
    return sorted(match["name"] for match in matches if not is_known(match["name"], defined))


def is_known(name: str, defined: Definitions) -> bool:
    if name in defined.words or name in FOREIGN or defined.has(name) or is_of_python(name):
        return True
    # `port.postMessage`: ours, then the browser's.
    owner, _, last = name.rpartition(".")
    return last in FOREIGN and defined.has(owner)


def is_of_python(name: str) -> bool:
    """Return whether a name is a keyword, a builtin, or defined in a module of Python or of an installed package."""
    if keyword.iskeyword(name) or hasattr(builtins, name):
        return True
    module, _, rest = name.partition(".")
    if not rest or not (module in sys.stdlib_module_names or module in INSTALLED):
        return False
    try:
        reduce(getattr, rest.split("."), importlib.import_module(module))
    except AttributeError:
        return False
    return True


@pytest.fixture(scope="module")
def defined() -> Definitions:
    return definitions_below(PACKAGE, SOURCES)


def test_the_table_of_layers_is_the_one_that_the_layering_test_uses() -> None:
    """To update it: `python -m tests.project.layers`."""
    assert generated(TEXT, "layers") == layers.table(PACKAGE)


def test_the_table_of_client_layers_is_the_one_that_the_layering_test_uses() -> None:
    """To update it: `python -m tests.project.client_layers`."""
    assert generated(TEXT, "client layers") == client_layers.table()


def test_every_path_in_the_document_exists() -> None:
    assert missing_paths(TEXT) == []


def test_every_name_in_the_document_is_defined(defined: Definitions) -> None:
    assert missing_names(TEXT, defined) == []


def test_the_sections_that_contributing_links_to_exist() -> None:
    links = links_of((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    fragments = {link.partition("#")[2] for link in links if link.startswith("docs/architecture.md#")}
    assert fragments <= anchors_of(TEXT)


@pytest.mark.parametrize(
    "text, missing",
    [
        ("`hub/hub.py`, `hub/`, `socket-session.ts`, `PROTOCOL.md`, `core/calls` and `server/webipc/core/`", []),
        ("`hub/nub.py`", ["hub/nub.py"]),
        ("`ub.py`", ["ub.py"]),
        ("`server/hub/`", ["server/hub/"]),
    ],
)
def test_a_path_that_does_not_exist_is_found(text: str, missing: list[str]) -> None:
    assert missing_paths(text) == missing


TOY_PYTHON = """
class Base:
    def close(self) -> None:
        self.ended = True

class Link(Base):
    def post(self, kind: str = "ack") -> None: ...
"""
TOY_TYPESCRIPT = """
export class Renderer extends Emitter {
  readonly label = 'ping'
  #deliver(text: string): void { tell(text) }
}
export const start = (): void => undefined
"""


@pytest.fixture
def toy() -> Definitions:
    found = Definitions()
    read_python(TOY_PYTHON, found)
    read_typescript(TOY_TYPESCRIPT, found)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "`Link`, `Link.post`, `Link.post()`, `Link.ended`, `Link.close`, `post('x', 1)`, `kind`, `ack`",
        "`Renderer`, `Renderer.label`, `#deliver`, `Renderer.#deliver`, `start()`, `ping`",
        "`None`, `asyncio.Task`, `fastapi.Depends`, `sessionStorage`, `ended.postMessage`",
        "`make test`, `[1, 2]`, `4409`, `a-b`",
    ],
)
def test_names_that_are_defined_pass(toy: Definitions, text: str) -> None:
    assert missing_names(text, toy) == []


@pytest.mark.parametrize(
    "name", ["Chain", "chain()", "Link.label", "Link.open", "Renderer.post", "tell", "asyncio.Chain", "post.chain"]
)
def test_a_name_that_is_not_defined_is_found(toy: Definitions, name: str) -> None:
    assert missing_names(f"`{name}`", toy) == [name.removesuffix("()")]


def test_a_block_without_its_markers_is_none() -> None:
    assert generated("<!-- layers: generated -->\n\n| a |\n\n<!-- /layers -->", "layers") == "| a |"
    assert generated("<!-- layers: generated -->\n| a |", "layers") is None
