"""What every test may rely on, whichever part of the project it looks at: its files, and the fixtures of two others.

connected.py has an application with a page, engines.py the browsers.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytest_plugins = ["tests.connected", "tests.engines"]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's top directory."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of the test vectors, which the TypeScript tests read too."""
    return ROOT / "tests" / "vectors"
