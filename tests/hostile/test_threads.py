"""Plain `def` handlers of one page are no wait of another page, and do not outlive their page in a row."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.attacked import Attacked, attacked
from tests.support.deaf_page import DeafPage
from tests.support.serving import wait_until

PROGRAM = """
    import threading

    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)
    begun = []
    end = threading.Event()

    @ipc_main.handle("work")
    def work(event, number):
        begun.append(number)
        end.wait(60)

    @ipc_main.handle("echo")
    def echo(event, value): return value

    @app.get("/counts")
    async def counts(): return {"begun": len(begun), **ipc_main.stats()["threads"]}

    @app.get("/end")
    async def end_all(): end.set()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Attacked]:
    with attacked(tmp_path, PROGRAM) as served:
        yield served


def get(server: Attacked, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=20) as response:
        return json.load(response)


def assert_answered(server: Attacked, address: str) -> None:
    with DeafPage(server, address) as page:
        assert page.call("echo", "answered")
        page.read_until(b"answered")
    assert b"answered" in page.received


def test_800_calls_that_do_not_return_are_no_wait_of_another_address(server: Attacked) -> None:
    with DeafPage(server) as page:
        assert page.call("work", 1, times=800)
        wait_until(lambda: get(server, "/counts") == {"begun": 40, "running": 40, "waiting": 760}, "the calls came")
        assert_answered(server, "127.0.0.2")
        assert get(server, "/counts")["begun"] == 40
        get(server, "/end")
        wait_until(lambda: get(server, "/counts")["begun"] == 800, "what waited has run")


def test_calls_in_the_row_end_with_their_link(server: Attacked) -> None:
    with DeafPage(server) as page:
        assert page.call("work", 1, times=800)
        wait_until(lambda: get(server, "/counts")["waiting"] == 760, "the calls came")
        page.send('[0,0,["bye",800]]')
        wait_until(lambda: get(server, "/counts") == {"begun": 40, "running": 40, "waiting": 0}, "the row is empty")
        get(server, "/end")
        wait_until(lambda: get(server, "/counts") == {"begun": 40, "running": 0, "waiting": 0}, "what ran has ended")
        assert_answered(server, "127.0.0.1")
