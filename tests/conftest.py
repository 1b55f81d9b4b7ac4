"""What every test may rely on, whichever part of the project it looks at: its files, and the fixtures of two others.

connected.py has an application with a page, engines.py the browsers.
"""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent

# How fast a machine makes an example up and runs it is no fact about the project.
settings.register_profile("webipc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("webipc")

# A shell has what it runs in the background ignore Ctrl-C, and so would each program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.support.connected", "tests.support.engines"]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's top directory."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of the test vectors, which the TypeScript tests read too."""
    return ROOT / "tests" / "vectors"
