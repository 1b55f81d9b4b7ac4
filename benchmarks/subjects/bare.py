"""The lower bound: an ASGI application that echoes each frame, on the same server with the same settings.

It decodes nothing. A frame `tell N` is sent to all connections, with one `send` each: ASGI has no other broadcast.
"""

from typing import Any

from benchmarks.subjects.serve import PAYLOAD, serve

connections: set[Any] = set()  # the `send` of every open connection


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    connections.add(send)
    try:
        await echo(receive, send)
    finally:
        connections.discard(send)


async def lifespan(receive: Any, send: Any) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


async def echo(receive: Any, send: Any) -> None:
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        if text is not None and text.startswith("tell "):
            await tell(int(text[5:]))
        else:
            await send({"type": "websocket.send", "bytes": event.get("bytes"), "text": text})


async def tell(number: int) -> None:
    message = {"type": "websocket.send", "text": PAYLOAD.format(number)}
    for send in list(connections):
        await send(message)


if __name__ == "__main__":
    serve(app)
