"""All scenarios by name."""

from collections.abc import Callable, Mapping

from tests.stress.run import Run
from tests.stress.scenarios.deploy import deploy
from tests.stress.scenarios.foreign import foreign
from tests.stress.scenarios.herd import herd
from tests.stress.scenarios.kill import kill
from tests.stress.scenarios.network import network
from tests.stress.scenarios.soak import soak

WITHOUT_BROWSERS: Mapping[str, Callable[[Run], None]] = {
    "network": network,
    "kill": kill,
    "deploy": deploy,
    "herd": herd,
    "foreign": foreign,
    "soak": soak,
}
"""They need nothing but Python."""

SCENARIOS = {**WITHOUT_BROWSERS}
