"""The command `webipc`: `webipc dev main.py` while you write a program, `webipc run main.py` to serve it.

Chooses the server's settings that the measurements in benchmarks/README.md chose, finds the application, and speaks to
the person at the terminal. Must not know links or messages.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from webipc.access.origins import Origins
from webipc.cli import announce, worker
from webipc.cli.listening import LAST_PORT, free_port, in_url
from webipc.cli.program import StartError, Target, find_target
from webipc.core.limits import DEFAULT_LIMITS
from webipc.ipc_main import DEBUG_VARIABLE, ORIGINS_VARIABLE
from webipc.version import VERSION

DEFAULT_PORT = 8000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status (0 after Ctrl-C, 1 after an error, which is one sentence)."""
    options = _parser().parse_args(arguments)
    try:
        target = find_target(options.app)
        _check_origins(options.origin)
        port = free_port(options.host, options.port, search=options.command == "dev")
    except StartError as error:
        print(f"webipc: {error}", file=sys.stderr)
        return 1
    _set_environment(options, target, port)
    try:
        _serve(_server_settings(options, target, port))
    except KeyboardInterrupt:
        # uvicorn has ended in good order and raises it again for whoever called it.
        pass
    except SystemExit as ended:
        return 1 if ended.code else 0
    finally:
        _forget_environment()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webipc", description="Serve a FastAPI application with an IpcMain.")
    parser.add_argument("--version", action="version", version=f"webipc {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    dev = commands.add_parser("dev", help="while you write it: debug, reload, the browser opens")
    run = commands.add_parser("run", help="serve it")
    for command in (dev, run):
        command.add_argument("app", help="a file (main.py) or an application (package.module:app)")
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        command.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port (default: %(default)s; 0: any)")
        command.add_argument(
            "--root-path",
            type=_root_path,
            default="",
            metavar="PATH",
            help="path under which a proxy serves the application",
        )
        command.add_argument(
            "--origin", action="append", default=[], metavar="URL", help="let pages of this origin connect as well"
        )
    run.add_argument(
        "--forwarded-allow-ips",
        metavar="LIST",
        help="proxies whose X-Forwarded-* headers are true (default: 127.0.0.1)",
    )
    dev.add_argument("--no-open", action="store_true", help="do not open a browser")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {LAST_PORT}, got {text}")
    return int(text)


def _root_path(text: str) -> str:
    """Return a path as ASGI has it: with a slash before it and none behind."""
    inner = text.strip("/")
    return f"/{inner}" if inner else ""


def _check_origins(listed: Sequence[str]) -> None:
    """Raise StartError for what is no origin: here, where it was typed, and not in the process that serves."""
    try:
        Origins(listed)
    except ValueError as error:
        raise StartError(f"--origin: {error}") from None


def _set_environment(options: argparse.Namespace, target: Target, port: int) -> None:
    """Tell the process that serves, which is another one when files are watched."""
    os.environ[worker.TARGET_VARIABLE] = target.text
    os.environ[ORIGINS_VARIABLE] = " ".join([os.environ.get(ORIGINS_VARIABLE, ""), *options.origin]).strip()
    if options.command == "dev":
        os.environ[DEBUG_VARIABLE] = "1"
        os.environ[announce.ADDRESS_VARIABLE] = f"http://{in_url(options.host)}:{port}{options.root_path}"
        if options.no_open:
            os.environ[announce.OPENED_VARIABLE] = "no"
        else:
            os.environ[announce.OPENED_VARIABLE] = str(announce.new_marker())


def _forget_environment() -> None:
    """Leave no file behind."""
    opened = os.environ.pop(announce.OPENED_VARIABLE, "no")
    if opened != "no":
        announce.remove_marker(Path(opened))


def _server_settings(options: argparse.Namespace, target: Target, port: int) -> dict[str, Any]:
    is_dev = options.command == "dev"
    settings: dict[str, Any] = {
        "app": "webipc.cli.worker:served",
        "factory": True,
        "host": options.host,
        "port": port,
        "root_path": options.root_path,
        # Said, or uvicorn takes it from WEB_CONCURRENCY, which hosts of applications set: a link lives in one process.
        "workers": 1,
        # Compression costs more than it saves on frames of this size, and memory for every page.
        "ws": _websocket_class(),
        "ws_per_message_deflate": False,
        # Twice what a frame may be, so that a frame which is too large is told so by us, with its limit.
        "ws_max_size": 2 * DEFAULT_LIMITS.socket_bytes,
        "timeout_graceful_shutdown": 1,
        "log_config": _log_config(),
        "access_log": not is_dev,
    }
    if is_dev:
        settings |= {"reload": True, "reload_dirs": [str(target.folder)]}
    else:
        settings["forwarded_allow_ips"] = options.forwarded_allow_ips
    return settings


def _serve(settings: dict[str, Any]) -> None:
    """Serve until the end: here, or with `reload` in processes that are started anew after each change."""
    restarter = _restarter() if settings.get("reload") else None
    if restarter is None:
        uvicorn.run(**settings)
        return
    config = uvicorn.Config(**settings)
    listening = config.bind_socket()
    restarter(config, target=uvicorn.Server(config).run, sockets=[listening]).run()


def _restarter() -> Any:
    """Return what watches files: ours, or None for uvicorn's where a version of it lacks what ours is built on."""
    try:
        from webipc.cli.reloader import Restarter
    except ImportError:
        return None
    return Restarter


def _websocket_class() -> Any:
    """Return the class for sockets: ours, or uvicorn's alone where a version of it lacks what ours is built on."""
    try:
        from webipc.servers.uvicorn import DirectWebSocket
    except ImportError:
        return "websockets-sansio"
    return DirectWebSocket


def _log_config() -> dict[str, Any]:
    """Return uvicorn's own configuration with our log beside it."""
    loggers = {**LOGGING_CONFIG["loggers"], "webipc": {"handlers": ["default"], "level": "INFO", "propagate": False}}
    return {**LOGGING_CONFIG, "loggers": loggers}


if __name__ == "__main__":
    raise SystemExit(main())
