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
from collections.abc import Iterator, Sequence
from pathlib import Path
from secrets import randbelow

from tests.browser.browsers import STARTERS, browser
from tests.cluster.rigs.catalogue import WORKERS, WORKERS_IN_BROWSERS
from tests.stress.catalogue import IN_BROWSERS, WITHOUT_BROWSERS
from tests.stress.run import Run

NO_BROWSER = {**WITHOUT_BROWSERS, **WORKERS}
BROWSERS = {**IN_BROWSERS, **WORKERS_IN_BROWSERS}
ALL = {**NO_BROWSER, **BROWSERS}


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for; return the exit status."""
    options = _options(arguments)
    if options.seed is None:
        options.seed = randbelow(1_000_000)
    failed = [run.name for run in _runs(options) if not _passes(run, keeps=options.keep is not None)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    scenarios = "".join(f"\n\n{name}: {inspect.getdoc(each)}" for name, each in ALL.items())
    parser = argparse.ArgumentParser(
        prog="make stress",
        description=f"Scenarios:{scenarios}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", action="append", choices=list(ALL), help="default: all")
    parser.add_argument("--engine", action="append", choices=list(STARTERS), help="of browsers; default: all")
    parser.add_argument("--seed", type=int, help="default: a new one")
    parser.add_argument("--minutes", type=float, help="of each scenario; default: as long as its faults take")
    parser.add_argument("--pages", type=int, help="how many work at once")
    parser.add_argument("--keep", type=Path, help="where logs and journals stay; default: only those of failures do")
    return parser.parse_args(arguments)


def _runs(options: argparse.Namespace) -> Iterator[Run]:
    for name in options.scenario or ALL:
        engines = [None] if name in NO_BROWSER else options.engine or list(STARTERS)
        for engine in engines:
            folder = _folder(options.keep, f"{name}-{engine}" if engine else name, options.seed)
            yield Run(name, options.seed, folder, options.minutes, options.pages, engine)


def _folder(keep: Path | None, name: str, seed: int) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix=f"webipc-stress-{name}-"))
    folder = keep / f"{name}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _passes(run: Run, *, keeps: bool) -> bool:
    print(f"{run.name}, seed {run.seed} ...", flush=True)
    try:
        _start(run)
    except Exception:  # noqa: BLE001 - whatever it is, the next scenario runs
        traceback.print_exc()
        print(f"FAILED {run.text()}\n  kept: {run.folder}", flush=True)
        return False
    print(f"passed {run.text()}", flush=True)
    if not keeps:
        shutil.rmtree(run.folder)
    return True


def _start(run: Run) -> None:
    if run.engine is None:
        NO_BROWSER[run.scenario](run)
        return
    with browser(run.engine) as tab:
        BROWSERS[run.scenario](run, tab)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
