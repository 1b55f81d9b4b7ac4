"""The layers of server/webipc: one row for each folder, and what is wrong with a tree that breaks one.

The order of the rows is the order of imports: a folder imports only folders below it. A new file needs no entry, a new
folder needs a row. What a folder is for stands in the docstring of its `__init__.py`; `table` puts both together, for
docs/architecture.md.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "webipc"


@dataclass(frozen=True)
class Rule:
    """What the files of a folder may import: folders of ours, and installed packages."""

    ours: frozenset[str]
    packages: frozenset[str]
    # Packages that one file or folder inside the folder alone may import, by its name.
    alone: Mapping[str, frozenset[str]]


def rule(ours: str, packages: str = "", **alone: str) -> Rule:
    """Return the rule of a folder; each argument is a list of names with spaces between them."""
    return Rule(_words(ours), _words(packages), {file: _words(names) for file, names in alone.items()})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RULES: Mapping[str, Rule] = {
    "__main__": rule("cli"),
    "cli": rule(
        "core version budget access logs servers cluster mount ipc_main", "fastapi starlette uvicorn watchfiles"
    ),
    "testing": rule("core version concurrency servers ports channels electron cluster mount", "orjson starlette"),
    "__init__": rule("version names"),
    "names": rule("core channels electron groups hub cluster ipc_main"),
    "ipc_main": rule(
        "core budget access logs dependencies channels electron groups dispatch identity hub cluster pages mount",
        "fastapi",
    ),
    "mount": rule("core access hub endpoints pages", "fastapi starlette"),
    "uvicorn_websocket": rule("servers"),
    "redis_emitter": rule("cluster"),
    "pyinstaller": rule("", "PyInstaller"),
    "pages": rule("core access channels", "starlette"),
    "cluster": rule(
        "core version concurrency budget logs access identity channels ports electron link groups dispatch hub "
        "endpoints",
        "orjson pydantic starlette",
        redis_bus="redis",
    ),
    "endpoints": rule("core version concurrency budget access identity servers link hub", "starlette"),
    "hub": rule("core version concurrency budget access channels electron link groups dispatch identity"),
    "identity": rule("core concurrency logs budget access dependencies", "fastapi starlette"),
    "dispatch": rule("core concurrency logs budget access ports channels electron link", "starlette"),
    "groups": rule("core budget logs electron link"),
    "link": rule("core concurrency budget access ports electron"),
    "electron": rule("core concurrency logs access ports channels", "starlette"),
    "channels": rule("core dependencies", "pydantic pydantic_core"),
    "dependencies": rule("", "fastapi starlette"),
    "ports": rule("core concurrency budget", "orjson"),
    "access": rule("core budget"),
    "servers": rule("concurrency budget", "starlette uvicorn websockets"),
    "budget": rule("concurrency"),
    "logs": rule(""),
    "concurrency": rule(""),
    "core": rule("", "annotated_types orjson pydantic pydantic_core typing_extensions"),
    "version": rule(""),
}

BY_TYPE = frozenset({"electron", "testing"})
"""Folders whose files may name each other's types: an event names its sender, a tab the documents that it shows."""

AHEAD: frozenset[str] = frozenset()
"""Folders that have their row, and no files yet."""

OUTSIDE_WORLD = frozenset(
    "asyncio concurrent ctypes fileinput ftplib getpass glob http imaplib logging mmap multiprocessing os pathlib "
    "poplib pty queue random sched secrets select selectors shutil signal smtplib socket socketserver sqlite3 ssl "
    "subprocess tempfile threading time timeit tty urllib webbrowser xmlrpc _thread".split()
)
"""Modules of the standard library that the core may not use: I/O, clocks, randomness, threads, event loops."""


@dataclass(frozen=True)
class Import:
    """One import: which file imports what, in which line, and whether it happens when the program runs."""

    importer: str
    imported: str
    line: int
    at_run_time: bool


def files_of(package: Path) -> dict[str, Path]:
    """Map each module's name inside the package (`core.link.batch`, `core.link`) to its file."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        is_face = parts[-1] == "__init__" and len(parts) > 1
        found[".".join(parts[:-1] if is_face else parts)] = file
    return found


def imports_of(source: str, package: Iterable[str] = ()) -> Iterator[tuple[str, int, bool]]:
    """Yield every dotted name that a source imports, `from a import b` as `a.b`, with its line.

    The last value tells whether it is imported at run time, and not under TYPE_CHECKING. `package` is where relative
    imports begin.
    """
    above = list(package)
    tree = ast.parse(source)
    for_types = {id(node) for block in ast.walk(tree) if _is_for_types(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        at_run_time = id(node) not in for_types
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, at_run_time) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = [*(above[: len(above) - node.level + 1] if node.level else []), *filter(None, [node.module])]
            yield from ((".".join([*origin, alias.name]), node.lineno, at_run_time) for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_in(package: Path) -> Iterator[Import]:
    """Yield every import of a package; of one of its own modules by the module's name, with a dot before it."""
    files = files_of(package)
    for module, file in files.items():
        parents = module.split(".") if file.stem == "__init__" and module != "__init__" else module.split(".")[:-1]
        for name, line, at_run_time in imports_of(file.read_text(encoding="utf-8"), [PACKAGE, *parents]):
            first, _, rest = name.partition(".")
            yield Import(module, _module_named(rest, files) if first == PACKAGE else name, line, at_run_time)


