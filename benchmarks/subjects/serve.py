"""How the subjects on uvicorn are served, except webipc: the same settings for all of them.

They are those that `webipc run` gives to uvicorn, without its own classes, which only webipc can use. Compression is
off because it would cost more than everything else together. Messages of 16 MiB have to pass.
"""

import sys
from typing import Any

import uvicorn

PAYLOAD = "{:06d}" + "x" * 94  # the broadcast: 100 bytes, numbered, so that the load can check each


def port() -> int:
    """The port to listen on: the program's only argument."""
    return int(sys.argv[1])


def serve(app: Any) -> None:
    """Serve an ASGI application on 127.0.0.1 until the process is stopped."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port(),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1 << 25,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
    )
