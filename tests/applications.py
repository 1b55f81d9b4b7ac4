"""Small applications that several tests talk to."""

from typing import Any

from fastapi import FastAPI

from webipc import IpcMain


def application(**settings: Any) -> tuple[FastAPI, IpcMain]:
    """Return an application with an IpcMain at /ipc, and that IpcMain."""
    app = FastAPI()
    ipc_main = IpcMain(**settings)
    ipc_main.mount(app)
    return app, ipc_main
