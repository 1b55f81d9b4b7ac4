"""Fixtures that build webipc's distributions and install them outside the checkout, each once per run.

Every test in this directory is marked `packaging` here, and may take minutes, because it runs pip and npm.
"""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE = 300
"""Seconds for one test and the fixtures that it is the first to use: with a cold cache, pip and npm download."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.packaging)
            item.add_marker(pytest.mark.timeout(PATIENCE))


def run(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return its output; a failure shows all of it."""
    done = subprocess.run(
        command, cwd=cwd, env=env, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout


@dataclass(frozen=True)
class Distributions:
    """The files that `make dist` writes into dist/."""

    wheel: Path
    sdist: Path
    tarball: Path


@dataclass(frozen=True)
class Installation:
    """A virtual environment outside the checkout, with the wheel in it and no Node on its PATH."""

    python: Path
    home: Path
    env: Mapping[str, str]

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment (`python`, `webipc`) in the empty directory beside it."""
        return run([self.python.with_name(program), *arguments], self.home, self.env)


@pytest.fixture(scope="session")
def distributions() -> Distributions:
    """The three distributions. `make dist` builds those that are not up to date."""
    run(["make", "dist"], ROOT, {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"})
    (wheel,), (sdist,), (tarball,) = (
        list((ROOT / "dist").glob(pattern)) for pattern in ("webipc-*.whl", "webipc-*.tar.gz", "webipc-*.tgz")
    )
    return Distributions(wheel, sdist, tarball)


@pytest.fixture(scope="session")
def without_node() -> Mapping[str, str]:
    """An environment whose PATH has Python, but nothing that could build the client."""
    path = str(Path(sys.executable).parent)
    assert shutil.which("node", path=path) is None
    assert shutil.which("npm", path=path) is None
    return {**os.environ, "PATH": path}


@pytest.fixture(scope="session")
def installed(
    distributions: Distributions, without_node: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """The wheel, installed as a user installs it."""
    place = tmp_path_factory.mktemp("wheel")
    venv.create(place / "venv", with_pip=True)
    (place / "home").mkdir()
    env = {key: value for key, value in without_node.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    installation = Installation(place / "venv" / "bin" / "python", place / "home", env)
    installation.run("python", "-m", "pip", "install", "--quiet", str(distributions.wheel))
    return installation


@pytest.fixture(scope="session")
def npm_project(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty npm project with the tarball installed."""
    project = tmp_path_factory.mktemp("npm")
    (project / "package.json").write_text('{"name": "user", "private": true, "type": "module"}')
    run(["npm", "install", "--no-audit", "--no-fund", "--offline", distributions.tarball], project)
    return project
