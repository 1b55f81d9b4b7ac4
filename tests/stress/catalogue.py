"""All scenarios by name."""

from collections.abc import Callable, Mapping

from tests.stress.run import Run
from tests.stress.scenarios.network import network

WITHOUT_BROWSERS: Mapping[str, Callable[[Run], None]] = {each.__name__: each for each in (network,)}
"""They need nothing but Python."""

SCENARIOS = {**WITHOUT_BROWSERS}
