"""The options `--workers`, `--redis` and `--redis-name` of `webipc run`: their values, and what refuses them."""

import argparse
import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from webipc.budget.machine import WORKERS_VARIABLE
from webipc.cli.program import StartError
from webipc.cli.supervisor.control import REDIS_NAME_VARIABLE, REDIS_VARIABLE
from webipc.cluster.bus.bus import BusError
from webipc.cluster.redis_bus.making import redis_buses

MOST_WORKERS: Final = 1_000
ALONE_SECONDS: Final = 10.0
"""The graceful timeout of one process."""
TOGETHER_SECONDS: Final = 30.0
"""The graceful timeout where other processes take over what does not end."""
# uvicorn and hosting services use it.
_CONCURRENCY_VARIABLE: Final = "WEB_CONCURRENCY"


@dataclass(frozen=True, slots=True)
class Scale:
    """How many processes there are, and what connects them."""

    workers: int
    # None: without a Redis.
    redis: str | None
    redis_name: str | None

    @property
    def graceful_seconds(self) -> float:
        """The default of `--graceful-timeout`."""
        return ALONE_SECONDS if self.workers == 1 and self.redis is None else TOGETHER_SECONDS

    def set_environment(self) -> None:
        """Pass the values to the processes that serve. The URL of a Redis has a password in it: it is shown nowhere."""
        os.environ[WORKERS_VARIABLE] = str(self.workers)
        for name, value in ((REDIS_VARIABLE, self.redis), (REDIS_NAME_VARIABLE, self.redis_name)):
            if value is not None:
                os.environ[name] = value


def add_options(run: argparse.ArgumentParser, dev: argparse.ArgumentParser) -> None:
    """Add the options to both commands: `dev` refuses them in a sentence."""
    run.add_argument(
        "--workers", type=_workers, metavar="N", help="how many processes serve, on this machine (default: 1)"
    )
    run.add_argument("--redis", metavar="URL", help="a Redis or Valkey that connects the processes of several machines")
    run.add_argument("--redis-name", metavar="NAME", help="name of this application in that Redis (default: default)")
    dev.add_argument("--workers", help=argparse.SUPPRESS)
    # uvicorn's name for what another command does.
    run.add_argument("--reload", action="store_true", help=argparse.SUPPRESS)


def scale_of(options: argparse.Namespace) -> Scale:
    """Return the values of the options, or of the environment. Raises StartError for what cannot be done."""
    if options.command == "dev":
        if options.workers is not None:
            raise StartError("--workers is for webipc run: webipc dev serves with one process, which it restarts")
        return Scale(1, None, None)
    _refuse_mistaken(options)
    redis = options.redis or os.environ.get(REDIS_VARIABLE) or None
    workers = options.workers or _workers_of_environment()
    if workers is None:
        _mention_concurrency(redis)
    elif workers > 1 and sys.platform == "win32":
        raise StartError(
            "--workers needs descriptors that Windows cannot hand over; use --redis and several programs behind a proxy"
        )
    if redis is not None:
        _check_redis(redis, options.redis_name or os.environ.get(REDIS_NAME_VARIABLE) or None)
        _mention_password(options.redis)
    return Scale(workers or 1, redis, options.redis_name)


def _refuse_mistaken(options: argparse.Namespace) -> None:
    """Raise StartError for options of `run` that mean something else than they seem to."""
    if options.reload:
        raise StartError("--reload is what webipc dev does; with webipc run --workers, SIGHUP loads the program again")
    for name, value in (("--redis", options.redis), ("--redis-name", options.redis_name)):
        if value == "":
            # As by a variable that is not set: the process would serve alone, and nothing would say so.
            raise StartError(f"{name}: expected a text, got an empty one; leave the option out to do without it")


def _check_redis(url: str, name: str | None) -> None:
    """Raise StartError for what no process that serves could use."""
    if importlib.util.find_spec("redis") is None:
        raise StartError("--redis needs the package redis: pip install 'webipc[redis]'")
    try:
        redis_buses(url, name)
    except BusError as error:
        raise StartError(f"--redis: {error}") from None


def _mention_password(url: str | None) -> None:
    """Say where the password of an option is seen. The URL is that of a Redis, or None where there is no option."""
    parts = urlsplit(url or "")
    if parts.password or parse_qs(parts.query).get("password"):
        text = f"every user of this machine can read the password in --redis: give the URL in {REDIS_VARIABLE} instead"
        print(f"webipc: {text}", file=sys.stderr)


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_WORKERS):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST_WORKERS}, got {text}")
    return int(text)


def _workers_of_environment() -> int | None:
    text = os.environ.get(WORKERS_VARIABLE, "")
    if not text:
        return None
    try:
        return _workers(text)
    except argparse.ArgumentTypeError as error:
        raise StartError(f"{WORKERS_VARIABLE}: {error}") from None


def _mention_concurrency(redis: str | None) -> None:
    """Say that a variable is ignored which means workers elsewhere."""
    asked = os.environ.get(_CONCURRENCY_VARIABLE, "")
    if redis is None and asked not in ("", "1"):
        text = f"{_CONCURRENCY_VARIABLE}={asked} is ignored, and one process serves: use --workers or WEBIPC_WORKERS"
        print(f"webipc: {text}", file=sys.stderr)
