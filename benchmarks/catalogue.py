"""The subjects: their name in the tables, how they are started, what they need, and which load drives them.

It starts nothing (`servers.py`) and measures nothing (`cells.py`).
"""

from dataclasses import dataclass
from typing import Literal

OURS = "webipc"


@dataclass(frozen=True, slots=True)
class Subject:
    """One server under test."""

    name: str
    runtime: Literal["python", "node"]
    program: str
    """The file's name without its ending, in `subjects/` or in `node/servers/`."""
    package: str
    """The required distribution; without it the subject's row says that it is missing."""
    client: str | None = None
    """Its JavaScript client in `node/clients/`, by the file's name without its ending."""
    dialect: str | None = None
    """Its dialect for the load in C."""

    @property
    def module(self) -> str:
        """The Python module to run."""
        return f"benchmarks.subjects.{self.program}"


SUBJECTS = (
    Subject(OURS, "python", "ours", "webipc", client="ours", dialect="webipc"),
    Subject("bare echo on uvicorn", "python", "bare", "uvicorn", client="bare", dialect="bare"),
    Subject("python-socketio", "python", "python_socketio", "python-socketio", client="socketio", dialect="socketio"),
    Subject(
        "fastapi_websocket_rpc",
        "python",
        "fastapi_websocket_rpc",
        "fastapi-websocket-rpc",
        client="fastapi_websocket_rpc",
        dialect="fastapi_rpc",
    ),
    Subject("FastAPI's tutorial loop", "python", "tutorial", "fastapi", client="tutorial", dialect="tutorial"),
    Subject("picows", "python", "picows_server", "picows", dialect="plain"),
    Subject("node socket.io", "node", "socketio", "socket.io", client="socketio", dialect="socketio"),
    Subject("node ws, JSON-RPC", "node", "ws", "ws", client="ws", dialect="jsonrpc"),
)

BY_NAME = {subject.name: subject for subject in SUBJECTS}
