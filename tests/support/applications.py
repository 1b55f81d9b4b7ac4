"""Small applications for tests: an IpcMain at /ipc, and nothing else unless it is added.

Nothing here registers a channel or starts a server.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from webipc import IpcMain, WebContents


class Application:
    """An application with an IpcMain at /ipc and, if `pages` is given, that folder at /. Tests add channels to it."""

    def __init__(self, *, pages: Path | None = None, **settings: Any) -> None:
        """`settings` are the arguments of `IpcMain`."""
        self.app = FastAPI()
        self.ipc_main = IpcMain(**settings)
        self.ipc_main.mount(self.app, pages=pages)

    def the_contents(self) -> WebContents:
        """Return the only tab of the application."""
        (contents,) = self.ipc_main.get_all_web_contents()
        return contents


def application(**settings: Any) -> tuple[FastAPI, IpcMain]:
    """Return an application with an IpcMain at /ipc, and that IpcMain."""
    made = Application(**settings)
    return made.app, made.ipc_main
