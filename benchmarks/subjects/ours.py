"""webipc as an application uses it: annotated, so validated arguments, no private name.

It is served by `webipc run`, as in production.
"""

import time
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.subjects.serve import PAYLOAD
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)
kept: Any = None  # the value of the last `take`


class Person(BaseModel):
    """A model of JSON's own types and a Date."""

    id: int
    name: str
    email: str
    score: float
    active: bool
    since: datetime


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


@ipc_main.on("ask")
def ask(event: IpcMainEvent) -> None:
    """Answer a `sendSync`."""
    event.return_value = 1


@ipc_main.on("flood")
def flood(event: IpcMainEvent, number: int) -> None:
    """Do nothing: what a flood costs is the library's."""


@ipc_main.handle("take")
async def take(event: IpcMainInvokeEvent, value: Any) -> int:
    """Keep a value, and return its length."""
    global kept  # noqa: PLW0603 - the state of a program of one file
    kept = value
    return len(value)


@ipc_main.handle("take-models")
async def take_models(event: IpcMainInvokeEvent, value: list[Person]) -> int:
    """The same, validated."""
    global kept  # noqa: PLW0603 - the same
    kept = value
    return len(value)


@ipc_main.handle("give")
async def give(event: IpcMainInvokeEvent) -> Any:
    """Return the value of the last `take`."""
    return kept


@ipc_main.on("push")
def push(event: IpcMainEvent, count: int, size: int) -> None:
    """Send so many messages with a text of so many characters, each another one."""
    for number in range(count):
        event.sender.send("news", f"{number:08d}".ljust(size, "x"))
    _pushes.append(count)


_pushes: list[int] = []


@ipc_main.handle("pushed")
def pushed(event: IpcMainInvokeEvent) -> int:
    """Tell how often all messages of `push` were sent."""
    return len(_pushes)


@ipc_main.handle("rest")
def rest(event: IpcMainInvokeEvent, seconds: float) -> float:
    """Block a thread."""
    time.sleep(seconds)
    return seconds
