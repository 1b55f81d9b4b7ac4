"""The subjects: their name in the tables, how they are started, what they need, and which load drives them.

It starts nothing (`servers.py`) and measures nothing (`cells/`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

OURS = "webipc"
ROOMY = "webipc, memory of 64 GiB"
BEFORE = "webipc, the other checkout"
AUTHORIZE, DEPENDENCY, DATABASE = "webipc, authorize", "webipc, an async dependency", "webipc, def get_db"
ASKING, GROUP = "webipc, authenticate", "webipc, a group"
WORKERS, SHARED = "webipc, --workers 2", "webipc, --redis"
BARE, TUTORIAL, PICOWS = "bare echo on uvicorn", "FastAPI's tutorial loop", "picows"
PYTHON_SOCKETIO, FASTAPI_RPC = "python-socketio", "fastapi_websocket_rpc"
NODE_SOCKETIO, NODE_WS = "node socket.io", "node ws, JSON-RPC"

_OURS = ("-m", "webipc", "run", "benchmarks.subjects.ours:app", "--port")


@dataclass(frozen=True, slots=True)
class Subject:
    """One server under test."""

    name: str
    runtime: Literal["python", "node"]
    words: tuple[str, ...]
    """The arguments of its interpreter; the port follows them."""
    package: str
    """The required distribution; without it the subject's row says that it is missing."""
    client: str | None = None
    """Its JavaScript client in `node/clients/`, by the file's name without its ending."""
    dialect: str | None = None
    """Its dialect for the load in C."""
    options: tuple[str, ...] = ()
    """Arguments behind the port."""
    checkout: Path | None = None
    """Another checkout of webipc that is to be used in the place of this one."""


def _python(name: str, program: str, package: str, client: str | None, dialect: str) -> Subject:
    return Subject(name, "python", ("-m", f"benchmarks.subjects.{program}"), package, client, dialect)


def _node(name: str, program: str, client: str, dialect: str) -> Subject:
    package = {"socketio": "socket.io"}.get(program, program)
    return Subject(name, "node", (f"benchmarks/node/servers/{program}.mjs",), package, client, dialect)


def _with_people(name: str, app: str) -> Subject:
    """An application of `subjects/people.py`, with one thing that an application with users needs."""
    words = (*_OURS[:3], f"benchmarks.subjects.people:{app}", _OURS[-1])
    return Subject(name, "python", words, "webipc", dialect="webipc")


_WEBIPC = Subject(OURS, "python", _OURS, "webipc", client="ours", dialect="webipc")

SUBJECTS = (
    _WEBIPC,
    replace(_WEBIPC, name=ROOMY, options=("--memory", "64GiB")),
    _with_people(AUTHORIZE, "authorizing"),
    _with_people(DEPENDENCY, "depending"),
    _with_people(DATABASE, "with_database"),
    _with_people(ASKING, "asking"),
    _with_people(GROUP, "grouped"),
    replace(_WEBIPC, name=WORKERS, options=("--workers", "2")),
    # Its Redis is named in the environment: `cells/workers.py` starts one.
    replace(_WEBIPC, name=SHARED),
    _python(BARE, "bare", "uvicorn", "bare", "bare"),
    _python(PYTHON_SOCKETIO, "python_socketio", "python-socketio", "socketio", "socketio"),
    _python(FASTAPI_RPC, "fastapi_websocket_rpc", "fastapi-websocket-rpc", "fastapi_websocket_rpc", "fastapi_rpc"),
    _python(TUTORIAL, "tutorial", "fastapi", "tutorial", "tutorial"),
    _python(PICOWS, "picows_server", "picows", None, "plain"),
    _node(NODE_SOCKETIO, "socketio", "socketio", "socketio"),
    _node(NODE_WS, "ws", "ws", "jsonrpc"),
)

BY_NAME = {subject.name: subject for subject in SUBJECTS}


def compare_with(checkout: Path) -> None:
    """Add webipc as another checkout has it to the subjects."""
    BY_NAME[BEFORE] = replace(_WEBIPC, name=BEFORE, checkout=checkout)