def _module_named(name: str, files: Mapping[str, Path]) -> str:
    """Return the module that a dotted name is, or the one that defines its last part; with a dot before it."""
    parts = name.split(".") if name else []
    for end in (len(parts), len(parts) - 1):
        candidate = ".".join(parts[:end]) or "__init__"
        if end >= 0 and candidate in files:
            return f".{candidate}"
    raise LookupError(f"{PACKAGE}.{name} is in no module of {PACKAGE}")


def room_of(module: str) -> str:
    """Return the folder of a module, or the file that stands in none: what has a row."""
    return module.partition(".")[0]


def faults(package: Path, rules: Mapping[str, Rule] = RULES) -> list[str]:
    """Return one line for each import that its folder's row does not allow."""
    found = []
    for one in imports_in(package):
        room = room_of(one.importer)
        if room not in rules:
            found.append(f"{one.importer} is in no folder with a row: add {room!r} to RULES in tests/project/layers.py")
        elif not _is_allowed(one, rules[room]):
            found.append(f"{one.importer}, line {one.line}, imports {one.imported}, which its folder may not")
    return sorted(set(found))


def _is_allowed(one: Import, its_rule: Rule) -> bool:
    if one.imported.startswith("."):
        room = room_of(one.imported[1:])
        return room == room_of(one.importer) or room in its_rule.ours
    top = one.imported.partition(".")[0]
    if top in sys.stdlib_module_names:
        return room_of(one.importer) != "core" or top not in OUTSIDE_WORLD
    # Python's own from 3.14 on.
    own = {"annotationlib"}
    inside = frozenset(one.importer.split(".")[1:])
    alone = frozenset[str]().union(*(names for part, names in its_rule.alone.items() if part in inside))
    return top in its_rule.packages | alone | own


def circle(package: Path, by_type_within: frozenset[str] | None = None) -> str | None:
    """Return the files of a circle of imports, as one line; None where there is no circle.

    Without `by_type_within`, imports at run time alone count. With it, those under TYPE_CHECKING count too, except
    where both files are in the same one of these folders.
    """
    below: dict[str, set[str]] = {module: set() for module in files_of(package)}
    for one in imports_in(package):
        if not one.imported.startswith(".") or one.imported[1:] == one.importer:
            continue
        rooms = {room_of(one.importer), room_of(one.imported[1:])}
        if one.at_run_time or (by_type_within is not None and not (len(rooms) == 1 and rooms <= by_type_within)):
            below[one.importer].add(one.imported[1:])
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return None


def upward(rules: Mapping[str, Rule] = RULES) -> list[str]:
    """Return one line for each folder above its own that a row allows. Without one, the table has no circle."""
    order = list(rules)
    return [
        f"{room} may import {other}, which stands above it"
        for number, room in enumerate(order)
        for other in sorted(rules[room].ours)
        if other not in order[number + 1 :]
    ]


def table(package: Path, rules: Mapping[str, Rule] = RULES) -> str:
    """Return the rows as a table of Markdown, each with what the folder says of itself."""
    rows = ["| folder | what it is for | may import | installed packages |", "|---|---|---|---|"]
    for room, its_rule in rules.items():
        file = package / room / "__init__.py" if (package / room).is_dir() else package / f"{room}.py"
        if not file.exists():
            continue
        name = f"`{room}/`" if file.stem == "__init__" and room != "__init__" else f"`{room}.py`"
        purpose = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        ours = ", ".join(other for other in rules if other in its_rule.ours and _is_there(package, other))
        packages = sorted(its_rule.packages) + [f"{', '.join(sorted(n))} in {f}" for f, n in its_rule.alone.items()]
        rows.append(f"| {name} | {purpose} | {ours or 'nothing'} | {', '.join(packages) or 'none'} |")
    return "\n".join(rows)


def _is_there(package: Path, room: str) -> bool:
    return (package / room).is_dir() or (package / f"{room}.py").exists()


if __name__ == "__main__":
    # The table for docs/architecture.md: python -m tests.project.layers
    print(table(Path(__file__).parents[2] / "server" / PACKAGE))  # noqa: T201 - a program
