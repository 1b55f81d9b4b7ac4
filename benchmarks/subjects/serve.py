"""How every subject on uvicorn is served: the same settings for all, so that a difference is the subject's own.

They are the settings of `webipc run`, but for its class for sockets, of which webipc alone has anything. Compression is
off because it would cost more than all else together.
"""

import sys
from typing import Any

import uvicorn

PAYLOAD = (
    "{:06d}" + "x" * 94
)  # what is told to everybody: 100 bytes, numbered, so that the load can tell one from the next


def port() -> int:
    """The port to listen on: the program's only argument."""
    return int(sys.argv[1])


def serve(app: Any, ws: Any = "websockets-sansio") -> None:
    """Serve an ASGI application on 127.0.0.1 until the process is told to end; `ws` is the class for sockets."""
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
