"""What the server keeps of the request that a socket came with is charged to the page, with every server."""

from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.support.raw_sockets import Site, hello
from tests.support.serving import DIRECT, PATIENCE, STOCK, live, wait_until
from webipc.version import SUBPROTOCOL


@pytest.mark.parametrize("ws", [pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def test_large_headers_are_charged_until_the_socket_is_lost(ws: Any) -> None:
    site = Site()
    with live(site.app, ws=ws) as server:

        def held() -> int:
            memory: dict[str, int] = site.ipc_main.stats()["memory"]
            return memory["held"]

        def open_with(**headers: str) -> Any:
            return connect(
                f"ws://127.0.0.1:{server.port}/ipc/socket",
                origin=Origin(server.url),
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=headers,
            )

        with open_with() as usual:
            usual.send(hello())
            usual.recv(PATIENCE)
            flat = held()
            with open_with(Cookie="a=" + "x" * 7_000, Authorization="y" * 7_000) as large:
                large.send(hello(link="2" * 32))
                large.recv(PATIENCE)
                # It is charged in the turn that has sent the welcome.
                charged = wait_until(lambda: held() - 2 * flat, "it is charged")
                assert charged == pytest.approx(14_000 - 4_096, abs=500)
            wait_until(lambda: held() == 2 * flat, "what it came with is let go with the socket")
