"""The short form of every scenario with several workers. `make stress` runs the long forms."""

from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.cluster.rigs.catalogue import WORKERS, WORKERS_IN_BROWSERS
from tests.cluster.rigs.network.namespaces import why_not
from tests.stress.run import Run

SEED = 15

# Ten seconds of both cores, which a machine that is busy gives in minutes.
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("name", list(WORKERS))
def test_the_invariant_of_the_scenario_holds_and_its_blows_happen(name: str, tmp_path: Path) -> None:
    if name == "machines" and (reason := why_not()):
        pytest.skip(reason)
    run = Run(name, SEED, tmp_path)
    try:
        WORKERS[name](run)
    finally:
        # Shown by pytest when it fails.
        print(run.text())  # noqa: T201


@pytest.mark.parametrize("name", list(WORKERS_IN_BROWSERS))
def test_the_invariant_of_the_scenario_holds_in_the_engine_and_its_blows_happen(
    tab: WebDriver, engine: str, name: str, tmp_path: Path
) -> None:
    run = Run(name, SEED, tmp_path, engine=engine)
    try:
        WORKERS_IN_BROWSERS[name](run, tab)
    finally:
        print(run.text())  # noqa: T201
