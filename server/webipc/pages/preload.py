"""Builds the classic script `{prefix}/preload.js` and its parts from the preload scripts of an application.

Each file becomes the body of a function whose parameters are the names that Electron gives a sandboxed preload script.
A single file is in the script itself, after the code that runs it. Of several files each is a part, a script of its
own, because a syntax error in one script stops all of it. No text is evaluated, so they run under `default-src 'self'`.
Twin: js-client/src/electron/preload.ts, which calls these functions.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from webipc.core.errors import WebipcError
from webipc.pages.program import located

logger = logging.getLogger("webipc")

# The parameters of the function, in the order in which preload.ts passes them.
_PARAMETERS: Final = (
    "require, process, exports, module, __filename, __dirname, Buffer, global, setImmediate, clearImmediate"
)

# A comment, a string or a template: text in it is no statement.
_NO_CODE: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL
)
# The statements that only a module may have, at places where a statement can begin. `import(` is allowed anywhere.
_MODULE_STATEMENT: Final = re.compile(
    r"(?:^|[;}\n])\s*(?:import\s*(?:[\"{*]|\w+\s*(?:,|from\b))"
    r"|export\s*(?:[{*]|(?:default|const|let|var|function|class|async)\b))"
)
# The last line that a bundler writes. Inside another script it would give that script the wrong source map.
_MAP_COMMENT: Final = re.compile(r"^//[#@](?= ?sourceMappingURL=)", re.MULTILINE)


class PreloadError(WebipcError, ValueError):
    """A preload script cannot be served; the text has its absolute path, and says what to do."""

    code = "preload"

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the preload script {path} {what}")
        # The absolute path.
        self.path = path


class MissingPreloadError(PreloadError, FileNotFoundError):
    """A preload script does not exist."""


class Preload:
    """The preload scripts of one `IpcMain`, in their order."""

    def __init__(
        self,
        files: Iterable[str | os.PathLike[str]],
        arguments: Iterable[str] = (),
        program: Path | None = None,
    ) -> None:
        """Read the files; relative paths begin in `program`. `arguments` are appended to `process.argv`.

        Raises MissingPreloadError when one does not exist, PreloadError when one is an ECMAScript module or is not
        UTF-8, TypeError for one path or argument instead of a list, and for an argument that is no string.
        """
        if isinstance(arguments, str):
            raise TypeError(f"expected a list of arguments, got a string: write [{arguments!r}]")
        self._arguments: list[object] = list(arguments)
        if wrong := [each for each in self._arguments if not isinstance(each, str)]:
            raise TypeError(f"expected strings as additional arguments, got {wrong[0]!r}")
        if isinstance(files, str | os.PathLike):
            raise TypeError(f"expected a list of preload scripts, got one: write [{str(files)!r}]")
        # Their absolute paths.
        self.paths: Final = tuple(located(file, program) for file in files)
        self._sources = {path: _read(path) for path in self.paths}

    def refresh(self) -> None:
        """Read the files again. One that can no longer be served is logged, and replaced by a script that throws."""
        for path in self.paths:
            try:
                self._sources[path] = _read(path)
            except PreloadError as error:
                instead = f"throw new Error({json.dumps(str(error))})"
                # Logged once, not at every request.
                if self._sources[path] != instead:
                    logger.error("%s", error)  # noqa: TRY400 - its traceback would say nothing
                self._sources[path] = instead

    def script(self, runtime: Callable[[], str], part: str | None = None) -> str:
        """Return the script or, if there are several files, one of its parts.

        `runtime` returns the built preload.ts. `part` is the index of a file; the number of files stands for the part
        after the last one, and anything else for the script itself.
        """
        runs = [_wrapped(path.name, self._sources[path]) for path in self.paths]
        parts = {str(index): script for index, script in enumerate([*runs, _LOADED])}
        if part in parts:
            return f"{parts[part]}\n"
        alone = [*runs, _LOADED] if len(runs) == 1 else [f"webipcPreload.load({self._names()});"]
        if self._arguments:
            alone.insert(0, f"webipcPreload.append({json.dumps(self._arguments)});")
        # A function around everything, so that neither the runtime nor `require` becomes a global of the page.
        return "\n".join(["(function () {", runtime(), *alone, "})();", ""])

    def _names(self) -> str:
        return json.dumps([path.name for path in self.paths])


_LOADED: Final = "webipcPreload.loaded();"


def _wrapped(name: str, source: str) -> str:
    # The source begins on the first line, so that errors have the line numbers of the file. The line break after it
    # ends a comment in its last line.
    return f"webipcPreload.run({json.dumps(name)}, function ({_PARAMETERS}) {{ {source}\n}});"


def _read(path: Path) -> str:
    if not path.is_file():
        raise MissingPreloadError(path, "does not exist")
    if path.suffix == ".mjs":
        raise PreloadError(path, _BUNDLE_IT)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PreloadError(path, f"cannot be read: {error}") from error
    source = _MAP_COMMENT.sub("//", text)
    if is_module(source):
        raise PreloadError(path, _BUNDLE_IT)
    return source


_BUNDLE_IT: Final = (
    "is an ECMAScript module, which cannot run before the page as Electron's sandboxed preload scripts do. "
    "Bundle it to CommonJS, as electron-vite and Electron Forge do (esbuild: --bundle --format=cjs --external:electron)"
)


def is_module(source: str) -> bool:
    """Tell from its text whether a script has a statement that only an ECMAScript module may have."""
    return _MODULE_STATEMENT.search(_NO_CODE.sub(_blank, source)) is not None


def _blank(match: re.Match[str]) -> str:
    # A string stays a string, because `import "x"` is a statement too. Line breaks stay, because they end statements.
    return '""' if match[0][0] in "\"'`" else "\n" * match[0].count("\n")
