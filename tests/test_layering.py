"""Arrows point down: a module imports only from its own layer and those below, and the core touches no outside world.
No arrow points at a test: what two test files share stands in a file of its own beside them.

Read with `ast`, imports inside functions and under TYPE_CHECKING included; `sys.modules` would lie, because Pydantic
itself imports `socket`. Twin: the part for `src/core/` of js-client/eslint.config.js.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "webipc"

Layers = Sequence[Sequence[str]]

LAYERS: Layers = (
    # Top to bottom; modules of one layer may import each other. A new module has to be put in its place here.
    ("cli", "__main__"),
    ("serving", "testing", "renderer_event", "uvicorn_websocket"),
    ("program", "watching"),
    ("page_connection", "renderer_errors"),
    ("in_memory",),
    ("__init__",),
    ("ipc_main",),
    ("app", "playground"),
    ("websocket_endpoint", "beacon_endpoint", "sync_endpoint"),
    ("body_endpoint",),
    ("hub",),
    ("settings",),
    ("dispatch",),
    ("router",),
    ("turns",),
    # A transport tells its connection when it can write again; the connection sees it as an object that writes.
    ("websocket_transport", "websocket_source"),
    ("link_outlet",),
    ("connection", "page_link"),
    ("tabs",),
    ("link_ports", "page_calls", "sync_calls"),
    # Electron's objects name each other: a contents its frames, a frame its contents, an event both.
    ("web_contents", "web_frame_main", "ipc_event", "ipc_main_impl", "handler", "error_reply"),
    ("post_arguments",),
    ("message_port_main",),
    ("port_end",),
    ("bounds", "port_allowance"),
    ("arguments",),
    ("absence", "dependencies"),
    ("emitter", "inbox", "pump", "waiting_room"),
    ("direct",),
    ("started", "arrival", "fatal", "event"),
    ("assets", "origins", "preload", "version", "visitor"),
    ("core.__init__",),
    ("core.calls", "core.ports"),
    ("core.link",),
    ("core.link_batch",),
    ("core.link_parcel",),
    ("core.envelope",),
    ("core.envelope_fields", "core.envelope_rows"),
    ("core.frame",),
    ("core.clone",),
    ("core.clone_decode", "core.clone_encode"),
    ("core.clone_models", "core.clone_outward", "core.clone_scan", "core.clone_segments"),
    ("core.clone_buffers", "core.clone_leaves", "core.clone_places"),
    ("core.clone_reach",),
    ("core.values",),
    ("core.values_array", "core.values_binary", "core.values_error", "core.values_keyed", "core.values_regexp"),
    ("core.values_pattern", "core.values_scalar"),
    ("core.values_schema",),
    ("core.limits",),
    ("core.errors", "core.tuples"),
)

CORE_PACKAGES = frozenset({"annotated_types", "orjson", "pydantic", "pydantic_core", "typing_extensions"})
"""The installed packages that the core may use. NumPy is not one: its arrays are recognised without importing it."""

OUTSIDE_WORLD = frozenset(
    "asyncio concurrent ctypes fileinput ftplib getpass glob http imaplib logging mmap multiprocessing os pathlib "
    "poplib pty queue random sched secrets select selectors shutil signal smtplib socket socketserver sqlite3 ssl "
    "subprocess tempfile threading time timeit tty urllib webbrowser xmlrpc _thread".split()
)
"""Modules of the standard library that the core may not use: I/O, clocks, randomness, threads, event loops."""


@dataclass(frozen=True)
class Arrow:
    """One import: who imports what, where."""

    importer: str
    imported: str
    line: int


def modules_of(package: Path) -> dict[str, Path]:
    """Map each module's name inside the package (`core.link`, `core.__init__`) to its file."""
    return {".".join(file.relative_to(package).with_suffix("").parts): file for file in sorted(package.rglob("*.py"))}


def imports_of(module: str, source: str) -> Iterator[tuple[str, int]]:
    """Yield every absolute dotted name that the source imports, `from a import b` as `a.b`, with its line."""
    package = [PACKAGE, *module.split(".")][:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)


def module_named(name: str, modules: dict[str, Path]) -> str:
    """Return the module that a dotted name is, or else the one that defines its last part."""
    parts = name.split(".")[1:]
    for end in (len(parts), len(parts) - 1):
        for candidate in (".".join(parts[:end]), ".".join([*parts[:end], "__init__"])):
            if candidate in modules:
                return candidate
    raise LookupError(f"{name} is in no module of {PACKAGE}")


