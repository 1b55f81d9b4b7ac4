"""How `webipc run` and `webipc dev` end: Ctrl-C and SIGTERM at every stage. Real processes."""

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.cli.processes import answers, line_with, page_at, running
from tests.support.raw_sockets import hello, socket
from tests.support.serving import PATIENCE, free_port, spawned, wait_until
from webipc.core.frame import encode_body, encode_control
from webipc.endpoints.body import CONTENT_TYPE

SLOW = """
import os
import time
from contextlib import asynccontextmanager
import asyncio
from fastapi import FastAPI
from webipc import IpcMain

def wait():
    print("waits", flush=True)
    return 3600

@asynccontextmanager
async def lifespan(app):
    {starting}
    yield
    {ending}

{importing}
app = FastAPI(lifespan=lifespan)
IpcMain().mount(app)
"""


WAITS_LONG = "await asyncio.sleep(wait())"


def slow(folder: Path, **where: str) -> str:
    """Write a program that waits for an hour: while it is imported, starts or ends. Return its path."""
    file = folder / "main.py"
    file.write_text(SLOW.format(**{"starting": "", "ending": "", "importing": "", **where}), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_signal_ends_a_program_that_is_being_imported(tmp_path: Path, command: str, sent: signal.Signals) -> None:
    file = slow(tmp_path, importing="time.sleep(wait())")
    with running(command, file, "--port", "0") as process:
        line_with(process, "waits")
        os.killpg(process.pid, sent)
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in rest


def child_that_imports(parent: int) -> bool:
    """Tell whether a child of this process runs Python and has imported Pydantic (Linux)."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
        with suppress(OSError):
            is_python = "spawn_main" in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8")
            if is_python and "pydantic_core" in Path(f"/proc/{child}/maps").read_text(encoding="utf-8"):
                return True
    return False


def test_only_the_main_thread_of_the_server_takes_signals_during_the_import(tmp_path: Path) -> None:
    program = slow(tmp_path, importing="print('pid', os.getpid()); time.sleep(wait())")
    with running("dev", program, "--port", "0") as process:
        server = int(line_with(process, "pid ").removeprefix("pid "))
        line_with(process, "waits")
        # Another thread that took a signal would not wake the main thread from its sleep.
        takers = [thread for thread in threads_of(server) if not blocks(thread, signal.SIGINT, signal.SIGTERM)]
        assert [thread.name for thread in takers] == [str(server)]


def threads_of(process: int) -> list[Path]:
    return list(Path(f"/proc/{process}/task").iterdir())


def blocks(thread: Path, *signals: signal.Signals) -> bool:
    """Tell whether a thread blocks these signals (Linux)."""
    status = (thread / "status").read_text(encoding="ascii")
    mask = int(re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)[0], 16)
    return all(mask >> (number - 1) & 1 for number in signals)


def test_ctrl_c_while_dev_starts_python_has_no_traceback(program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open") as process:
        wait_until(lambda: child_that_imports(process.pid), "the child process imports webipc")
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_second_ctrl_c_ends_an_application_that_never_finishes_its_start(tmp_path: Path, command: str) -> None:
    with running(command, slow(tmp_path, starting=WAITS_LONG), "--port", "0") as process:
        line_with(process, "waits")
        os.killpg(process.pid, signal.SIGINT)
        line_with(process, "press Ctrl-C again to end it now")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_second_ctrl_c_ends_an_application_that_never_finishes_its_stop(tmp_path: Path, command: str) -> None:
    with running(command, slow(tmp_path, ending=WAITS_LONG), "--port", "0") as process:
        line_with(process, "startup complete")
        os.killpg(process.pid, signal.SIGINT)
        line_with(process, "waits")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)


@pytest.mark.parametrize("blocks", [False, True])
def test_ctrl_c_ends_it_with_pages_connected_and_whatever_runs(program: Path, *, blocks: bool) -> None:
    port = free_port()
    options = ("--port", str(port), "--graceful-timeout", "3600")
    with running("run", str(program), *options) as process, ExitStack() as open_pages:
        line_with(process, "Uvicorn running on")
        pages = [open_pages.enter_context(page_at(port, index)) for index in range(5)]
        if blocks:
            pages[0].send('[1,0,["invoke",1,"block",[]],["invoke",3,"version",[]]]')
            assert '["result",3,1]' in str(pages[0].recv(PATIENCE))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


WAITS_IN_A_THREAD = """
import os
import pathlib
import threading
from fastapi import Depends, FastAPI
from webipc import IpcMain
def wait():
    pathlib.Path(os.environ["WAITS"]).touch()
    threading.Event().wait(600)
app = FastAPI()
ipc_main = IpcMain(authenticate={authenticate})
ipc_main.mount(app)
@ipc_main.handle("depends", dependencies=[Depends(wait)])
async def depends(event):
    pass
"""


@pytest.mark.parametrize("authenticate", ["wait", None])
def test_ctrl_c_ends_a_server_while_a_plain_dependency_waits(tmp_path: Path, authenticate: str | None) -> None:
    file, waits = tmp_path / "main.py", tmp_path / "waits"
    file.write_text(WAITS_IN_A_THREAD.format(authenticate=authenticate), encoding="utf-8")
    with spawned(file, WAITS=str(waits)) as server, socket(server) as page:
        page.send(hello())
        if authenticate is None:
            assert "welcome" in str(page.recv(PATIENCE))
            page.send('[1,0,["invoke",1,"depends",[]]]')
        wait_until(waits.exists, "the dependency waits")
        server.interrupt()
        assert server.process is not None
        assert server.process.returncode == 0


BLOCKED = """
import asyncio
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)
kept = []
@ipc_main.on("keep")
def keep(event):
    kept.append(event)
    print("blocked", flush=True)
