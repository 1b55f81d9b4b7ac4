"""`webipc run` behind SIGTERM: what runs may end, its answers arrive, and nothing new begins. Real processes."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.cli.processes import line_with, page_at, running
from tests.support.serving import PATIENCE, free_port, wait_until

PROGRAM = """
import asyncio, time
from pathlib import Path
from fastapi import FastAPI
from webipc import IpcMain

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)
begun = 0

def began(count):
    global begun
    begun += 1
    if begun == count:
        print("all have begun", flush=True)

def goes_on():
    return Path(__file__).with_name("go on").exists()

async def until_it_goes_on():
    while not goes_on():
        await asyncio.sleep(0.01)

@ipc_main.handle("short")
async def short(event, number, count):
    began(count)
    await until_it_goes_on()
    return number

@ipc_main.handle("thread")
def thread(event, number, count):
    began(count)
    while not goes_on():
        time.sleep(0.01)
    return number

@ipc_main.on("heard")
async def heard(event):
    began(1)
    await until_it_goes_on()
    event.reply("said", "to the end")

@ipc_main.handle("ask the page")
async def ask(event):
    began(1)
    return await event.sender.execute_javascript("1 + 1")

@ipc_main.handle("endless")
async def endless(event, count):
    began(count)
    await asyncio.Event().wait()

@ipc_main.on("endless")
async def endless_listener(event, count):
    began(count)
    await asyncio.Event().wait()

@ipc_main.handle("log")
def log(event, text):
    print(text, flush=True)

@app.get("/slow")
async def slow():
    began(1)
    await until_it_goes_on()
    return "served"

