"""python-socketio on the same server settings. Its handlers validate nothing, as in its documentation."""

import socketio

from benchmarks.subjects.serve import PAYLOAD, serve

# The default of 1,000,000 bytes would close the connection on a message of 1 MiB.
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", max_http_buffer_size=1 << 24)
app = socketio.ASGIApp(sio)


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


if __name__ == "__main__":
    serve(app)
