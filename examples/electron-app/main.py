"""The main process of an Electron application, ported to Python. The files in `app` are Electron's, but for one line.

Start it with `webipc dev main.py`. `preload.js` and `renderer.js` run unchanged in Electron. `index.html` has the
additional line `<script src="/ipc/preload.js">`, which replaces `webPreferences.preload`.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents

APP = Path(__file__).parent / "app"

app = FastAPI(title="An Electron application")
ipc_main = IpcMain(preload=[APP / "preload.js"])
ipc_main.mount(app, pages=APP)


@dataclass
class Window:
    """The state of one tab in the main process."""

    title: str = "An Electron application"
    count: int = 0


windows: dict[int, Window] = {}
counting: set[asyncio.Task[None]] = set()


@ipc_main.handle("ping")
async def ping(event: IpcMainInvokeEvent) -> str:
    return "pong"


@ipc_main.on("set-title")
def set_title(event: IpcMainEvent, title: str) -> None:
    windows[event.sender.id].title = title


@ipc_main.on("count")
def count(event: IpcMainEvent, value: int) -> None:
    windows[event.sender.id].count = value


@ipc_main.handle("report")
async def report(event: IpcMainInvokeEvent) -> Window:
    return windows[event.sender.id]


@ipc_main.web_contents_created
def created(event: Any, contents: WebContents) -> None:
    windows[contents.id] = Window()
    task = asyncio.get_running_loop().create_task(push(contents))
    counting.add(task)
    task.add_done_callback(counting.discard)


async def push(contents: WebContents) -> None:
    """Send `step` to the page every second while the tab exists. It replies on the channel `count`."""
    while not contents.is_destroyed():
        # During a reload the tab has no document.
        if (frame := contents.main_frame) is not None:
            frame.send("step", 1)
        await asyncio.sleep(1)
    del windows[contents.id]
