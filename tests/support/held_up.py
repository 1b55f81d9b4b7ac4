"""An application whose helper thread a test can hold up, so that everything else can be seen meanwhile."""

import threading
from collections.abc import Callable
from typing import Any

from tests.support.applications import Application
from tests.support.posting_page import PostingPage
from webipc import IpcMainEvent, Limits
from webipc.hub.hub import Hub

LIMITS = Limits(part_bytes=400_000)


class Site(Application):
    """An application, and a helper thread that a test can hold up."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        super().__init__(limits=limits, may_send_to=lambda sender, target: True)
        self.said: list[Any] = []
        self.ipc_main.on("say", self._say)
        self.ipc_main.handle("echo", lambda event, value: value)
        self.ipc_main.on("ask", lambda event, value: setattr(event, "return_value", value))
        self._gates: list[threading.Event] = []

    def _say(self, event: IpcMainEvent, name: str, value: Any = None) -> None:
        self.said.append(name)

    @property
    def hub(self) -> Hub:
        hub = self.ipc_main._provider.hub
        assert hub is not None
        return hub

    def hold_up(self) -> threading.Event:
        """Keep the helper thread busy until the event is set."""
        gate = threading.Event()
        self._gates.append(gate)
        self.hub.unpacker.run("another", "another", gate.wait, lambda _: None)
        return gate

    def end(self) -> None:
        for gate in self._gates:
            gate.set()


async def page_of(site: Site, link: str = "a" * 32) -> PostingPage:
    page = PostingPage(site.app, LIMITS, link)
    await page.connect()
    return page


def waits(site: Site) -> Callable[[], bool]:
    """Return a question: is something waiting for the helper thread?"""
    return lambda: site.hub.unpacker.waiting > 0
