"""The two cores are twins: the same modules, the same public names, the same vectors, the same version.

A module of the core is a file (`core/frame.py`, `core/frame.ts`) or a folder whose public names are in `__init__.py` or
`index.ts`: each language divides a module in its own way. `values` and `clone` have the same terms and vectors but not
the same structure, so their names are not compared.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import webipc
from tests.support.typescript_names import Export, exports_of

ROOT = Path(__file__).parents[2]
PYTHON_CORE = ROOT / "server" / "webipc" / "core"
CLIENT_CORE = ROOT / "js-client" / "src" / "core"

TWINS = ("errors", "limits", "envelope", "frame", "link", "calls", "ports")
"""Compared name by name."""

LIKE_TWINS = ("values", "clone")
"""Each names its twin; their structure depends on the language."""

ONE_SIDED = {
    ("errors", "IpcError"),  # Python handlers raise it for the caller; a page rejects with any Error
    ("link", "isFull"),  # a page runs one task at a time, and sends at the end of each
    # Functions in TypeScript, not methods: a page does not use them, and the bundler removes unused functions.
    ("link", "claim"),
    ("link", "replace"),
    ("calls", "restore"),
    ("calls", "snapshot"),
    ("ports", "restore"),
    ("ports", "snapshot"),
    # Only a page can block, and be kept from it.
    ("errors", "NoSyncError"),
    # Only a page is refused, and may try again.
    ("errors", "UnauthorizedError"),
    # Only a page sets one, and is told at once that it is none.
    ("envelope", "isBearer"),
    # For the same reason, names that only a server uses are in another file.
    ("envelope", "parsePageControl"),
    ("envelope", "PageControl"),
    ("limits", "SERVER_LIMITS"),
    ("limits", "ServerLimits"),
    # A function that throws is shorter in the bundle than `throw new`; Python has no bundle.
    ("errors", "fail"),
    ("errors", "refuseLarger"),
    ("errors", "refuseMore"),
}
"""Public names that exist in one language only, each with its reason."""


@dataclass
class Definition:
    """One public name of a Python module, and a class's public members."""

    kind: str
    methods: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def definitions_of(source: str) -> dict[str, Definition]:
    """Return the public top-level names of a Python module."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = class_of(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = Definition("function")
        else:
            found.update((name, Definition("value")) for name in targets_of(node))
    return {name: definition for name, definition in found.items() if not name.startswith("_")}


def class_of(node: ast.ClassDef) -> Definition:
    """Return a class's public methods, and its fields: annotated, properties, and what is set on `self`."""
    found = Definition("class")
    for statement in node.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found.fields.update(targets_of(statement))
        elif any(
            "property" in ast.dump(decorator) or "setter" in ast.dump(decorator)
            for decorator in statement.decorator_list
        ):
            found.fields.add(statement.name)
        else:
            found.methods.add(statement.name)
            found.fields.update(attributes_set_in(statement))
    found.methods = {name for name in found.methods if not name.startswith("_")}
    found.fields = {name for name in found.fields if not name.startswith("_")}
    return found


