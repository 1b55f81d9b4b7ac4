"""Dependencies with the oldest FastAPI that is supported, with one between, and with the newest.

FastAPI's solver is no public API. Each version is installed into an environment of its own, with what it brings along,
and the tests of dependencies run there from this checkout.
"""

import os
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run

OLDEST = "0.115.0"
VERSIONS = [OLDEST, "0.121.0", "newest"]

TESTS = [
    "tests/dependencies",
    "tests/behaviour/test_dependencies.py",
    "tests/behaviour/test_current_user.py",
    "tests/behaviour/test_guards.py",
]
# What webipc needs, without the extras of uvicorn, which are compiled.
PACKAGES = ["orjson", "pydantic", "uvicorn", "websockets"]
# The tests alone. Of the same versions as here.
TOOLS = [f"{name}=={version(name)}" for name in ("pytest", "pytest-asyncio", "pytest-timeout")]

SETTINGS = f"""
[pytest]
addopts = --import-mode=importlib
pythonpath = {ROOT} {ROOT / "server"}
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
timeout = 30
"""

SHOW = "from importlib.metadata import version; print(version('fastapi'))"


def environment(place: Path, wanted: str) -> Path:
    """Make an environment with a version of FastAPI; return its Python."""
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    fastapi = "fastapi" if wanted == "newest" else f"fastapi=={wanted}"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--no-compile", fastapi, *PACKAGES, *TOOLS], place)
    return python


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Python of each version. They are made at once: pip waits for the index most of the time."""
    places = [tmp_path_factory.mktemp(wanted) for wanted in VERSIONS]
    with ThreadPoolExecutor() as threads:
        return dict(zip(VERSIONS, threads.map(environment, places, VERSIONS), strict=True))


@pytest.mark.parametrize("wanted", VERSIONS)
def test_dependencies_do_the_same_with_this_version(environments: dict[str, Path], wanted: str, tmp_path: Path) -> None:
    python = environments[wanted]
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    installed = run([python, "-c", SHOW], tmp_path, env).strip()
    assert wanted in ("newest", installed)
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    options = ["--noconftest", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"), "--rootdir", str(ROOT)]
    shown = run([python, "-m", "pytest", "-q", *options, *TESTS], ROOT, env)
    assert " passed" in shown


def test_the_oldest_version_is_the_one_that_the_package_asks_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"fastapi>={OLDEST.removesuffix(".0")}"' in text
