"""A stranger's links end no page of anybody else, and one address cannot hold all of them."""

import json
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.attacked import Attacked, attacked
from tests.support.deaf_page import DeafPage, deaf_pages
from tests.support.raw_sockets import beacon, closing, greeted, hello, post, socket
from tests.support.serving import PATIENCE, wait_until

PROGRAM = """
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain(max_links=200)
    ipc_main.mount(app)

    @ipc_main.handle("echo")
    async def echo(event, value): return value

    @app.get("/links")
    async def links(): return ipc_main.stats()["links"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("eviction"), PROGRAM) as served:
        yield served


def links(server: Attacked) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/links", timeout=20) as response:
        found: dict[str, Any] = json.load(response)
        return found


def test_2001_beacons_end_no_suspended_page(server: Attacked) -> None:
    names = [secrets.token_hex(16) for _ in range(10)]
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(greeted(server, link=name))
    wait_until(lambda: links(server)["away"] == 10, "the pages are suspended")
    statuses = [post(server, "/ipc/beacon", beacon(link=secrets.token_hex(16), fresh=True))[0] for _ in range(2_001)]
    assert set(statuses) == {204}
    assert links(server)["by_request"] <= 250
    for name in names:
        with socket(server) as back:
            back.send(hello(link=name, attempt=2, fresh=False))
            assert json.loads(back.recv(PATIENCE))[2][0] == "welcome"


def test_one_address_cannot_hold_all_links(server: Attacked) -> None:
    with deaf_pages(server, 100):
        with socket(server) as late:
            late.send(hello(link=secrets.token_hex(16)))
            assert closing(late) == (4503, "this address has its share of the server's 200 links")
        with DeafPage(server, "127.0.0.2") as page:
            assert page.call("echo", "there is room")
            page.read_until(b"there is room")
        assert b"there is room" in page.received
        assert links(server)["open"] <= 101
