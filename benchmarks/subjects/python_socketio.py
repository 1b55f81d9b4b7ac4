"""python-socketio on the same server settings. Its handlers validate nothing, as in its documentation."""

from typing import Any

import socketio

from benchmarks.subjects.serve import PAYLOAD, serve

# The default of 1,000,000 bytes would close the connection on a message of 1 MiB.
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", max_http_buffer_size=1 << 25)
app = socketio.ASGIApp(sio)
kept: Any = None  # the value of the last `take`


@sio.on("add")
async def add(sid: str, a: float, b: float) -> float:
    return a + b


@sio.on("echo")
async def echo(sid: str, data: bytes) -> bytes:
    return data


@sio.on("ticks")
async def ticks(sid: str, first: int, count: int) -> None:
    for number in range(first, first + count):
        await sio.emit("tick", number, to=sid)


@sio.on("tell")
async def tell(sid: str, number: int) -> None:
    await sio.emit("news", PAYLOAD.format(number))


@sio.on("flood")
async def flood(sid: str, number: int) -> None:
    """Do nothing: what a flood costs is the library's."""


@sio.on("take")
async def take(sid: str, value: Any) -> int:
    """Keep a value, and return its length."""
    global kept  # noqa: PLW0603 - the state of a program of one file
    kept = value
    return len(value)


@sio.on("give")
async def give(sid: str) -> Any:
    """Return the value of the last `take`."""
    return kept


if __name__ == "__main__":
    serve(app)
