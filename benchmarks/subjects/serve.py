"""How every subject on uvicorn is served: the same settings for all, so that a difference is the subject's own.

They are the settings of `webipc run`, except its WebSocket class, which only webipc can use. Compression is off because
it would cost more than everything else together.
"""

import sys
from typing import Any

import uvicorn

PAYLOAD = "{:06d}" + "x" * 94  # the broadcast: 100 bytes, numbered, so that the load can check each


def port() -> int:
    """The port to listen on: the program's only argument."""
    return int(sys.argv[1])


def serve(app: Any, ws: Any = "websockets-sansio") -> None:
    """Serve an ASGI application on 127.0.0.1 until the process is stopped; `ws` is the class for sockets."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port(),
        loop="uvloop",
        http="httptools",
        ws=ws,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
    )
