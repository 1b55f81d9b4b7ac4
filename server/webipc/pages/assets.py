"""The files that the package ships: the built client and the pages.

In an installed package they are in `webipc/static`, which may be inside a zip file: they are read as resources of the
package, and have no path of their own. In a checkout the client is in `js-client/dist`, where `make build` writes it,
and the pages are in `static`.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, NamedTuple

_CHECKOUT: Final = Path(__file__).parents[3]

# The files of the client that a page may load, with their content types.
CLIENT_FILES: Final = {
    "client.js": "text/javascript; charset=utf-8",
    "client.js.map": "application/json",
    "client.global.js": "text/javascript; charset=utf-8",
    "client.global.js.map": "application/json",
    "commands.js": "text/javascript; charset=utf-8",
    "commands.js.map": "application/json",
    "web-view.js": "text/javascript; charset=utf-8",
    "web-view.js.map": "application/json",
    "web-view-guest.js": "text/javascript; charset=utf-8",
    "web-view-guest.js.map": "application/json",
    "electron.js": "text/javascript; charset=utf-8",
    "electron.js.map": "application/json",
    "electron.global.js": "text/javascript; charset=utf-8",
    "electron.global.js.map": "application/json",
}

# The code that runs preload scripts. It is served together with them only.
PRELOAD_RUNTIME: Final = "preload-runtime.js"


class MissingAssetError(FileNotFoundError):
    """A file of the package is missing; the text says where it was looked for, and what to do."""


class Content(NamedTuple):
    """What is in a file, with the `ETag` that a server sends for it."""

    data: bytes
    etag: str


def client_file(name: str) -> Traversable:
    """Return a built file of the client. Raises MissingAssetError."""
    return _find(Path(name), Path("js-client", "dist", name))


def client_content(name: str) -> Content:
    """Return what is in a built file of the client. Raises MissingAssetError.

    While an installer replaces the package, a file is not there for a moment: then it is what it was before.
    """
    try:
        _served[name] = content_of(client_file(name))
    except FileNotFoundError:
        if name not in _served:
            raise
    return _served[name]


def page_folder(name: str) -> Traversable:
    """Return the folder of a page that the package ships, such as `playground`. Raises MissingAssetError."""
    return _find(Path("pages", name), Path("static", name))


def content_of(file: Traversable) -> Content:
    """Return what is in a file. One that has a path is read again when it has changed: the client may be rebuilt."""
    changed = file.stat().st_mtime_ns if isinstance(file, Path) else None
    known = _contents.get(str(file))
    if known is not None and known[0] == changed:
        return known[1]
    data = file.read_bytes()
    content = Content(data, etag_of(data))
    _contents[str(file)] = (changed, content)
    return content


def etag_of(data: bytes) -> str:
    """Return the `ETag` of a content."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


# By path, with the time of the last change.
_contents: dict[str, tuple[int | None, Content]] = {}

# The files of the client as they were read last, by name.
_served: dict[str, Content] = {}


def _find(installed: Path, checkout: Path) -> Traversable:
    static = files("webipc").joinpath("static")
    candidates: list[Traversable] = [static.joinpath(installed.as_posix()), _CHECKOUT / checkout]
    for file in candidates:
        if file.is_file() or file.is_dir():
            return file
    if (_CHECKOUT / "js-client" / "package.json").is_file():
        raise MissingAssetError(f"{candidates[1]} is missing: run `make build` in the checkout of webipc")
    raise MissingAssetError(
        f"{candidates[0]} is missing: install webipc from a wheel; a tool that packs a program has to include the data "
        "files of the package webipc (PyInstaller does it by webipc's own hook)"
    )