def arrows(package: Path) -> Iterator[tuple[Arrow, bool]]:
    """Yield every import in the package, and whether it is one of the package's own modules."""
    modules = modules_of(package)
    for module, file in modules.items():
        for name, line in imports_of(module, file.read_text(encoding="utf-8")):
            own = name.split(".")[0] == PACKAGE
            yield Arrow(module, module_named(name, modules) if own else name, line), own


def level(module: str, layers: Layers) -> int:
    """Return the number of a module's layer, 0 at the top; raises `LookupError` for a module that no layer lists."""
    for number, layer in enumerate(layers):
        if module in layer:
            return number
    raise LookupError(f"{module} is in no layer: add it to LAYERS in tests/test_layering.py")


def faults(package: Path, layers: Layers = LAYERS) -> list[str]:
    """Return one line for each import that points up, and for each one that the core may not have."""
    found = []
    for arrow, own in arrows(package):
        where = f"{arrow.importer}, line {arrow.line}, imports {arrow.imported}"
        if own and level(arrow.imported, layers) < level(arrow.importer, layers):
            found.append(f"{where}, which is in a layer above it")
        if not own and arrow.importer.startswith("core.") and is_outside(arrow.imported):
            found.append(f"{where}, which the core may not")
    return found


def is_outside(name: str) -> bool:
    """Tell whether the core has to do without a module of another package."""
    top = name.partition(".")[0]
    return top in OUTSIDE_WORLD or top not in (sys.stdlib_module_names | CORE_PACKAGES)


def test_every_module_has_its_layer(project_root: Path) -> None:
    for module in modules_of(project_root / "server" / PACKAGE):
        level(module, LAYERS)


def test_arrows_point_down_and_the_core_is_pure(project_root: Path) -> None:
    assert faults(project_root / "server" / PACKAGE) == []


def test_nothing_is_imported_from_a_test_file(project_root: Path) -> None:
    tests = project_root / "tests"
    found = [
        f"{file.relative_to(tests)}, line {line}, imports {name}"
        for file in sorted(tests.rglob("*.py"))
        for name, line in imports_of(file.stem, file.read_text(encoding="utf-8"))
        if re.match(r"tests\.(\w+\.)*test_", name)
    ]
    assert found == []


TOY_LAYERS = (("__init__",), ("hub", "router"), ("core.__init__",), ("core.link",), ("core.errors",))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package that keeps the rules, for a test to break one."""
    package = tmp_path / PACKAGE
    (package / "core").mkdir(parents=True)
    (package / "core" / "__init__.py").touch()
    (package / "core" / "errors.py").write_text("import enum\nimport pydantic\n")
    (package / "core" / "link.py").write_text("from .errors import ProtocolError\nfrom webipc.core import errors\n")
    (package / "hub.py").write_text("import asyncio\nfrom . import router\nfrom .core.link import Link\n")
    (package / "router.py").write_text("import webipc.hub\n")
    return package


def test_a_package_that_keeps_the_rules_passes(toy: Path) -> None:
    assert faults(toy, TOY_LAYERS) == []


@pytest.mark.parametrize(
    "line",
    [
        "import asyncio",
        "import os.path",
        "from time import monotonic",
        "import numpy",
        "from fastapi import FastAPI",
        "def later() -> None:\n    import socket",
    ],
)
def test_the_outside_world_is_refused_in_the_core(toy: Path, line: str) -> None:
    (toy / "core" / "errors.py").write_text(line)
    assert [fault.split(",")[0] for fault in faults(toy, TOY_LAYERS)] == ["core.errors"]


@pytest.mark.parametrize(
    "line",
    [
        "from . import link",
        "from .link import Link",
        "from .. import hub",
        "from ..hub import Hub",
        "import webipc.hub",
        "from webipc.core.link import Link",
        "from webipc import IpcMain",
        "if TYPE_CHECKING:\n    from webipc.hub import Hub",
    ],
)
def test_an_arrow_that_points_up_is_refused(toy: Path, line: str) -> None:
    (toy / "__init__.py").touch()
    (toy / "core" / "errors.py").write_text(line)
    assert [fault.rsplit(", ", 1)[1] for fault in faults(toy, TOY_LAYERS)] == ["which is in a layer above it"]


def test_a_module_that_no_layer_lists_is_refused(toy: Path) -> None:
    (toy / "stranger.py").write_text("import webipc.hub\n")
    with pytest.raises(LookupError, match="stranger is in no layer"):
        faults(toy, TOY_LAYERS)
