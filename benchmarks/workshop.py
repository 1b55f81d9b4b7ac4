"""Prepares a run: a virtual environment for the Python subjects, the packages for Node, the load in C.

Each part is built once and kept until its recipe changes. If a part cannot be built, the subjects that need it become
rows of the table that give the reason; the others are measured.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.catalogue import OURS, Subject

HERE = Path(__file__).parent
ROOT = HERE.parent
NODE = HERE / "node"
BUNDLE = ROOT / "js-client" / "dist" / "index.js"

_VERSIONS = """
import importlib.metadata as m, json
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in m.distributions()}))
"""


@dataclass(slots=True)
class Tools:
    """What was prepared, and what is missing."""

    python: Path
    """The interpreter of the Python subjects."""
    node: str | None = None
    load: Path | None = None
    """The load in C."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of every package that the subjects may use, by its name."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why something is missing, by the name of a package, or `node` or `load`."""

    def why_not(self, subject: Subject) -> str | None:
        """The reason why a subject cannot be started, or None."""
        if subject.runtime == "node" and self.node is None:
            return self.reasons["node"]
        if subject.package not in self.versions:
            return self.reasons.get(subject.package, f"{subject.package} is not installed")
        return None

    def why_no_page(self, subject: Subject, *, needs_packages: bool = True) -> str | None:
        """The reason why its JavaScript client cannot run, or None."""
        if self.node is None:
            return self.reasons["node"]
        package = "socket.io-client" if subject.client == "socketio" else "ws"
        if needs_packages and package not in self.versions:
            return self.reasons[package]
        if subject.client == "ours" and not BUNDLE.is_file():
            return "the client is not built (run: make build)"
        return None


def find() -> Tools:
    """Use the interpreter that runs this, and what is built and installed already. A failure is a reason, as below."""
    tools = Tools(Path(sys.executable))
    _list_packages(tools)
    _find_node(tools)
    _prepare_load(tools)
    return tools


def prepare() -> Tools:
    """Prepare what is missing. Raises nothing: a failure is a reason in the result."""
    tools = Tools(HERE / ".venv" / "bin" / "python")
    _prepare_python(tools)
    _prepare_node(tools)
    _prepare_load(tools)
    return tools


def _run(*command: str | Path, cwd: Path = ROOT) -> str | None:
    """Run a command quietly; return the end of its error output when it failed, else None."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"{command[0]} ended with {done.returncode}"


def _prepare_python(tools: Tools) -> None:
    """Install every requirement separately, under the constraint of all, so that a failure affects no other."""
    requirements = HERE / "requirements.txt"
    stamp = tools.python.parent.parent / ".installed"
    recipe = requirements.read_text() + (ROOT / "pyproject.toml").read_text()
    if not (stamp.is_file() and stamp.read_text() == recipe):
        _say("installing the Python subjects into benchmarks/.venv")
        if not tools.python.exists():
            _run(sys.executable, "-m", "venv", tools.python.parent.parent)
        _install(tools, requirements)
        if not tools.reasons:
            stamp.write_text(recipe)
    if tools.python.exists():
        _list_packages(tools)


def _list_packages(tools: Tools) -> None:
    listed = subprocess.run([str(tools.python), "-c", _VERSIONS], capture_output=True, text=True, check=True)
    tools.versions.update(json.loads(listed.stdout))


def _install(tools: Tools, requirements: Path) -> None:
    pip = (tools.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", requirements)
    lines = [line.strip() for line in requirements.read_text().splitlines()]
    for line in [line for line in lines if line and not line.startswith("#")]:
        if reason := _run(*pip, line):
            tools.reasons[line.partition("==")[0]] = reason
    if reason := _run(*pip, "-e", ROOT):
        tools.reasons[OURS] = reason


def _find_node(tools: Tools) -> bool:
    """Find Node and the packages that are installed for it; return whether Node is there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        tools.reasons["node"] = "node and npm are not on PATH"
        return False
    tools.node = node
    for package in json.loads((NODE / "package.json").read_text())["dependencies"]:
        manifest = NODE / "node_modules" / package / "package.json"
        if manifest.is_file():
            tools.versions[package] = json.loads(manifest.read_text())["version"]
        else:
            tools.reasons.setdefault(package, f"{package} is not installed in benchmarks/node")
    return True


def _prepare_node(tools: Tools) -> None:
    stamp, lock = NODE / "node_modules" / ".package-lock.json", NODE / "package-lock.json"
    npm = shutil.which("npm")
    if npm is not None and (not stamp.is_file() or stamp.stat().st_mtime < lock.stat().st_mtime):
        _say("installing the subjects on Node into benchmarks/node/node_modules")
        reason = _run(npm, "ci", "--no-audit", "--no-fund", cwd=NODE)
        if reason is None:
            stamp.touch()
        else:
            tools.reasons |= dict.fromkeys(("ws", "socket.io", "socket.io-client"), f"npm ci failed: {reason}")
    _find_node(tools)


def _prepare_load(tools: Tools) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        tools.reasons["load"] = "the load in C needs Linux and a C compiler"
        return
    sources = sorted((HERE / "load").glob("*.[ch]"))
    program = HERE / "build" / "load"
    if not program.is_file() or program.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        _say("compiling the load")
        program.parent.mkdir(exist_ok=True)
        units = [source for source in sources if source.suffix == ".c"]
        if reason := _run(compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", program, *units):
            tools.reasons["load"] = reason
            return
    tools.load = program


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
