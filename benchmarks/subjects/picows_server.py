"""picows, the fastest WebSocket server for Python: the cost of a broadcast without a web framework."""

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.subjects.serve import PAYLOAD, port

connections: set[WSTransport] = set()  # every open connection


class Member(WSListener):
    """One connection: `tell N` is a broadcast to all."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        connections.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        connections.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            tell(int(frame.get_payload_as_ascii_text().removeprefix("tell ")))


def tell(number: int) -> None:
    payload = PAYLOAD.format(number).encode()
    for transport in connections:
        transport.send(WSMsgType.TEXT, payload)


def join(request: WSUpgradeRequest) -> WSListener:
    return Member()


async def main() -> None:
    server = await ws_create_server(join, "127.0.0.1", port())
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
