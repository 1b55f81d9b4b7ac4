"""Runs scenarios: `python -m tests.stress --scenario deploy --seed 5 --minutes 10`. `make stress` is the short way.

Each run prints its seed, its figures and the command that repeats it. After a failure the server's log, its journal and
what the pages were told stay in a folder, which is printed.
"""

import argparse
import inspect
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from secrets import randbelow

from tests.stress.catalogue import SCENARIOS
from tests.stress.run import Run


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for; return the exit status."""
    options = _options(arguments)
    seed = randbelow(1_000_000) if options.seed is None else options.seed
    failed = [name for name in options.scenario or SCENARIOS if not _passes(_run_of(name, seed, options))]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make stress", description="Scenarios: " + _list(), formatter_class=_Plain)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), metavar="NAME", help="default: all")
    parser.add_argument("--seed", type=int, help="default: a new one")
    parser.add_argument("--minutes", type=float, help="of each scenario; default: as long as its faults take")
    parser.add_argument("--pages", type=int, help="how many work at once")
    parser.add_argument("--keep", type=Path, help="a folder for logs and journals, which are otherwise kept on failure")
    return parser.parse_args(arguments)


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


def _list() -> str:
    return "".join(f"\n\n{name}: {inspect.getdoc(each)}" for name, each in SCENARIOS.items())


def _run_of(name: str, seed: int, options: argparse.Namespace) -> Run:
    if options.keep is None:
        folder = Path(tempfile.mkdtemp(prefix=f"webipc-stress-{name}-"))
    else:
        folder = options.keep / f"{name}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    return Run(name, seed, folder, options.minutes, options.pages)


def _passes(run: Run) -> bool:
    print(f"{run.scenario}, seed {run.seed} ...", flush=True)
    try:
        SCENARIOS[run.scenario](run)
    except Exception:  # noqa: BLE001 - whatever it is, the next scenario runs
        traceback.print_exc()
        print(f"FAILED {run.text()}\n  kept: {run.folder}", flush=True)
        return False
    print(f"passed {run.text()}", flush=True)
    if "stress-" in run.folder.name:
        shutil.rmtree(run.folder)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
