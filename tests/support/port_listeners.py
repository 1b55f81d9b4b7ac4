"""Listeners that the tests of ports share: they record what a port receives, and forward ports to another page."""

from typing import Any

from tests.support.connected import contents_of
from webipc import (
    IpcMain,
    IpcMainEvent,
    MessageEvent,
    MessagePortMain,
)
from webipc.testing import Renderer


class PortListener:
    """Records the messages, the ports and the `close` of a port."""

    def __init__(self, port: MessagePortMain) -> None:
        self.received: list[Any] = []
        self.ports: list[MessagePortMain] = []
        self.port = port
        port.on("message", self._receive)
        port.on("close", lambda: self.received.append("close"))
        port.start()

    def _receive(self, event: MessageEvent) -> None:
        self.received.append(event.data)
        self.ports += event.ports


class PortReceiver:
    """Listens on the channel `port`, and to each port that arrives there."""

    def __init__(self, ipc_main: IpcMain) -> None:
        self.listeners: list[PortListener] = []
        self.messages: list[Any] = []
        ipc_main.on("port", self._port)

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        self.messages.append(message)
        self.listeners += [PortListener(port) for port in event.ports]


def open_ports(ipc_main: IpcMain) -> list[int]:
    """Return how many ports are open on each link."""
    assert ipc_main._provider.hub is not None
    return [len(connection.ports) for connection in ipc_main._provider.hub._links]


def forward_to(ipc_main: IpcMain, target: Renderer) -> None:
    """Forward the messages and ports of the channel `forward` to a page."""

    @ipc_main.on("forward")
    def forward(event: IpcMainEvent, message: Any) -> None:
        contents_of(ipc_main, target).post_message("port", message, event.ports)