def targets_of(node: ast.stmt) -> Iterator[str]:
    """Yield the names that an assignment binds."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def attributes_set_in(function: ast.AST) -> Iterator[str]:
    """Yield the attributes of `self` that a method assigns."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def camel(name: str) -> str:
    """Return the TypeScript spelling: `take_frame` is `takeFrame`; classes and constants keep theirs."""
    if name != name.lower():
        return name
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def differences(module: str, python: str, typescript: str) -> list[str]:
    """Return one line for each public name or method that only one twin has."""
    ours = {camel(name): definition for name, definition in definitions_of(python).items()}
    theirs = exports_of(typescript)
    callables = {name for name, definition in ours.items() if definition.kind != "value"}
    lines = [f"{module}: only Python has {name}" for name in sorted(callables - theirs.keys())]
    lines += [f"{module}: only TypeScript has {name}" for name in sorted(theirs.keys() - ours.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name].kind == theirs[name].kind == "class":
            lines += member_differences(f"{module}: {name}", ours[name], theirs[name])
    return [line for line in lines if (module, line.rsplit(" ", 1)[1]) not in ONE_SIDED]


def member_differences(name: str, ours: Definition, theirs: Export) -> Iterable[str]:
    """Yield the methods that only one of the classes has; a method here may be a property or a getter there."""
    our_methods, our_fields = ({camel(member) for member in members} for members in (ours.methods, ours.fields))
    yield from (f"{name}: only Python has {it}" for it in sorted(our_methods - theirs.methods - theirs.fields))
    yield from (f"{name}: only TypeScript has {it}" for it in sorted(theirs.methods - our_methods - our_fields))


def faces(core: Path, ending: str, face: str) -> dict[str, Path]:
    """Return the file of each name of a core: `<name><ending>`, or `<name>/<face>` where it is a folder."""
    files = {file.stem: file for file in core.glob(f"*{ending}") if file.stem != "__init__"}
    return files | {file.parent.name: file for file in core.glob(f"*/{face}")}


PYTHON_FACES = faces(PYTHON_CORE, ".py", "__init__.py")
CLIENT_FACES = faces(CLIENT_CORE, ".ts", "index.ts")


def test_the_cores_have_the_same_names() -> None:
    """Except for one Python file without a counterpart."""
    assert PYTHON_FACES.keys() - {"tuples"} == CLIENT_FACES.keys() == {*TWINS, *LIKE_TWINS}


@pytest.mark.parametrize("names", [PYTHON_FACES, CLIENT_FACES], ids=["Python", "TypeScript"])
def test_a_part_stands_in_the_folder_of_its_name(names: dict[str, Path]) -> None:
    assert [name for name in names if {"_", "-"} & set(name)] == []


@pytest.mark.parametrize("name", [*TWINS, *LIKE_TWINS])
def test_each_name_of_the_core_names_its_twin_in_its_header(name: str) -> None:
    python = PYTHON_FACES[name].read_text(encoding="utf-8")
    assert re.search(rf"js-client/src/core/{name}[./]", ast.get_docstring(ast.parse(python)) or "")
    client = CLIENT_FACES[name].read_text(encoding="utf-8")
    assert re.search(rf"server/webipc/core/{name}[./]", client.partition("*/")[0])


@pytest.mark.parametrize("name", TWINS)
def test_twins_have_the_same_public_names(name: str) -> None:
    python, client = (face[name].read_text(encoding="utf-8") for face in (PYTHON_FACES, CLIENT_FACES))
    assert differences(name, python, client) == []


PYTHON_TOY = """
LIMIT = 3
class Link:
    received: int
    def __init__(self) -> None:
        self.attempt = None
    @property
    def ack_due(self) -> bool: ...
    def take_frame(self) -> str | None: ...
    def _grow(self) -> None: ...
def encode_frame() -> str: ...
"""
TYPESCRIPT_TOY = """
/** export class Ghost {} */
const quoted = 'export class }{'
export class Link {
  readonly received = 0
  attempt: number | undefined
  #kept = [/[/'"{]/]
  constructor(private readonly limits: object) { this.#grow() }
  get ackDue(): boolean { return true }
  takeFrame<T>(): T | undefined {
    if (this.attempt) { return `}${this.attempt}` }
    return undefined
  }
  private static grow(): void {}
  #grow(): void {}
}
export function encodeFrame(): string { return '' }
"""


def test_toy_twins_agree() -> None:
    assert differences("toy", PYTHON_TOY, TYPESCRIPT_TOY) == []


@pytest.mark.parametrize(
    "change, line",
    [
        (("takeFrame", "takeFrames"), "toy: Link: only Python has takeFrame"),
        (("takeFrame", "takeFrames"), "toy: Link: only TypeScript has takeFrames"),
        (("function encodeFrame", "function encodeFrames"), "toy: only Python has encodeFrame"),
        (("export class Link", "export class Chain"), "toy: only TypeScript has Chain"),
        (("private static grow", "grow"), "toy: Link: only TypeScript has grow"),
    ],
)
def test_a_name_that_one_toy_twin_lacks_is_reported(change: tuple[str, str], line: str) -> None:
    assert line in differences("toy", PYTHON_TOY, TYPESCRIPT_TOY.replace(*change))


def mentions(vector: Path, tests: Iterable[Path]) -> bool:
    """Return whether one of the test files names the vector file, with or without its extension."""
    name = re.compile(rf"['\"`/]{re.escape(vector.stem)}(\.json)?['\"`]")
    return any(name.search(test.read_text(encoding="utf-8")) for test in tests)


@pytest.mark.parametrize("vector", sorted((ROOT / "tests" / "vectors").glob("*.json")), ids=lambda path: path.stem)
def test_each_vector_file_is_used_by_both_languages(vector: Path) -> None:
    python_tests = set((ROOT / "tests").rglob("*.py")) - {Path(__file__)}
    assert mentions(vector, python_tests), "no Python test names it"
    assert mentions(vector, (ROOT / "js-client" / "test").rglob("*.ts")), "no TypeScript test names it"


def test_every_version_is_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    package = json.loads((ROOT / "js-client" / "package.json").read_text(encoding="utf-8"))["version"]
    lock = json.loads((ROOT / "js-client" / "package-lock.json").read_text(encoding="utf-8"))
    assert {project, package, lock["version"], lock["packages"][""]["version"], webipc.__version__} == {project}
