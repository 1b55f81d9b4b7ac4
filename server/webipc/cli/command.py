"""The command `webipc`: its options, and what they set in the environment of the process that serves.

`webipc dev main.py` is for development, `webipc run main.py` for production.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from webipc.access.hosts import ANY, Hosts, is_loopback
from webipc.access.origins import Origins
from webipc.budget.sizes import parse_size
from webipc.cli import announce, worker
from webipc.cli.host_check import HOSTS_VARIABLE
from webipc.cli.listening import LAST_PORT, bound, free_port, in_url
from webipc.cli.program import StartError, Target, find_target
from webipc.cli.serving import Serving, serve
from webipc.cli.supervisor.becoming import become_parent, worker_command
from webipc.cli.supervisor.options import ALONE_SECONDS, TOGETHER_SECONDS, Scale, add_options, scale_of
from webipc.cli.supervisor.plan import Plan
from webipc.ipc_main import DEBUG_VARIABLE, MEMORY_VARIABLE, ORIGINS_VARIABLE
from webipc.version import VERSION

DEFAULT_PORT = 8000
LONGEST_SECONDS = 3600
# A developer waits for each restart.
DEV_GRACEFUL_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 after Ctrl-C, 1 after an error, which is printed in one sentence.

    `arguments` are those of the command line; None: `sys.argv[1:]`. Raises SystemExit for wrong options, `--help` and
    `--version`, as argparse does.
    """
    options = _parser().parse_args(arguments)
    try:
        target = find_target(options.app)
        _check_origins(options.origin)
        _check_hosts(options.allow_host)
        scale = scale_of(options)
        if scale.workers > 1:
            _serve_with_workers(options, target, scale)
        port = free_port(options.host, options.port, search=options.command == "dev")
    except StartError as error:
        print(f"webipc: {error}", file=sys.stderr)
        return 1
    _set_environment(options, target, port, scale)
    try:
        serve(_serving(options, target, port, scale))
    except KeyboardInterrupt:
        # uvicorn has shut down, and raises the signal again for its caller.
        pass
    except SystemExit as ended:
        return 1 if ended.code else 0
    finally:
        _clear_environment()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webipc", description="Serve a FastAPI application that has an IpcMain.")
    parser.add_argument("--version", action="version", version=f"webipc {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    dev = commands.add_parser("dev", help="serve for development: debug mode, reload, opens a browser")
    run = commands.add_parser("run", help="serve for production")
    for command in (dev, run):
        command.add_argument("app", help="a file (main.py) or an application (package.module:app)")
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        command.add_argument(
            "--port",
            type=_port,
            default=DEFAULT_PORT,
            help="port to listen on (default: %(default)s; 0: any free one)",
        )
        command.add_argument(
            "--root-path",
            type=_root_path,
            default="",
            metavar="PATH",
            help="path at which a proxy serves the application",
        )
        command.add_argument(
            "--origin",
            action="append",
            default=[],
            metavar="URL",
            help="also let pages of this origin connect (repeatable)",
        )
        command.add_argument(
            "--allow-host",
            action="append",
            default=[],
            metavar="HOST",
            help="also answer requests for this host, such as app.example, *.app.example, or * for any (repeatable)",
        )
        command.add_argument(
            "--memory",
            type=_memory,
            metavar="SIZE",
            help="most that pages may make the process hold, such as 512MiB (default: a quarter of the memory)",
        )
    run.add_argument(
        "--forwarded-allow-ips",
        metavar="LIST",
        help="addresses of proxies whose X-Forwarded-* headers are trusted (default: 127.0.0.1)",
    )
    run.add_argument(
        "--graceful-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long calls that run may take to end after SIGTERM "
        f"(default: {ALONE_SECONDS:g}, or {TOGETHER_SECONDS:g} with --workers or --redis)",
    )
    add_options(run, dev)
    dev.add_argument("--no-open", action="store_true", help="do not open a browser")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {LAST_PORT}, got {text}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"expected a number of seconds from 0 to {LONGEST_SECONDS}, got {text}")
    return seconds


