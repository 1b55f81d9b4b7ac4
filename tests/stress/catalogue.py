"""All scenarios by name."""

from collections.abc import Callable, Mapping

from selenium.webdriver.remote.webdriver import WebDriver

from tests.stress.run import Run
from tests.stress.scenarios.blocked import blocked
from tests.stress.scenarios.browsers import browsers
from tests.stress.scenarios.deploy import deploy
from tests.stress.scenarios.foreign import foreign
from tests.stress.scenarios.herd import herd
from tests.stress.scenarios.kill import kill
from tests.stress.scenarios.leaving import leaving
from tests.stress.scenarios.network import network
from tests.stress.scenarios.slow import slow
from tests.stress.scenarios.slow_page import slow_page
from tests.stress.scenarios.soak import soak
from tests.stress.scenarios.standstill import standstill

WITHOUT_BROWSERS: Mapping[str, Callable[[Run], None]] = {
    "network": network,
    "kill": kill,
    "deploy": deploy,
    "standstill": standstill,
    "slow": slow,
    "herd": herd,
    "foreign": foreign,
    "soak": soak,
}
"""They need nothing but Python."""

IN_BROWSERS: Mapping[str, Callable[[Run, WebDriver], None]] = {
    "browsers": browsers,
    "blocked": blocked,
    "leaving": leaving,
    "slow-page": slow_page,
}
"""They run once in each engine, in a tab of its own."""
