"""The program that is named at the terminal: which file or module it is, and the application in it.

What is wrong with it becomes one sentence for the person there, and of a traceback what concerns that person's own
files. Must not know how the application is served (worker.py).
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

# What stands in a traceback between this file and the program's.
_MACHINERY = ("<frozen ", importlib.__file__, f"{Path(__file__).parents[1]}{os.sep}")


class StartError(Exception):
    """The application cannot be served; the text is one sentence for the person at the terminal."""


class ImportFailedError(StartError):
    """The program raised while it was imported; `trace` is where, in its own files."""

    def __init__(self, text: str, trace: str) -> None:
        super().__init__(text)
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Target:
    """Where an application is."""

    # What has to be on the import path, and what `dev` watches.
    folder: Path
    # Name of the module below it.
    module: str
    # Name of the application in the module; None: `app`, or else the only FastAPI there.
    attribute: str | None

    @property
    def text(self) -> str:
        """Return it as one string for the environment."""
        return "\n".join([str(self.folder), self.module, self.attribute or ""])

    @classmethod
    def from_text(cls, text: str) -> "Target":
        """Return what `text` was made from."""
        folder, module, attribute = text.split("\n")
        return cls(Path(folder), module, attribute or None)

    @property
    def shown(self) -> str:
        """Return what a person calls it: the file, or the module that is elsewhere."""
        file = self.folder.joinpath(*self.module.split(".")).with_suffix(".py")
        if not file.is_file():
            return self.module
        return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def find_target(name: str) -> Target:
    """Return where `main.py`, `main.py:app` or `package.module:app` is.

    Raises StartError when a file or the module's topmost package is not there, or when Python could not import it
    under its name.
    """
    path_text, attribute = _split(name)
    if path_text.endswith(".py"):
        return _file_target(Path(path_text).absolute(), attribute)
    if Path(path_text).is_file() or not all(part.isidentifier() for part in path_text.split(".")):
        raise StartError(f"{EXPECTED}, got {name}")
    return _module_target(path_text, attribute)


def _split(name: str) -> tuple[str, str | None]:
    """Part a name at its last colon, but not at that of a Windows drive."""
    head, colon, tail = name.rpartition(":")
    if colon and tail.isidentifier() and len(head) > 1:
        return head, tail
    return name, None


def _file_target(path: Path, attribute: str | None) -> Target:
    if not path.is_file():
        raise StartError(f"there is no file {path}")
    names = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if "." in path.stem:
        raise StartError(f"Python cannot import a file with a dot in its name: rename {path.name}")
    loaded = sys.modules.get(names[0])
    if loaded is not None and not _is_below(loaded, folder):
        raise StartError(f"Python has another module {names[0]}: rename {path if len(names) == 1 else path.parent}")
    return Target(folder, ".".join(names), attribute)


def _is_below(module: ModuleType, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).is_relative_to(folder) for place in places if place)


def _module_target(module: str, attribute: str | None) -> Target:
    folder = Path.cwd()
    with _importable(folder):
        found = importlib.util.find_spec(module.partition(".")[0])
    if found is None:
        raise StartError(f"there is no module {module} in {folder}, and none is installed; {EXPECTED}")
    return Target(folder, module, attribute)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Have the folder on the import path for a moment."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def load(target: Target) -> FastAPI:
    """Import the program, and return its application. Its folder stays on the import path.

    Raises StartError when there is no such module or application, ImportFailedError when the program itself raised. A
    signal to end does so at once meanwhile: SystemExit.
    """
    if str(target.folder) not in sys.path:
        sys.path.insert(0, str(target.folder))
    try:
        with _interruptible():
            module = importlib.import_module(target.module)
    except _InterruptedError:
        raise SystemExit(0) from None
    except SystemExit as ended:
        raise StartError(f"{target.shown} has ended itself while it was imported, with {ended.code!r}") from None
    except Exception as error:
        raise _import_error(target, error) from error
    return _application(module, target)


class _InterruptedError(BaseException):
    """Ctrl-C, or whoever started this process, wants it to end."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a signal end the import, however long it takes: the server would look only when it is done."""
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
            return StartError(f"there is no module {error.name} in {target.folder}; {EXPECTED}")
        advice = f": install {error.name.partition('.')[0]} for {sys.executable}, which runs webipc, or mend its name"
    elif isinstance(error, RuntimeError) and "event loop" in str(error):
        # uvicorn.run(app) at the end of the file, as a program without us has it.
        return StartError(
            f"{target.shown} runs an event loop while it is imported, and one runs already: "
            "put uvicorn.run() or asyncio.run() under if __name__ == '__main__':"
        )
    else:
        advice = ""
    return ImportFailedError(
        f"{target.shown} raised {type(error).__name__} while it was imported{advice}", _trace(error)
    )


def _trace(error: BaseException) -> str:
    """Return the traceback of an error without what is not the program's: ours, and Python's own import."""
    told = traceback.TracebackException.from_exception(error)
    parts: list[traceback.TracebackException | None] = [told]
    while parts:
        part = parts.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list(
                [frame for frame in part.stack if not frame.filename.startswith(_MACHINERY)]
            )
            parts += [part.__cause__, part.__context__]
    return "".join(told.format())


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
    raise StartError(f"{target.shown} has no FastAPI application called {named}; say which one: {names}")
