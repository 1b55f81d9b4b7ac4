"""Listeners that tests of ports share: they keep what a port receives, and pass ports on."""

from typing import Any

from tests.support.connected import contents_of
from webipc import (
    IpcMain,
    IpcMainEvent,
    MessageEvent,
    MessagePortMain,
)
from webipc.testing import Renderer


class Ear:
    """Keeps what a port has heard."""

    def __init__(self, port: MessagePortMain) -> None:
        self.heard: list[Any] = []
        self.ports: list[MessagePortMain] = []
        self.port = port
        port.on("message", self._came)
        port.on("close", lambda: self.heard.append("close"))
        port.start()

    def _came(self, event: MessageEvent) -> None:
        self.heard.append(event.data)
        self.ports += event.ports


class Taking:
    """Listens for ports on the channel `port`, and to each of them."""

    def __init__(self, ipc_main: IpcMain) -> None:
        self.ears: list[Ear] = []
        self.messages: list[Any] = []
        ipc_main.on("port", self._port)

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        self.messages.append(message)
        self.ears += [Ear(port) for port in event.ports]


def open_ports(ipc_main: IpcMain) -> list[int]:
    """Return how many ports are open on each link."""
    assert ipc_main._provider.hub is not None
    return [len(connection.ports) for connection in ipc_main._provider.hub._links]


def forward_to(ipc_main: IpcMain, target: Renderer) -> None:
    """Pass on to this page what is posted on `forward`."""

    @ipc_main.on("forward")
    def forward(event: IpcMainEvent, message: Any) -> None:
        contents_of(ipc_main, target).post_message("port", message, event.ports)
