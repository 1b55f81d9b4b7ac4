"""The paths of the files that the package ships: the built client and the pages.

In an installed package they are in `webipc/static`. In a checkout the client is in `js-client/dist`, where `make build`
writes it, and the pages are in `static`.
"""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent.parent
_CHECKOUT: Final = _PACKAGE.parent.parent

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
    "electron.js": "text/javascript; charset=utf-8",
    "electron.js.map": "application/json",
    "electron.global.js": "text/javascript; charset=utf-8",
    "electron.global.js.map": "application/json",
}

# The code that runs preload scripts. It is served together with them only.
PRELOAD_RUNTIME: Final = "preload-runtime.js"


class MissingAssetError(FileNotFoundError):
    """A file of the package is missing; in a checkout, because the client has not been built."""


def client_file(name: str) -> Path:
    """Return the path of a built file of the client. Raises MissingAssetError, which says how to build it."""
    return _find(_PACKAGE / "static" / name, _CHECKOUT / "js-client" / "dist" / name)


def page_folder(name: str) -> Path:
    """Return the folder of a page that the package ships, such as `playground`. Raises MissingAssetError."""
    return _find(_PACKAGE / "static" / "pages" / name, _CHECKOUT / "static" / name)


def _find(installed: Path, checkout: Path) -> Path:
    for path in (installed, checkout):
        if path.exists():
            return path
    raise MissingAssetError(f"{installed} is missing; in a checkout of webipc, run `make build` first")
