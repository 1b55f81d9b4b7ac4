"""The short form of every scenario, without a browser and in each engine. `make stress` runs the long forms."""

from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.stress.catalogue import IN_BROWSERS, WITHOUT_BROWSERS
from tests.stress.run import Run

SEED = 12

# Ten seconds of both cores, which a machine that is busy gives in minutes.
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("name", list(WITHOUT_BROWSERS))
def test_the_invariant_of_the_scenario_holds_and_its_faults_happen(name: str, tmp_path: Path) -> None:
    run = Run(name, SEED, tmp_path)
    try:
        WITHOUT_BROWSERS[name](run)
    finally:
        # Shown by pytest when it fails.
        print(run.text())  # noqa: T201


@pytest.mark.parametrize("name", list(IN_BROWSERS))
def test_the_invariant_of_the_scenario_holds_in_the_engine_and_its_faults_happen(
    tab: WebDriver, engine: str, name: str, tmp_path: Path
) -> None:
    run = Run(name, SEED, tmp_path, engine=engine)
    try:
        IN_BROWSERS[name](run, tab)
    finally:
        print(run.text())  # noqa: T201
