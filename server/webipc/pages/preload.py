"""The preload scripts of an application, made into the classic script `{prefix}/preload.js` and its parts.

Each file becomes the body of a function with the names that Electron gives a sandboxed preload script. One file stands
in the script itself, behind what runs it. Of several each is a part, which is a script of its own, because a syntax
error is one of the whole script that it is in. Nothing is evaluated from text, so they run under `default-src 'self'`.
Must not know routes or requests. Twin: js-client/src/electron/preload.ts, which calls these functions.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from webipc.core.errors import WebipcError

logger = logging.getLogger("webipc")

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
        """Read the files again. One that cannot be served any more is logged, and is a script that says so instead."""
        for path in self.paths:
            try:
                self._sources[path] = _read(path)
            except PreloadError as error:
                instead = f"throw new Error({json.dumps(str(error))})"
                # Once, and not for each page that asks.
                if self._sources[path] != instead:
                    logger.error("%s", error)  # noqa: TRY400 - where it was found is nobody's concern
                self._sources[path] = instead

    def script(self, runtime: Callable[[], str], part: str | None = None) -> str:
        """Return the script, or a part of it: what the page asks for where there are several files.

        `runtime` gives what preload.ts was built to. `part` is the index of a file, or the number of them for what
        comes behind the last; anything else stands for the script itself.
        """
        runs = [_wrapped(path.name, self._sources[path]) for path in self.paths]
        parts = {str(index): script for index, script in enumerate([*runs, _LOADED])}
        if part in parts:
            return f"{parts[part]}\n"
        alone = [*runs, _LOADED] if len(runs) == 1 else [f"webipcPreload.load({self._names()});"]
        # A function around all: neither the runtime nor a `require` becomes a global of the page.
        return "\n".join(["(function () {", runtime(), *alone, "})();", ""])

    def _names(self) -> str:
        return json.dumps([path.name for path in self.paths])


_LOADED: Final = "webipcPreload.loaded();"


def _wrapped(name: str, source: str) -> str:
    # The source begins on the first line, so that errors name the lines of the file; its last may be a comment.
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
    """Tell whether a script has a statement that only an ECMAScript module may have, by its text."""
    return _MODULE_STATEMENT.search(_NO_CODE.sub(_blank, source)) is not None


def _blank(match: re.Match[str]) -> str:
    # A string stays one, because `import "x"` is a statement too; what is longer than a line still ends it.
    return '""' if match[0][0] in "\"'`" else "\n" * match[0].count("\n")
