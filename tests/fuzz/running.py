"""Runs a fuzz target: reads one input after another, and counts the steps that each takes."""

import sys
from collections.abc import Callable, Iterator
from random import Random
from types import FrameType
from typing import Any

from tests.fuzz.targets import Attack, Target

# What reading may take: function calls, those in C included. So many at most, and so many more for each byte.
FREE_STEPS = 60_000
STEPS_PER_BYTE = 400


def attacks(target: Target, seed: int) -> Iterator[Attack]:
    """Yield inputs without end; the same ones for the same seed."""
    random = Random(seed)
    while True:
        yield target.make(random)


def fault_of(target: Target, attack: Attack) -> str | None:
    """Read one input. Return what is wrong: an error that no caller expects, or too many steps for its size."""
    most = FREE_STEPS + STEPS_PER_BYTE * attack.size
    try:
        steps = _steps_of(lambda: target.read(attack), most)
    except target.refusals:
        return None
    except _TooManyStepsError:
        return f"more than {most} steps for {attack.size} bytes"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault
        return f"{type(error).__name__}: {error}"[:500]
    return None if steps <= most else f"{steps} steps for {attack.size} bytes"


class _TooManyStepsError(BaseException):
    pass


def _steps_of(function: Callable[[], Any], most: int) -> int:
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += event in {"call", "c_call"}
        if steps > most:
            sys.setprofile(None)
            raise _TooManyStepsError

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return steps
