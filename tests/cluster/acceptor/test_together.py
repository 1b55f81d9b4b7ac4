"""Pages of `webipc run --workers 2`: what they hear of each other, and what becomes of them in a rolling restart."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import closing, hello
from tests.support.raw_sockets import socket as websocket
from tests.support.serving import PATIENCE
from tests.support.workers import PROGRAM, Served, principal_of, served

TELLS = f"""{PROGRAM}
@ipc_main.handle("tell all")
async def tell_all(event, text):
    ipc_main.broadcast("told", text)

@ipc_main.handle("id")
async def its_id(event):
    return [*me(), event.sender.id]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("together"), program=TELLS) as made:
        yield made


class Page:
    """A page, as far as these tests need one."""

    def __init__(self, opened: ClientConnection, received: int = 0, sent: int = 0) -> None:
        self.opened = opened
        self.received = received
        self.sent = sent

    def next(self) -> Any:
        """Return the next numbered message."""
        while True:
            first, _, *messages = json.loads(self.opened.recv(PATIENCE))
            if first:
                self.received = first + len(messages) - 1
                return messages[0]

    def invoke(self, channel: str, *values: Any) -> Any:
        self.sent += 1
        call = 2 * self.sent + 1
        self.opened.send(json.dumps([self.sent, self.received, ["invoke", call, channel, list(values)]]))
        while (message := self.next())[:2] != ["result", call]:
            pass
        return message[2]


@contextmanager
def page(server: Served, slot: int, link: int, was: Page | None = None) -> Iterator[Page]:
    """Open a page whose browser belongs to this worker, or resume it."""
    with websocket(server, headers={"Cookie": f"webipc_principal={principal_of(slot)}"}) as opened:
        fields = {} if was is None else {"fresh": False, "attempt": 2, "received": was.received, "first": was.sent + 1}
        opened.send(hello(link=f"{link:032x}", **fields))
        kind = json.loads(opened.recv(PATIENCE))[2][0]
        assert kind == "welcome"
        yield Page(opened) if was is None else Page(opened, was.received, was.sent)


def test_a_broadcast_reaches_the_pages_of_both_workers(server: Served) -> None:
    with page(server, 1, 1) as first, page(server, 2, 2) as second:
        assert first.invoke("who")[0] == 1
        assert second.invoke("who")[0] == 2
        first.opened.send(json.dumps([first.sent + 1, first.received, ["invoke", 99, "tell all", ["hello"]]]))
        assert first.next()[:2] == ["send", "told"]
        assert second.next() == ["send", "told", ["hello"]]


def test_tabs_of_two_workers_have_different_ids(server: Served) -> None:
    with page(server, 1, 3) as first, page(server, 2, 4) as second:
        assert first.invoke("id")[2] != second.invoke("id")[2]


def test_pages_go_on_in_the_next_worker_with_their_ids(server: Served) -> None:
    with ExitStack() as stack:
        pages = {link: stack.enter_context(page(server, 1 + link % 2, link)) for link in range(10, 16)}
        before = {link: one.invoke("id") for link, one in pages.items()}
        os.kill(server.process.pid, signal.SIGHUP)
        server.line_with("all 2 workers were replaced")
        for one in pages.values():
            assert closing(one.opened)[0] == 1012
        for link, one in pages.items():
            slot, pid, its_id = stack.enter_context(page(server, 1 + link % 2, link, one)).invoke("id")
            assert its_id == before[link][2]
            assert (slot, pid) == (1 + link % 2, server.workers()[slot])
            assert pid != before[link][1]