@app.on_event("shutdown")
def ended():
    print("the lifespan has ended", flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


class Server:
    """A `webipc run` process. What it is asked runs until the test says `go_on`."""

    def __init__(self, process: subprocess.Popen[str], port: int, program: Path) -> None:
        self.process = process
        self.port = port
        self._program = program

    def wait_for(self, text: str) -> None:
        line_with(self.process, text)

    def signal(self, sent: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(sent)
        self.wait_for("calls have ended")

    def go_on(self) -> None:
        """Let what waits in the program end."""
        self._program.with_name("go on").touch()

    def end(self) -> str:
        """Wait for the end; return what was printed until then. The exit code is 0."""
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        assert self.process.wait(PATIENCE) == 0
        assert "Traceback" not in rest
        return rest


@contextmanager
def serving(program: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    with running("run", str(program), "--port", str(port), *options) as process:
        line_with(process, "Uvicorn running on")
        yield Server(process, port, program)


def send(page: ClientConnection, seq: int, *messages: list[Any]) -> None:
    page.send(json.dumps([seq, 0, *messages]))


class Received:
    """What a page receives until its socket is closed."""

    def __init__(self, page: ClientConnection) -> None:
        self.messages: list[list[Any]] = []
        self.acknowledged = 0
        with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012 - any of the reads may raise
            while True:
                _, ack, *messages = json.loads(page.recv(PATIENCE))
                self.acknowledged = max(self.acknowledged, ack)
                self.messages += messages
        assert caught.value.rcvd is not None
        self.close = (caught.value.rcvd.code, caught.value.rcvd.reason)

    def results(self) -> dict[int, Any]:
        return {message[1]: message[2] for message in self.messages if message[0] == "result"}


@pytest.mark.parametrize("channel, count", [("short", 200), ("thread", 30)])
def test_the_results_of_what_runs_arrive(program: Path, channel: str, count: int) -> None:
    with serving(program) as server, page_at(server.port, 1) as page:
        calls = [["invoke", 2 * number + 1, channel, [number, count]] for number in range(count)]
        send(page, 1, *calls[:100])
        send(page, 101, *calls[100:])
        server.wait_for("all have begun")
        server.signal()
        server.go_on()
        received = Received(page)
        assert received.results() == {2 * number + 1: number for number in range(count)}
        assert received.acknowledged == count
        assert received.close == (1012, "drained")
        assert "the lifespan has ended" in server.end()


def test_a_listener_may_end_and_send(program: Path) -> None:
    with serving(program) as server, page_at(server.port, 1) as page:
        send(page, 1, ["send", "heard", []])
        server.wait_for("all have begun")
        server.signal()
        server.go_on()
        assert ["send", "said", ["to the end"]] in Received(page).messages
        server.end()


def test_the_server_ends_at_once_when_nothing_runs(program: Path) -> None:
    with serving(program, "--graceful-timeout", "3600") as server, page_at(server.port, 1) as page:
        server.process.send_signal(signal.SIGTERM)
        assert Received(page).close == (1012, "drained")
        server.end()


def test_nothing_new_begins_and_nothing_new_is_acknowledged(program: Path) -> None:
    with serving(program) as server, page_at(server.port, 1) as page, page_at(server.port, 2) as other:
        send(page, 1, ["invoke", 1, "short", [1, 1]])
        server.wait_for("all have begun")
        server.process.send_signal(signal.SIGTERM)
        refused = wait_until(lambda: refuses(server.port), "the server takes no connection any more")
        assert refused
        send(page, 2, ["invoke", 3, "log", ["too late"]])
        send(other, 1, ["void"], ["send", "heard", []], ["void"])
        # The server has read both when it answers what is sent behind them.
        assert page.ping().wait(PATIENCE)
        assert other.ping().wait(PATIENCE)
        server.go_on()
        received, received_there = Received(page), Received(other)
        assert received.results() == {1: 1}
        assert received.acknowledged == 1
        assert received_there.acknowledged == 1
        assert "too late" not in server.end()


def refuses(port: int) -> bool:
    with suppress(ConnectionResetError):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return True
    return False


def test_what_a_handler_waits_for_from_its_page_is_still_taken(program: Path) -> None:
    with serving(program) as server, page_at(server.port, 1, commands=True) as page:
        send(page, 1, ["invoke", 1, "ask the page", []])
        server.wait_for("all have begun")
        _, _, (kind, call_id, channel, _) = json.loads(page.recv(PATIENCE))
        server.signal()
        page.send(json.dumps([2, 1, ["result", call_id, 2]]))
        assert Received(page).results() == {1: 2}
        assert (kind, channel) == ("invoke", "webipc:executeJavaScript")
        server.end()


def test_what_still_runs_is_cancelled_and_answered_and_logged_in_one_line(program: Path) -> None:
    with serving(program, "--graceful-timeout", "0.2") as server, page_at(server.port, 1) as page:
        send(page, 1, *[["invoke", 2 * number + 1, "endless", [8]] for number in range(5)])
        send(page, 6, *[["send", "endless", [8]] for _ in range(3)])
        server.wait_for("all have begun")
        server.process.send_signal(signal.SIGTERM)
        received = Received(page)
        errors = {message[1]: message[2] for message in received.messages if message[0] == "error"}
        sent = "reply was never sent"
        told = {"message": sent, "detail": sent, "code": "reply-never-sent"}
        assert errors == {2 * n + 1: told for n in range(5)}
        rest = server.end()
    assert "INFO:     8 calls were still running when the server ended, and were cancelled" in rest
    assert not [line for line in rest.splitlines() if line.startswith(("WARNING", "ERROR"))]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(program: Path, second: signal.Signals) -> None:
    with serving(program, "--graceful-timeout", "3600") as server, page_at(server.port, 1) as page:
        send(page, 1, ["invoke", 1, "endless", [1]])
        server.wait_for("all have begun")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server.port), "the server takes no connection any more")
        server.process.send_signal(second)
        assert Received(page).close == (1012, "drained")
        server.process.wait(PATIENCE)


def test_ctrl_c_does_not_wait_for_the_graceful_timeout(program: Path) -> None:
    with serving(program, "--graceful-timeout", "3600") as server, page_at(server.port, 1) as page:
        send(page, 1, ["invoke", 1, "endless", [1]])
        server.wait_for("all have begun")
        server.process.send_signal(signal.SIGINT)
        assert Received(page).close == (1012, "drained")
        server.process.wait(PATIENCE)


def test_a_request_of_the_application_may_end_too(program: Path) -> None:
    with serving(program) as server, ThreadPoolExecutor() as pool:
        answer = pool.submit(get, f"http://127.0.0.1:{server.port}/slow")
        server.wait_for("all have begun")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(server.port), "the server takes no connection any more")
        server.go_on()
        assert answer.result(PATIENCE) == b'"served"'
        server.end()


def get(url: str) -> bytes:
    with urlopen(url, timeout=PATIENCE) as response:
        body: bytes = response.read()
        return body


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon", "3601"])
def test_a_graceful_timeout_is_a_number_of_seconds(program: Path, seconds: str) -> None:
    with running("run", str(program), f"--graceful-timeout={seconds}") as process:
        line_with(process, f"expected a number of seconds from 0 to 3600, got {seconds}")
        assert process.wait(PATIENCE) == 2


def test_dev_restarts_without_waiting_for_what_runs(program: Path) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process, ExitStack() as stack:
        line_with(process, "webipc: open")
        page = stack.enter_context(page_at(port, 1))
        send(page, 1, ["invoke", 1, "endless", [1]])
        line_with(process, "all have begun")
        program.write_text(PROGRAM + "\nprint('restarted', flush=True)\n", encoding="utf-8")
        assert Received(page).close == (1012, "drained")
        line_with(process, "restarted")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
