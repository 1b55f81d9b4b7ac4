"""The wheel and the sdist: which files they have, and that they install without Node and without a checkout."""

import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from tests.packaging.conftest import Distributions, Installation, run
from webipc.pages.assets import CLIENT_FILES, PRELOAD_RUNTIME

CLIENT = {f"webipc/static/{name}" for name in (*CLIENT_FILES, PRELOAD_RUNTIME)}


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_the_client_and_its_source_maps(distributions: Distributions) -> None:
    assert names_in(distributions.wheel) >= CLIENT


def test_the_wheel_has_every_page(distributions: Distributions, project_root: Path) -> None:
    static = project_root / "static"
    pages = {f"webipc/static/pages/{page.relative_to(static)}" for page in static.rglob("*") if page.is_file()}
    assert pages
    assert names_in(distributions.wheel) >= pages


def test_the_wheel_is_marked_as_typed_and_has_no_tests(distributions: Distributions) -> None:
    names = names_in(distributions.wheel)
    assert "webipc/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"webipc"}


def test_the_sdist_has_the_protocol_and_every_vector(distributions: Distributions, project_root: Path) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    vectors = {str(path.relative_to(project_root)) for path in (project_root / "tests" / "vectors").rglob("*.*")}
    assert vectors
    assert {"PROTOCOL.md", *vectors} <= names


def test_the_sdist_becomes_the_same_wheel_without_node(
    distributions: Distributions, without_node: Mapping[str, str], tmp_path: Path
) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    run([sys.executable, "-m", "pip", "wheel", *options, distributions.sdist], tmp_path, without_node)
    (wheel,) = tmp_path.glob("*.whl")
    assert names_in(wheel) == names_in(distributions.wheel)


def test_the_installed_package_is_the_wheels_own(installed: Installation) -> None:
    where = installed.run("python", "-c", "import webipc; print(webipc.__file__)")
    assert Path(where.strip()).is_relative_to(installed.python.parent.parent)


def test_the_installed_command_prints_its_help(installed: Installation) -> None:
    assert "dev" in installed.run("webipc", "--help")
