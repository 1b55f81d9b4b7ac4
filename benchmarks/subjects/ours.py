"""webipc as an application uses it: annotated, so validated arguments, no private name, and the WebSocket class of
`webipc run`.
"""

from fastapi import FastAPI

from benchmarks.subjects.serve import PAYLOAD, serve
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent
from webipc.uvicorn_websocket import DirectWebSocket

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)


@ipc_main.handle("add")
async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
    return a + b


@ipc_main.handle("echo")
async def echo(event: IpcMainInvokeEvent, data: bytes) -> bytes:
    return data


@ipc_main.on("ticks")
def ticks(event: IpcMainEvent, first: int, count: int) -> None:
    """Push one message per event; the library decides how many a frame holds."""
    for number in range(first, first + count):
        event.sender.send("tick", number)


@ipc_main.on("tell")
def tell(event: IpcMainEvent, number: int) -> None:
    ipc_main.broadcast("news", PAYLOAD.format(number))


if __name__ == "__main__":
    serve(app, DirectWebSocket)
