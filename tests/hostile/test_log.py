"""What a page can do to the log of a `webipc run` process: little, and nothing to the terminal that shows it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.attacked import Attacked, attacked
from tests.support.raw_sockets import beacon, greeted, post, socket

PROGRAM = """
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)

    @ipc_main.handle("n")
    def n(event, value: int): return value

    @ipc_main.on("m")
    def m(event, value: int): pass

    @ipc_main.handle("fails")
    async def fails(event, text): raise ValueError(text)
"""
EVIL = "a\nERROR: forged \x1b[2J\x9b31m\u202e"
CALLS = 1_500


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Attacked]:
    with attacked(tmp_path, PROGRAM) as running:
        yield running


REFUSED = {
    "a bad argument of a handler": ["invoke", "n", ["x"]],
    "a bad argument of a listener": ["send", "m", ["x"]],
    "a handler that is not there": ["invoke", "absent", []],
    "a listener of sendSync that is not there": ["sync", "absent", []],
}


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_are_refused_write_less_than_they_send(name: str, server: Attacked) -> None:
    kind, channel, args = REFUSED[name]
    sent = 0
    with greeted(server, features=["ports"]) as page:
        before = len(server.log)
        for number in range(1, CALLS + 1):
            ident = [] if kind == "send" else [2 * number - 1]
            frame = json.dumps([number, 0, [kind, *ident, channel, args]])
            sent += len(frame)
            page.send(frame)
        page.send(json.dumps([CALLS + 1, 0, ["invoke", 2 * CALLS + 1, "n", [7]]]))
        answers: list[Any] = []
        while ["result", 2 * CALLS + 1, 7] not in answers:
            seq, _, *answers = json.loads(page.recv(20))
            # Without an acknowledgement the server holds back the rest.
            page.send(json.dumps([CALLS + 2, seq + len(answers) - 1]))
        written = server.log[before:]
    assert len(written) < sent / 20
    assert "Traceback" not in written
    assert written.count("\n") == 10
    assert "further lines like this of the same page are left out" in written


def test_no_text_of_a_page_writes_a_line_or_an_escape(server: Attacked) -> None:
    with greeted(server) as page:
        messages = [["invoke", 1, EVIL, []], ["sync", 3, EVIL, []], ["invoke", 5, "fails", [EVIL]]]
        page.send(json.dumps([1, 0, *messages, ["invoke", 7, "n", [EVIL]], ["invoke", 9, "n", [9]]]))
        while '"result",9,9' not in str(page.recv(20)):
            pass
    post(server, "/ipc/beacon", beacon(json.dumps([1, 0, ["send", EVIL * 2_000, []]]), fresh=True))
    lines = server.log.splitlines()
    assert not [line for line in lines if not line.isprintable()]
    assert not [line for line in lines if line.startswith("ERROR: forged")]
    assert sum(r"a\nERROR: forged \x1b[2J\x9b31m\u202e" in line for line in lines) >= 4


def test_a_socket_with_a_number_of_five_thousand_digits_is_not_found(server: Attacked) -> None:
    for digits in (17, 5_000):
        with pytest.raises(InvalidStatus) as caught, socket(server, path=f"/ipc/socket/{'1' * digits}"):
            pass
        assert caught.value.response.status_code == 404
    with socket(server, path=f"/ipc/socket/{'9' * 16}"):
        pass
    assert "Traceback" not in server.log
