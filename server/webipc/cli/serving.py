"""`serve`: uvicorn's settings, made from the options of the command, and the server that has them.

The settings are those that the measurements in benchmarks/README.md chose.
"""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import ChangeReload

from webipc.cli import worker
from webipc.core.limits import DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Serving:
    """How an application is served; which one it is, is in the environment."""

    host: str
    port: int
    # The path at which a proxy serves the application; empty without one.
    root_path: str
    # How long calls that run may take to end.
    graceful_seconds: float
    # As uvicorn takes them; None: its default.
    forwarded_allow_ips: str | None
    # With `webipc dev`, the folder whose changes restart the program.
    reload_folder: str | None = None

    @property
    def text(self) -> str:
        """Return all of it as one string, for an environment variable."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Serving":
        """Return what has this `text`."""
        return cls(**json.loads(text))


def serve(serving: Serving) -> None:
    """Serve until the end: in this process or, with a `reload_folder`, in a child that restarts after each change.

    Raises SystemExit with a status when the application does not start, and KeyboardInterrupt after Ctrl-C.
    """
    config = uvicorn.Config(**server_settings(serving))
    server = _server(config, serving.graceful_seconds)
    if serving.reload_folder is None:
        server.run()
        if not server.started:
            raise SystemExit(1)
        return
    restarter = _restarter() or ChangeReload
    restarter(config, target=server.run, sockets=[config.bind_socket()]).run()


def server_settings(serving: Serving, mark: str = "") -> dict[str, Any]:
    """Return the arguments of uvicorn's configuration. `mark` is put before each line of the log."""
    settings: dict[str, Any] = {
        "app": f"{worker.__name__}:{worker.served.__name__}",
        "factory": True,
        "host": serving.host,
        "port": serving.port,
        "root_path": serving.root_path,
        # Explicit, because uvicorn would read WEB_CONCURRENCY, which hosting services set.
        "workers": 1,
        # Compression costs more than it saves on frames of this size, and memory for every page.
        "http": http_class(),
        "ws": websocket_class(),
        "ws_per_message_deflate": False,
        # Twice the limit of a frame: a frame that is a little too large reaches us, and our error names the limit.
        "ws_max_size": 2 * DEFAULT_LIMITS.socket_bytes,
        "timeout_graceful_shutdown": 1,
        "log_config": _log_config(mark),
        "access_log": serving.reload_folder is None,
    }
    if serving.reload_folder is not None:
        settings |= {"reload": True, "reload_dirs": [serving.reload_folder]}
    else:
        settings["forwarded_allow_ips"] = serving.forwarded_allow_ips
    return settings


def _server(config: uvicorn.Config, graceful_seconds: float) -> uvicorn.Server:
    """Return our server, or uvicorn's own if this version of uvicorn lacks what ours uses."""
    try:
        from webipc.servers.server import DrainingServer
    except ImportError:
        return uvicorn.Server(config)
    return DrainingServer(config, worker.drain, graceful_seconds)


def _restarter() -> Any:
    """Return our supervisor for reload; None, for uvicorn's own, if this version of uvicorn lacks what ours uses."""
    try:
        from webipc.cli.reloader import Restarter
    except ImportError:
        return None
    return Restarter


def websocket_class() -> Any:
    """Return our WebSocket class, or the name of uvicorn's if this version of uvicorn lacks what ours uses."""
    try:
        from webipc.servers.uvicorn import DirectWebSocket
    except ImportError:
        return "websockets-sansio"
    return DirectWebSocket


def http_class() -> Any:
    """Return our HTTP class, for httptools or for h11; or "auto" if this version of uvicorn lacks what ours use."""
    try:
        from webipc.servers.http.by_httptools import BoundedHttp
    except ImportError:
        return _h11_class()
    return BoundedHttp


def _h11_class() -> Any:
    try:
        from webipc.servers.http.by_h11 import BoundedH11
    except ImportError as error:
        text = "request heads have no time limit, and connections are not bounded"
        print(f"webipc: {text}, because of {error}; put a proxy in front", file=sys.stderr)
        return "auto"
    return BoundedH11


def _log_config(mark: str) -> dict[str, Any]:
    """Return uvicorn's own configuration, extended by the logger `webipc` and the mark."""
    loggers = {**LOGGING_CONFIG["loggers"], "webipc": {"handlers": ["default"], "level": "INFO", "propagate": False}}
    formatters = {
        name: {**formatter, "fmt": formatter["fmt"].replace(_PREFIX, f"{_PREFIX}{mark}")}
        for name, formatter in LOGGING_CONFIG["formatters"].items()
    }
    return {**LOGGING_CONFIG, "loggers": loggers, "formatters": formatters}


# How the lines of uvicorn begin.
_PREFIX: Final = "%(levelprefix)s "
