"""An application in whose handler `long` a call runs until a file is there, for processes that end meanwhile.

Programs of tests begin with `LONG_CALL`, and add what they need. The folder is in the variable FOLDER.
"""

LONG_CALL = """
import asyncio, os
from pathlib import Path
from fastapi import FastAPI
from webipc import IpcMain

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)
folder = Path(os.environ["FOLDER"])

@ipc_main.handle("long")
async def long(event):
    (folder / "runs").touch()
    while not (folder / "go on").exists():
        await asyncio.sleep(0.01)
    return os.getpid()
"""
