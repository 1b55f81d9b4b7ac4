"""The preload scripts of an application, made into the one classic script `{prefix}/preload.js`.

Each file becomes the body of a function with the names that Electron gives a sandboxed preload script; in front of
them is what runs them. Nothing is evaluated from text, so the script runs under `default-src 'self'`. Must not know
routes or requests. Twin: js-client/src/electron/preload.ts, which calls these functions.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from webipc.core.errors import WebipcError

# The parameters of a script's function, in the order in which preload.ts passes them.
_PARAMETERS: Final = (
    "require, process, exports, module, __filename, __dirname, Buffer, global, setImmediate, clearImmediate"
)

# A comment, a string or a template: what may look like a statement in it is none.
_NO_CODE: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL
)
# The statements that only a module may have, where a statement can begin. `import(` is allowed anywhere.
_MODULE_STATEMENT: Final = re.compile(
    r"(?:^|[;}\n])\s*(?:import\s*(?:[\"{*]|\w+\s*(?:,|from\b))"
    r"|export\s*(?:[{*]|(?:default|const|let|var|function|class|async)\b))"
)
# A bundler's last line. In the middle of another script it would give that script the wrong map.
_MAP_COMMENT: Final = re.compile(r"^//[#@](?= ?sourceMappingURL=)", re.MULTILINE)


class PreloadError(WebipcError, ValueError):
    """A preload script cannot be served; the text names its absolute path and says what to do."""

    code = "preload"

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the preload script {path} {what}")
        # The absolute path.
        self.path = path


class MissingPreloadError(PreloadError, FileNotFoundError):
    """A preload script is not there."""


class Preload:
    """The preload scripts of one `IpcMain`, in their order."""

    def __init__(self, files: Iterable[str | os.PathLike[str]]) -> None:
        """Read the files, whose relative names begin at the current directory.

        Raises MissingPreloadError when one is not there, PreloadError when one is an ECMAScript module, TypeError for
        one name in the place of a list.
        """
        if isinstance(files, str | os.PathLike):
            raise TypeError(f"expected a list of preload scripts, got one: write [{str(files)!r}]")
        # Their absolute paths.
        self.paths: Final = tuple(Path(file).absolute() for file in files)
        self._sources = {path: _read(path) for path in self.paths}

    def refresh(self) -> None:
        """Read the files again. One that cannot be served any more becomes a script that says so in the console."""
        for path in self.paths:
            try:
                self._sources[path] = _read(path)
            except PreloadError as error:
                self._sources[path] = f"throw new Error({json.dumps(str(error))})"

    def script(self, runtime: Callable[[], str]) -> str:
        """Return the whole script; `runtime` gives what preload.ts was built to."""
        parts = [_wrapped(path.name, self._sources[path]) for path in self.paths]
        # A function around all: neither the runtime nor a `require` becomes a global of the page.
        return "\n".join(["(function () {", runtime(), *parts, "webipcPreload.loaded();", "})();", ""])


def _wrapped(name: str, source: str) -> str:
    # The source begins a line, so that "use strict" stays the first statement, and its last line may be a comment.
    return f"webipcPreload.run({json.dumps(name)}, function ({_PARAMETERS}) {{\n{source}\n}});"


def _read(path: Path) -> str:
    if not path.is_file():
        raise MissingPreloadError(path, "does not exist")
    if path.suffix == ".mjs":
        raise PreloadError(path, _BUNDLE_IT)
    source = _MAP_COMMENT.sub("//", path.read_text(encoding="utf-8-sig"))
    if is_module(source):
        raise PreloadError(path, _BUNDLE_IT)
    return source


_BUNDLE_IT: Final = (
    "is an ECMAScript module, which cannot run before the page as Electron's sandboxed preload scripts do. "
    "Bundle it to CommonJS, as electron-vite and Electron Forge do (esbuild: --bundle --format=cjs --external:electron)"
)


def is_module(source: str) -> bool:
    """Tell whether a script has a statement that only an ECMAScript module may have, by its text."""
    return _MODULE_STATEMENT.search(_NO_CODE.sub(_blank, source)) is not None


def _blank(match: re.Match[str]) -> str:
    # A string stays one, because `import "x"` is a statement too; what is longer than a line still ends it.
    return '""' if match[0][0] in "\"'`" else "\n" * match[0].count("\n")
