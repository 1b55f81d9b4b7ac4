"""What all tests share: the project's folders as fixtures, and the fixtures of six files of tests/support.

account.py checks what every hub holds at its end, asking.py asks without a hub, connected.py provides an application
with a page, engines.py the browsers, hubs.py a hub without a server, standstills.py a log without those of the machine.
"""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent

# The speed at which a machine generates and runs an example says nothing about the project.
settings.register_profile("webipc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("webipc")

# A shell starts background jobs with SIGINT ignored. The programs that tests start and interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.support.account",
    "tests.support.asking",
    "tests.support.connected",
    "tests.support.engines",
    "tests.support.hubs",
    "tests.support.standstills",
]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's top directory."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of the test vectors, which the TypeScript tests read too."""
    return ROOT / "tests" / "vectors"
