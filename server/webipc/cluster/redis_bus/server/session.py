"""What a connection says first: its scripts, and the question whether Redis still knows what it knew before.

A generation is a random word in Redis. Where it is missing or another one, Redis has forgotten everything, or is at its
very start, which nothing tells apart. The same question tells Redis that it is another process than before. Each of
these lets all workers settle for some seconds, also those that come meanwhile: Redis counts them.
"""

import random
import secrets
from typing import Any, Final, NamedTuple

from webipc.cluster.redis_bus.scripts.every import SCRIPTS
from webipc.cluster.redis_bus.scripts.members import CONNECT
from webipc.cluster.redis_bus.server.keys import Keys
from webipc.cluster.redis_bus.server.line import Command, Line, LineError, Refusal
from webipc.cluster.redis_bus.settings import RedisSettings
from webipc.electron.ids import MOST_ORDINAL

OPENING: Final[list[Command]] = [*(script.load for script in SCRIPTS), ["INFO", "server"]]
"""The first commands of a connection."""


class Found(NamedTuple):
    """What a connection has found out."""

    generation: bytes
    # The process that answers; empty where this user may not ask.
    run: str


def connecting(keys: Keys, settings: RedisSettings, known: bytes, opened: list[Any]) -> tuple[Command, str]:
    """Return the command that tells the generation, and which process has answered `OPENING`.

    `known` is the generation that this worker knew, empty before the first. Raises LineError where the server does not
    let this user load scripts.
    """
    for answer in opened[:-1]:
        if isinstance(answer, Refusal):
            raise LineError(f"Redis refuses a script: {str(answer)[:200]}", is_refused=True)
    run = info_of(opened[-1]).get("run_id", "")
    # Another Redis begins at other ordinals, so that they are none of those of workers that it has forgotten.
    first = random.randrange(MOST_ORDINAL)  # noqa: S311 - not a secret
    milliseconds = int(settings.settle * 1000)
    return CONNECT.command(keys.prefix, known, secrets.token_hex(8), run, first, milliseconds), run


def found(answer: Any, run: str) -> Found:
    """Return what `connecting` was answered. Raises LineError."""
    if isinstance(answer, Refusal):
        raise LineError(f"Redis refuses to register this worker: {str(answer)[:200]}", is_refused=True)
    return Found(answer[0], run)


async def open_line(line: Line, keys: Keys, settings: RedisSettings, known: bytes) -> Found:
    """Connect, and find out the generation. Raises LineError."""
    await line.connect()
    try:
        return await greet(line, keys, settings, known)
    except LineError:
        await line.close()
        raise


async def greet(line: Line, keys: Keys, settings: RedisSettings, known: bytes) -> Found:
    """Find out the generation, over a connection that is made. Raises LineError."""
    command, run = connecting(keys, settings, known, await line.ask(OPENING))
    return found((await line.ask([command]))[0], run)


def info_of(answer: Any) -> dict[str, str]:
    """Return the fields of an INFO; none where this user may not ask."""
    if not isinstance(answer, bytes):
        return {}
    lines = answer.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