@ipc_main.on("wait")
async def wait(event):
    print("blocked", flush=True)
    await asyncio.Event().wait()
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("channel", ["keep", "wait"])
@pytest.mark.parametrize("connected", [True, False], ids=["with a socket", "before its first socket"])
def test_a_page_that_is_blocked_when_the_server_ends_may_retry_and_the_log_is_clean(
    tmp_path: Path, channel: str, sent: signal.Signals, *, connected: bool
) -> None:
    program = tmp_path / "main.py"
    program.write_text(BLOCKED, encoding="utf-8")
    port = free_port()
    options = ("--port", str(port), "--graceful-timeout", "0.2")
    with running("run", str(program), *options) as process, ExitStack() as stack:
        line_with(process, "Uvicorn running on")
        if connected:
            stack.enter_context(page_at(port, 7))
        pool = stack.enter_context(ThreadPoolExecutor())
        answer = pool.submit(ask, port, 7, channel)
        line_with(process, "blocked")
        process.send_signal(sent)
        process.wait(PATIENCE)
        status, body = answer.result(PATIENCE)
        assert process.stdout is not None
        output = process.stdout.read()
    # Not a refusal, which would be a JSON object: the page may ask the next server (PROTOCOL.md 2.3).
    assert (status, body) == (503, b"the server ends\n")
    assert "Traceback" not in output
    assert "Cancel 1 running task(s)" not in output


def ask(port: int, index: int, channel: str) -> tuple[int, bytes]:
    """Send the request of a page that is blocked in `sendSync`; return the status and body of the refusal."""
    hello = {"link": f"{index:032x}", "secret": f"{index:032x}", "attempt": 0, "received": 0, "first": 1}
    frames = [
        encode_control(0, "hello", {**hello, "fresh": True, "features": []}),
        json.dumps([1, 0, ["sync", 1, channel, []]]),
        encode_control(0, "await", 1),
    ]
    address = f"http://127.0.0.1:{port}"
    headers = {"Content-Type": CONTENT_TYPE, "Origin": address}
    with (
        pytest.raises(HTTPError) as caught,
        urlopen(Request(f"{address}/ipc/sync", encode_body(frames), headers), timeout=PATIENCE),
    ):
        pytest.fail("the request was answered")
    with caught.value as error:
        return error.code, error.read()


def test_the_server_ends_when_dev_was_killed(program: Path) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        line_with(process, "webipc: open")
        wait_until(lambda: answers(port), "the server listens")
        process.kill()
        wait_until(lambda: not answers(port), "the server has ended")


def test_dev_ends_with_ctrl_c(program: Path) -> None:
    with running("dev", str(program), "--port", str(free_port()), "--no-open") as process:
        line_with(process, "webipc: open")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 0
