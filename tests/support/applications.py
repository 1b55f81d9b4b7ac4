"""Small applications that several tests talk to: an IpcMain at /ipc, and nothing else unless it is added.

Knows no channel, and no way of being served.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from webipc import IpcMain, WebContents


class Application:
    """An application with an IpcMain at /ipc and, where a folder is named, its pages at /. Tests add channels to it."""

    def __init__(self, *, pages: Path | None = None, **settings: Any) -> None:
        """`settings` are the arguments of `IpcMain`."""
        self.app = FastAPI()
        self.ipc_main = IpcMain(**settings)
        self.ipc_main.mount(self.app, pages=pages)

    def the_contents(self) -> WebContents:
        """Return the one tab that there is."""
        (contents,) = self.ipc_main.get_all_web_contents()
        return contents


def application(**settings: Any) -> tuple[FastAPI, IpcMain]:
    """Return an application with an IpcMain at /ipc, and that IpcMain."""
    made = Application(**settings)
    return made.app, made.ipc_main
