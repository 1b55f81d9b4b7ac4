"""The fixtures of the tests in real browsers: one process of each engine for the run, a new tab for each test.

A test that uses `tab` or `browser` runs once in every engine, unless it names its engines:
`@pytest.mark.engines("chromium")`. The tests of one engine run together, whichever folder they are in. These tests, and
all in tests/browser, get the marker `browser` here, so that no file can forget it. On a machine without a browser they
fail; they are never skipped. tests/conftest.py loads this file for all folders, so they share the processes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import STARTERS, closing_new_tabs, new_tab
from tests.browser.browsers import browser as running_browser
from tools.install_browser import BrowserMissingError

BROWSER_TESTS = Path(__file__).parent.parent / "browser"
ENGINES = tuple(STARTERS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test that uses a browser with the engines that it is for."""
    if "engine" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("engines")
    wanted = ENGINES if mark is None else mark.args
    assert set(wanted) <= set(ENGINES), f"{metafunc.definition.nodeid} names an engine that is none of {ENGINES}"
    metafunc.parametrize("engine", [each for each in ENGINES if each in wanted], indirect=True, scope="session")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the marker `browser`, before pytest evaluates `-m`."""
    if _drives(item):
        item.add_marker(pytest.mark.browser)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests by engine, so that each engine is started once."""
    ordered = iter(sorted(filter(_drives, items), key=_rank))
    items[:] = [next(ordered) if _drives(item) else item for item in items]


def _drives(item: pytest.Item) -> bool:
    return BROWSER_TESTS in item.path.parents or _engine_of(item) is not None


def _engine_of(item: pytest.Item) -> str | None:
    return item.callspec.params.get("engine") if hasattr(item, "callspec") else None


def _rank(item: pytest.Item) -> int:
    engine = _engine_of(item)
    return -1 if engine is None else ENGINES.index(engine)


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine that the test runs in."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def browser(engine: str) -> Iterator[WebDriver]:
    """The browser of the engine. Tests use `tab` instead, unless they open and close tabs themselves."""
    try:
        with running_browser(engine) as driver:
            yield driver
    except BrowserMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)


@pytest.fixture
def tab(browser: WebDriver) -> Iterator[WebDriver]:
    """The browser with a new empty tab in front. Tabs that the test leaves open are closed afterwards."""
    with closing_new_tabs(browser):
        new_tab(browser)
        yield browser
