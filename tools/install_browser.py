"""Finds the browsers that the tests drive, and installs them where this machine lets us.

`python tools/install_browser.py chromium` is what `make browser` runs. It knows programs and Debian packages, nothing
of Selenium: `tests/browser/browsers.py` starts what this file finds. A further engine is one more entry in `ENGINES`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """One browser as Debian packages it, and the names that other systems give the same programs."""

    name: str
    browsers: tuple[str, ...]
    drivers: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Programs:
    """The two absolute paths that Selenium needs."""

    browser: str
    driver: str


class BrowserMissingError(Exception):
    """No such browser or driver here, and it could not be installed; the text is one line that says what to install."""

    code = "browser-missing"

    def __init__(self, engine: Engine, reason: str) -> None:
        self.engine = engine
        self.reason = reason
        super().__init__(
            f"the browser tests need {engine.name} and its driver on PATH ({reason}): "
            f"apt-get install --no-install-recommends {' '.join(engine.packages)}"
        )


ENGINES = {
    "chromium": Engine(
        name="chromium",
        browsers=("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
        drivers=("chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"),
        packages=("chromium", "chromium-driver"),
    ),
}


def find(name: str) -> Programs:
    """Return the programs of the engine called `name`; raises `BrowserMissingError` where one of them is missing."""
    engine = ENGINES[name]
    browser, driver = _first(engine.browsers), _first(engine.drivers)
    if browser is None or driver is None:
        raise BrowserMissingError(engine, f"no {engine.browsers[0] if browser is None else engine.drivers[0]}")
    return Programs(browser, driver)


def install(name: str) -> Programs:
    """Like `find`, after installing Debian's packages where there are none, which takes root and apt-get."""
    try:
        return find(name)
    except BrowserMissingError as missing:
        if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise
        _apt_get(missing.engine)
    return find(name)


def _first(names: Sequence[str]) -> str | None:
    return next((path for path in map(shutil.which, names) if path is not None), None)


def _apt_get(engine: Engine) -> None:
    print(f"installing {' '.join(engine.packages)} for the browser tests", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *engine.packages]):
        done = subprocess.run(
            ["apt-get", "--quiet=2", *command], env=quiet, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise BrowserMissingError(engine, f"apt-get {command[0]} failed: {last}")


def main(names: Sequence[str]) -> int:
    """Install each named engine; returns the exit status, 1 after saying in one line what is missing."""
    try:
        for name in names:
            install(name)
    except BrowserMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
