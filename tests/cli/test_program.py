"""How the program on the command line is found and imported, and the errors when it cannot be."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from webipc.cli import program
from webipc.cli.program import ImportFailedError, StartError, Target, find_target, load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory; modules that a test imports from it are removed from `sys.modules`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused(name: str) -> str:
    """Return the sentence of the error for a name: of `find_target` or of `load`."""
    with pytest.raises(StartError) as caught:
        load(find_target(name))
    return str(caught.value)


@pytest.mark.parametrize(
    "name, parts",
    [
        ("main.py", ("main.py", None)),
        ("main.py:app", ("main.py", "app")),
        ("package.module:app", ("package.module", "app")),
        (r"C:\web\main.py", (r"C:\web\main.py", None)),
        (r"C:\web\main.py:app", (r"C:\web\main.py", "app")),
        ("C:main", ("C:main", None)),
    ],
)
def test_a_name_is_split_at_its_last_colon_but_not_at_that_of_a_drive(name: str, parts: tuple[str, str | None]) -> None:
    assert program._split(name) == parts


def test_a_file_in_a_package_is_imported_by_its_whole_name(folder: Path) -> None:
    write(folder / "shop" / "__init__.py")
    write(folder / "shop" / "web" / "__init__.py")
    main = write(folder / "shop" / "web" / "main.py")
    assert find_target(str(main)) == Target(folder, "shop.web.main", None)


def test_a_target_survives_the_environment() -> None:
    target = Target(Path("/a folder/x"), "shop.main", "app")
    assert Target.from_text(target.text) == target


@pytest.mark.parametrize(
    "name, text",
    [
        ("made.py", "from fastapi import FastAPI; app = FastAPI(title='here'); other = FastAPI()"),
        ("made.py", "from fastapi import FastAPI; application = FastAPI(title='here')"),
        ("made.py:second", "from fastapi import FastAPI; app = FastAPI(); second = FastAPI(title='here')"),
        ("a name – ü.py", "from fastapi import FastAPI; app = FastAPI(title='here')"),
        ("made", "from fastapi import FastAPI; app = FastAPI(title='here')"),
        ("package.made:it", "from fastapi import FastAPI; it = FastAPI(title='here')"),
    ],
)
def test_the_application_is_found(folder: Path, name: str, text: str) -> None:
    write(folder / "package" / "__init__.py")
    file = name.partition(":")[0].removesuffix(".py").replace(".", "/")
    write(folder / f"{file}.py", text)
    app = load(find_target(name))
    assert isinstance(app, FastAPI)
    assert app.title == "here"


def test_an_invalid_name_is_refused_with_the_expected_form(folder: Path) -> None:
    expected = "expected a file that ends with .py or package.module:app"
    write(folder / "page.html")
    write(folder / "package" / "__init__.py")
    assert refused("missing.py") == f"file not found: {folder / 'missing.py'}"
    assert refused("missing_module:app") == (
        f"module not found: missing_module, neither in {folder} nor installed; {expected}"
    )
    assert refused("package.missing:app") == f"module not found: package.missing in {folder}; {expected}"
    for name in ("page.html", ".", "package/", ":app", "main.py:", "main.py:1x"):
        assert refused(name) == f"{expected}, got {name}"


def test_a_file_whose_name_python_cannot_import_is_refused(folder: Path) -> None:
    write(folder / "my.app.py")
    write(folder / "json.py")
    assert refused("my.app.py") == "Python cannot import a file with a dot in its name: rename my.app.py"
    assert refused("json.py") == f"the name json is taken by another Python module: rename {folder / 'json.py'}"


def test_without_one_application_the_sentence_lists_the_names_to_choose_from(folder: Path) -> None:
    write(folder / "none_here.py", "x = 1")
    write(folder / "two_here.py", "from fastapi import FastAPI; one = FastAPI(); two = FastAPI(); app = 5")
    write(folder / "both_here.py", "from fastapi import FastAPI; one = FastAPI(); two = FastAPI()")
    assert refused("none_here.py") == ("none_here.py has no FastAPI application called app; expected: app = FastAPI()")
    assert refused("both_here.py") == (
        "both_here.py has no FastAPI application called app; name one of: both_here.py:one or both_here.py:two"
    )
    assert refused("both_here:three") == (
        "both_here.py has no FastAPI application called three; name one of: both_here.py:one or both_here.py:two"
    )
    assert refused("two_here.py") == "expected a FastAPI application, found int: app in two_here.py"


def test_the_traceback_of_a_program_has_its_own_lines_only(folder: Path) -> None:
    write(folder / "raising.py", "import helping_it")
    write(folder / "helping_it.py", "from webipc import IpcMain\nIpcMain().mount(None, pages='nowhere')\n")
    with pytest.raises(ImportFailedError) as caught:
        load(find_target("raising.py"))
    assert str(caught.value) == "raising.py raised FileNotFoundError while it was imported"
    lines = caught.value.trace.splitlines()
    assert [line.split(",")[0] for line in lines if line.startswith("  File")] == [
        f'  File "{folder / "raising.py"}"',
        f'  File "{folder / "helping_it.py"}"',
    ]
    assert lines[-1] == f"FileNotFoundError: the folder of the pages does not exist: {folder / 'nowhere'}"


def test_a_syntax_error_is_printed_with_its_line(folder: Path) -> None:
    write(folder / "unfinished.py", "app = FastAPI(\n")
    with pytest.raises(ImportFailedError) as caught:
        load(find_target("unfinished.py"))
    assert f'  File "{folder / "unfinished.py"}", line 1\n    app = FastAPI(\n' in caught.value.trace


def test_a_program_that_serves_itself_is_refused_with_advice(folder: Path) -> None:
    write(folder / "serving_itself.py", "import asyncio\nasyncio.run(None)")

    async def serve() -> str:
        return refused("serving_itself.py")

    assert asyncio.run(serve()) == (
        "serving_itself.py starts an event loop while it is imported, but one is running already: "
        "put uvicorn.run() or asyncio.run() under if __name__ == '__main__':"
    )


def test_a_program_that_exits_is_named(folder: Path) -> None:
    write(folder / "ending.py", "raise SystemExit('not today')")
    assert refused("ending.py") == "ending.py exited while it was imported, with 'not today'"
