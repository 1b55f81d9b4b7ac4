"""What every test may rely on, whichever part of the project it looks at: where its files are, and browsers."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytest_plugins = ["tests.engines"]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's top directory."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of the test vectors, which the TypeScript tests read too."""
    return ROOT / "tests" / "vectors"