def _root_path(text: str) -> str:
    """Return a path as ASGI has it: with a leading slash, without a trailing one."""
    inner = text.strip("/")
    return f"/{inner}" if inner else ""


def _memory(text: str) -> str:
    try:
        parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _check_origins(listed: Sequence[str]) -> None:
    """Raise StartError for an invalid `--origin` now, before the process that serves would fail on it."""
    try:
        Origins(listed)
    except ValueError as error:
        raise StartError(f"--origin: {error}") from None


def _check_hosts(listed: Sequence[str]) -> None:
    """Raise StartError for an invalid `--allow-host`, or one in the environment."""
    try:
        Hosts([*listed, *_hosts_of_environment()])
    except ValueError as error:
        raise StartError(f"--allow-host: {error}") from None


def _hosts_of_environment() -> list[str]:
    return os.environ.get(HOSTS_VARIABLE, "").split()


def _allowed_hosts(options: argparse.Namespace) -> list[str]:
    """Return the hosts to answer for besides local names, IP addresses and the hosts of origins.

    In production, on an address that others reach as well, any: its names are not known here.
    """
    listed = [*_hosts_of_environment(), *options.allow_host]
    if listed or options.command == "dev" or is_loopback(options.host):
        return listed
    return [ANY]


def _serve_with_workers(options: argparse.Namespace, target: Target, scale: Scale) -> NoReturn:
    """Become the parent process of several workers. Raises StartError where it cannot listen."""
    listeners = bound(options.host, options.port)
    port = listeners[0].getsockname()[1]
    _set_environment(options, target, port, scale)
    serving = _serving(options, target, port, scale)
    plan = Plan(
        workers=scale.workers,
        command=worker_command(target.shown),
        listeners=[listener.detach() for listener in listeners],
        address=_address(options, port),
        proxies=serving.forwarded_allow_ips,
        graceful_seconds=serving.graceful_seconds,
        has_bus=scale.redis is None,
    )
    become_parent(plan, serving.text, target.shown)


def _address(options: argparse.Namespace, port: int) -> str:
    return f"http://{in_url(options.host)}:{port}{options.root_path}"


def _set_environment(options: argparse.Namespace, target: Target, port: int, scale: Scale) -> None:
    """Pass the options to the processes that serve: with reload it is a child process."""
    os.environ[worker.TARGET_VARIABLE] = target.text
    os.environ[ORIGINS_VARIABLE] = " ".join([os.environ.get(ORIGINS_VARIABLE, ""), *options.origin]).strip()
    os.environ[HOSTS_VARIABLE] = " ".join(_allowed_hosts(options))
    if options.memory is not None:
        os.environ[MEMORY_VARIABLE] = options.memory
    scale.set_environment()
    if options.command == "dev":
        os.environ[DEBUG_VARIABLE] = "1"
        os.environ[announce.ADDRESS_VARIABLE] = _address(options, port)
        os.environ[announce.OPENED_VARIABLE] = "no" if options.no_open else str(announce.new_marker())


def _clear_environment() -> None:
    """Remove the marker file, whose name only the environment has."""
    opened = os.environ.pop(announce.OPENED_VARIABLE, "no")
    if opened != "no":
        announce.remove_marker(Path(opened))


def _serving(options: argparse.Namespace, target: Target, port: int, scale: Scale) -> Serving:
    if options.command == "dev":
        folder = str(target.folder)
        return Serving(options.host, port, options.root_path, DEV_GRACEFUL_SECONDS, None, folder)
    seconds = scale.graceful_seconds if options.graceful_timeout is None else options.graceful_timeout
    return Serving(options.host, port, options.root_path, seconds, options.forwarded_allow_ips)


if __name__ == "__main__":
    raise SystemExit(main())
