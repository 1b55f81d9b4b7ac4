"""Finds and imports the program that the command line names, and returns the FastAPI application in it.

An error becomes one sentence, and a traceback that shows only the program's own files.
"""

import importlib
import importlib.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

from fastapi import FastAPI

EXPECTED = "expected a file that ends with .py or package.module:app"

# Lines of a traceback that are hidden: those of Python's import and of this package.
_MACHINERY = ("<frozen ", importlib.__file__, f"{Path(__file__).parents[1]}{os.sep}")


class StartError(Exception):
    """The application cannot be served; the text is one sentence, to be printed."""


class ImportFailedError(StartError):
    """The program raised while it was imported; `trace` is the traceback, with the program's own files only."""

    def __init__(self, text: str, trace: str) -> None:
        super().__init__(text)
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Target:
    """Where an application is."""

    # The folder that has to be on the import path; `dev` watches it.
    folder: Path
    # The dotted name of the module.
    module: str
    # The name of the application in the module; None: `app`, or else the only FastAPI there.
    attribute: str | None

    @property
    def text(self) -> str:
        """Return all of it as one string, for an environment variable."""
        return "\n".join([str(self.folder), self.module, self.attribute or ""])

    @classmethod
    def from_text(cls, text: str) -> "Target":
        """Return the target that has this `text`."""
        folder, module, attribute = text.split("\n")
        return cls(Path(folder), module, attribute or None)

    @property
    def shown(self) -> str:
        """Return the name to print: the path of the file, or the module's name if it is not in the folder."""
        file = self.folder.joinpath(*self.module.split(".")).with_suffix(".py")
        if not file.is_file():
            return self.module
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def find_target(name: str) -> Target:
    """Return where the application `main.py`, `main.py:app` or `package.module:app` is. Imports nothing.

    Raises StartError when there is no such file or top-level package, or when Python cannot import a file of this name.
    """
    path_text, attribute = _split(name)
    if path_text.endswith(".py"):
        return _file_target(Path(path_text).absolute(), attribute)
    if Path(path_text).is_file() or not all(part.isidentifier() for part in path_text.split(".")):
        raise StartError(f"{EXPECTED}, got {name}")
    return _module_target(path_text, attribute)


def _split(name: str) -> tuple[str, str | None]:
    """Split a name at its last colon, but not at the colon of a Windows drive."""
    head, colon, tail = name.rpartition(":")
    if colon and tail.isidentifier() and len(head) > 1:
        return head, tail
    return name, None


def _file_target(path: Path, attribute: str | None) -> Target:
    if not path.is_file():
        raise StartError(f"file not found: {path}")
    names = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if "." in path.stem:
        raise StartError(f"Python cannot import a file with a dot in its name: rename {path.name}")
    loaded = sys.modules.get(names[0])
    if loaded is not None and not _is_below(loaded, folder):
        file = path if len(names) == 1 else path.parent
        raise StartError(f"the name {names[0]} is taken by another Python module: rename {file}")
    return Target(folder, ".".join(names), attribute)


def _is_below(module: ModuleType, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).is_relative_to(folder) for place in places if place)


def _module_target(module: str, attribute: str | None) -> Target:
    folder = Path.cwd()
    with _importable(folder):
        found = importlib.util.find_spec(module.partition(".")[0])
    if found is None:
        raise StartError(f"module not found: {module}, neither in {folder} nor installed; {EXPECTED}")
    return Target(folder, module, attribute)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Put the folder on the import path within the block."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def load(target: Target) -> FastAPI:
    """Import the program, and return its application. Its folder stays on the import path.

    Raises StartError when there is no such module or application, ImportFailedError when the program raised, and
    SystemExit on SIGINT or SIGTERM during the import.
    """
    if str(target.folder) not in sys.path:
        sys.path.insert(0, str(target.folder))
    try:
        with _interruptible():
            module = importlib.import_module(target.module)
    except _InterruptedError:
        raise SystemExit(0) from None
    except SystemExit as ended:
        raise StartError(f"{target.shown} exited while it was imported, with {ended.code!r}") from None
    except Exception as error:
        raise _import_error(target, error) from error
    return _application(module, target)


class _InterruptedError(BaseException):
    """SIGINT or SIGTERM during the import."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the import at once: uvicorn would act on them only when it is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise _InterruptedError


def _import_error(target: Target, error: Exception) -> StartError:
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if f"{target.module}.".startswith(f"{error.name}."):
            return StartError(f"module not found: {error.name} in {target.folder}; {EXPECTED}")
        advice = (
            f": install {error.name.partition('.')[0]} for {sys.executable}, which runs webipc, or correct its name"
        )
    elif isinstance(error, RuntimeError) and "event loop" in str(error):
        # Most likely uvicorn.run(app) at the end of the file: a program that serves itself has it there.
        return StartError(
            f"{target.shown} starts an event loop while it is imported, but one is running already: "
            "put uvicorn.run() or asyncio.run() under if __name__ == '__main__':"
        )
    else:
        advice = ""
    return ImportFailedError(
        f"{target.shown} raised {type(error).__name__} while it was imported{advice}", trace_of(error)
    )


def trace_of(error: BaseException, hidden: tuple[str, ...] = ()) -> str:
    """Return the traceback of an error without the lines of this package, of Python's import, and of `hidden` files."""
    report = traceback.TracebackException.from_exception(error)
    parts: list[traceback.TracebackException | None] = [report]
    while parts:
        part = parts.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list(
                [frame for frame in part.stack if not frame.filename.startswith(_MACHINERY + hidden)]
            )
            parts += [part.__cause__, part.__context__]
    return "".join(report.format())


def _application(module: ModuleType, target: Target) -> FastAPI:
    found = {name: value for name, value in vars(module).items() if isinstance(value, FastAPI)}
    named = target.attribute or ("app" if hasattr(module, "app") or len(found) != 1 else next(iter(found)))
    app = getattr(module, named, None)
    if isinstance(app, FastAPI):
        return app
    if app is not None:
        raise StartError(f"expected a FastAPI application, found {type(app).__name__}: {named} in {target.shown}")
    if not found:
        raise StartError(f"{target.shown} has no FastAPI application called {named}; expected: {named} = FastAPI()")
    names = " or ".join(f"{target.shown}:{name}" for name in found)
    raise StartError(f"{target.shown} has no FastAPI application called {named}; name one of: {names}")
