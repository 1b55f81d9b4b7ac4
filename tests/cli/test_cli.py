"""The command `webipc`: what it is given, what it tells, how it ends. Real processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.serving import DIRECT, PATIENCE, STOCK, free_port, spawned, wait_until
from webipc.cli import command as cli
from webipc.core.frame import encode_body, encode_control
from webipc.endpoints.body import CONTENT_TYPE
from webipc.version import SUBPROTOCOL, VERSION

PROGRAM = """
import threading
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app{pages})
@ipc_main.handle("block")
def block(event):
    threading.Event().wait(60)
@ipc_main.handle("version")
def version(event):
    return 1
"""

FROZEN = """
import gc
from fastapi import FastAPI
from webipc import IpcMain
app = FastAPI()
IpcMain().mount(app)
at_import = gc.get_freeze_count()
@app.get("/frozen")
def frozen():
    return [at_import, gc.get_freeze_count()]
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
    return file


@contextmanager
def running(*arguments: str, under: Sequence[str] = (), **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command as a person does, and end it with Ctrl-C. `under` is a command that runs another one."""
    process = subprocess.Popen(
        [*under, sys.executable, "-u", "-m", "webipc", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE)
    finally:
        # Whatever a failed test has left behind, children included.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process says until a line has `text`. One that says nothing any more is ended, and so is told."""
    assert process.stdout is not None
    lines = []
    patience = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if text in line:
                return line
    finally:
        patience.cancel()
    raise AssertionError(f"it ended without saying {text!r}: {''.join(lines)}")


@pytest.mark.parametrize("name", ["nothing.py", "nothing", ".", "page.html"])
def test_what_is_not_there_is_told_in_one_sentence(
    name: str, program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(program.parent)
    assert cli.main(["dev", name]) == 1
    assert re.fullmatch(r"webipc: .+\n", capsys.readouterr().err)


def test_run_does_not_take_another_port_than_it_was_given(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["run", str(program), "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"webipc: cannot listen on 127.0.0.1:{port}: address already in use; "
        "end the program that listens there, or choose another port with --port\n"
    )


def test_an_address_of_another_machine_is_refused_with_what_to_give(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["dev", str(program), "--host", "203.0.113.1"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("webipc: cannot listen on 203.0.113.1:8000: ")
    assert told.endswith("; --host takes an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them\n")


@pytest.mark.parametrize("port", ["70000", "-1", "eight"])
def test_what_is_no_port_is_refused_with_the_ports_that_there_are(
    port: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["dev", str(program), f"--port={port}"])
    assert f"expected a number from 0 to 65535, got {port}\n" in capsys.readouterr().err


def test_dev_tells_the_port_that_the_system_chose(program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open") as process:
        told = re.fullmatch(r"webipc: open (http://127\.0\.0\.1:[1-9]\d*)/ipc/\n", line_with(process, "webipc: open"))
        assert told is not None
        with urlopen(f"{told[1]}/ipc/", timeout=PATIENCE) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("path", ["/tools/app", "tools/app/"])
def test_a_path_under_which_a_proxy_serves_may_be_written_with_any_slashes(path: str, program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open", "--root-path", path) as process:
        assert line_with(process, "webipc: open").endswith("/tools/app/ipc/\n")


def test_dev_takes_the_next_free_port_and_says_so(program: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running("dev", str(program), "--port", str(port), "--no-open") as process:
            said = re.search(rf"port {port} is in use, so this is port (\d+)", line_with(process, "is in use"))
            assert said is not None
            # Mostly the very next; but whatever else runs here may have taken that one.
            assert port < int(said[1]) < port + 100


def test_what_is_no_origin_is_told_in_one_sentence(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dev", str(program), "--origin", "localhost:5173"]) == 1
    told = "webipc: --origin: expected an origin such as https://app.example, got 'localhost:5173'\n"
    assert capsys.readouterr().err == told


def test_a_folder_of_pages_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(PROGRAM.format(pages=f", pages={str(tmp_path / 'nowhere')!r}"), encoding="utf-8")
    with running("run", str(program), "--port", str(free_port())) as process:
        told = line_with(process, "FileNotFoundError: ")
        assert told.endswith(f"the folder of the pages does not exist: {tmp_path / 'nowhere'}\n")
        assert process.wait(PATIENCE) == 1


def test_sockets_are_served_by_our_class_and_by_uvicorns_where_it_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli._websocket_class() == DIRECT
    monkeypatch.setitem(sys.modules, "webipc.servers.uvicorn", None)
    assert cli._websocket_class() == STOCK


def test_one_process_serves_whatever_the_host_says_of_how_many(program: Path) -> None:
    with running("run", str(program), "--port", "0", WEB_CONCURRENCY="3") as process:
        # With several, the one that starts the others says so before any of them serves.
        lines: list[str] = []
        while not lines or "startup complete" not in lines[-1]:
            lines.append(line_with(process, ""))
        assert [line for line in lines if "parent process" in line] == []


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"webipc {VERSION}\n"


@pytest.mark.parametrize("command", ["run", "dev"])
def test_of_a_program_that_fails_its_own_lines_are_shown_and_one_sentence(tmp_path: Path, command: str) -> None:
    file = tmp_path / "main.py"
    file.write_text("import nothing_of_this_name\n", encoding="utf-8")
    with running(command, str(file), "--port", "0") as process:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("webipc: "):
            lines.append(line_with(process, ""))
        assert [line for line in lines if not line.startswith("INFO")] == [
            "Traceback (most recent call last):\n",
            f'  File "{file}", line 1, in <module>\n',
            "    import nothing_of_this_name\n",
            "ModuleNotFoundError: No module named 'nothing_of_this_name'\n",
            (
                f"webipc: {file} raised ModuleNotFoundError while it was imported: "
                f"install nothing_of_this_name for {sys.executable}, which runs webipc, or mend its name\n"
            ),
        ]
        if command == "run":
            assert process.wait(PATIENCE) == 1
        else:
            assert line_with(process, "webipc: ") == "webipc: waiting for a file to change\n"
            file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
            line_with(process, "webipc: open")


def test_dev_says_that_no_ipc_main_is_mounted(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("from fastapi import FastAPI\napp = FastAPI()\n", encoding="utf-8")
    with running("dev", str(file), "--port", "0", "--no-open") as process:
        assert line_with(process, "webipc: ").endswith("because no IpcMain is mounted: ipc_main.mount(app)\n")


SLOW = """
import time
from contextlib import asynccontextmanager
import asyncio
from fastapi import FastAPI
from webipc import IpcMain

def wait():
    print("waits", flush=True)
    return 60

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
    """Write a program that waits for a minute somewhere."""
    file = folder / "main.py"
    file.write_text(SLOW.format(**{"starting": "", "ending": "", "importing": "", **where}), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_signal_ends_a_program_that_is_being_imported(tmp_path: Path, command: str, sent: signal.Signals) -> None:
    file = slow(tmp_path, importing="time.sleep(wait())")
    with running(command, file, "--port", "0") as process:
        line_with(process, "waits")
        begun = time.monotonic()
        os.killpg(process.pid, sent)
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 5
    assert "Traceback" not in rest


def child_that_imports(parent: int) -> bool:
    """Tell whether a child of this process is in the middle of importing what we are built on (Linux)."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
        with suppress(OSError):
            if "pydantic_core" in Path(f"/proc/{child}/maps").read_text(encoding="utf-8"):
                return True
    return False


def test_ctrl_c_while_dev_starts_python_has_no_traceback(program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open") as process:
        wait_until(lambda: child_that_imports(process.pid), "the program's process imports webipc")
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_second_ctrl_c_ends_an_application_that_never_gets_ready(tmp_path: Path, command: str) -> None:
    with running(command, slow(tmp_path, starting=WAITS_LONG), "--port", "0") as process:
        line_with(process, "waits")
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        line_with(process, "Ctrl-C again ends it at once")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_second_ctrl_c_ends_an_application_that_never_gets_done(tmp_path: Path, command: str) -> None:
    with running(command, slow(tmp_path, ending=WAITS_LONG), "--port", "0") as process:
        line_with(process, "startup complete")
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        line_with(process, "waits")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
    assert time.monotonic() - begun < 5


@contextmanager
def page_at(port: int, index: int, origin: str | None = None) -> Iterator[ClientConnection]:
    """Connect a page to the server on this port, of the server's own origin if of no other."""
    with connect(
        f"ws://127.0.0.1:{port}/ipc/socket",
        origin=Origin(origin or f"http://127.0.0.1:{port}"),
        subprotocols=[Subprotocol(SUBPROTOCOL)],
    ) as opened:
        opened.send(
            f'[0,0,["hello",{{"link":"{index:032x}","secret":"{index:032x}","attempt":1,"received":0,"first":1,'
            '"fresh":true,"features":[]}]]'
        )
        assert "welcome" in str(opened.recv(5))
        yield opened


@pytest.mark.parametrize("blocks", [False, True])
def test_ctrl_c_ends_within_a_second_with_pages_connected(program: Path, *, blocks: bool) -> None:
    with spawned(program) as server, ExitStack() as open_pages:
        pages = [open_pages.enter_context(page_at(server.port, index)) for index in range(5)]
        if blocks:
            pages[0].send('[1,0,["invoke",1,"block",[]],["invoke",3,"version",[]]]')
            assert '["result",3,1]' in str(pages[0].recv(5))
        seconds = server.interrupt()
        assert server.process is not None
        assert server.process.returncode == 0
    # A second for the server, and what the machine takes to notice.
    assert seconds < 2


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
def test_a_page_that_is_blocked_when_the_server_ends_may_ask_again_and_the_log_is_clean(
    tmp_path: Path, channel: str, sent: signal.Signals, *, connected: bool
) -> None:
    program = tmp_path / "main.py"
    program.write_text(BLOCKED, encoding="utf-8")
    port = free_port()
    with running("run", str(program), "--port", str(port)) as process, ExitStack() as stack:
        line_with(process, "Uvicorn running on")
        if connected:
            stack.enter_context(page_at(port, 7))
        pool = stack.enter_context(ThreadPoolExecutor())
        answer = pool.submit(ask, port, 7, channel)
        line_with(process, "blocked")
        process.send_signal(sent)
        process.wait(5)
        status, body = answer.result(PATIENCE)
        assert process.stdout is not None
        said = process.stdout.read()
    # No refusal, which would be an object: whoever serves next may be asked (PROTOCOL.md 2.3).
    assert (status, body) == (503, b"the server ends\n")
    assert "Traceback" not in said
    # Without a socket nothing tells that the server ends until uvicorn cancels the request.
    assert ("Cancel 1 running task(s)" in said) is not connected


def ask(port: int, index: int, channel: str) -> tuple[int, bytes]:
    """Ask for an answer as a page does that is blocked in `sendSync`."""
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
        pytest.fail("it was answered")
    with caught.value as error:
        return error.code, error.read()


def test_garbage_is_not_sought_among_what_was_there_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(FROZEN, encoding="utf-8")
    with spawned(file) as served, urllib.request.urlopen(f"{served.url}/frozen", timeout=5) as response:
        at_import, now = json.loads(response.read())
        assert at_import == 0
        assert now > 10_000


def test_dev_says_where_the_playground_is_and_reloads_python(program: Path) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert f"open http://127.0.0.1:{port}/ipc/" in line_with(process, "webipc: open")
        program.write_text(PROGRAM.format(pages="") + "\nprint('started anew', flush=True)\n", encoding="utf-8")
        assert line_with(process, "started anew")


def test_dev_says_where_the_page_is(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<!doctype html>", encoding="utf-8")
    program = tmp_path / "main.py"
    program.write_text(PROGRAM.format(pages=f", pages={str(tmp_path / 'web')!r}"), encoding="utf-8")
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert re.search(rf"open http://127.0.0.1:{port}/\n", line_with(process, "webipc: open"))


ENDLESS = """
import asyncio
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from webipc import IpcMain
app = FastAPI()
IpcMain().mount(app)
async def clock():
    while True:
        yield "tick"
        await asyncio.sleep(0.01)
@app.get("/")
async def page():
    {page}
"""


@pytest.mark.parametrize(
    "page", ["return StreamingResponse(clock())", "await asyncio.Event().wait()", "raise RuntimeError"]
)
def test_dev_says_where_the_page_is_though_it_has_no_end_or_fails(tmp_path: Path, page: str) -> None:
    program = tmp_path / "main.py"
    program.write_text(ENDLESS.format(page=page), encoding="utf-8")
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        assert re.search(rf"open http://127.0.0.1:{port}/\n", line_with(process, "webipc: open"))


def test_the_program_ends_when_dev_was_killed(program: Path) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        line_with(process, "webipc: open")
        wait_until(lambda: answers(port), "the server listens")
        process.kill()
        wait_until(lambda: not answers(port), "nobody serves any more")


def test_dev_ends_with_ctrl_c_within_two_seconds(program: Path) -> None:
    with running("dev", str(program), "--port", str(free_port()), "--no-open") as process:
        line_with(process, "webipc: open")
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
        assert time.monotonic() - began < 2
        wait_until(lambda: process.poll() is not None, "it has ended")
        assert process.returncode == 0


def test_dev_lets_a_page_of_a_listed_origin_in_and_no_other_also_after_a_reload(program: Path) -> None:
    vite, other = "http://localhost:5173", "https://other.example"
    port = free_port()
    options = ("--port", str(port), "--no-open", "--origin", vite, "--origin", "https://second.example/")
    with running("dev", str(program), *options) as process:
        line_with(process, "webipc: open")
        for text in ("", "\nprint('started anew', flush=True)\n"):
            if text:
                program.write_text(PROGRAM.format(pages="") + text, encoding="utf-8")
                line_with(process, "started anew")
            wait_until(lambda: answers(port), "the server listens")
            for index, listed in enumerate((vite, "https://second.example", None)):
                with page_at(port, index, listed) as opened:
                    opened.send('[1,0,["invoke",1,"version",[]]]')
                    assert '["result",1,1]' in str(opened.recv(5))
            with pytest.raises(ConnectionClosed, match="4403"), page_at(port, 9, other):
                pytest.fail("it was let in")
            # The script and the beacon too.
            assert reader_of(port, vite) == vite
            assert reader_of(port, other) is None


def answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ipc/client.js", timeout=5):
        return True
    return False


def reader_of(port: int, origin: str) -> str | None:
    """Return the origin whose pages may read the client, where one of `origin` has asked."""
    request = Request(f"http://127.0.0.1:{port}/ipc/client.js", headers={"Origin": origin})
    with urlopen(request, timeout=5) as response:
        allowed: str | None = response.headers["Access-Control-Allow-Origin"]
    return allowed


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser that writes down what it is to open, in the file beside it."""
    script = tmp_path / "bin" / "browser"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\necho "$1" >> "$0.opened"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def opened_by(browser: Path) -> list[str]:
    file = browser.with_name("browser.opened")
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize("screen", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_dev_opens_the_browser_once_and_not_again_after_a_reload(program: Path, browser: Path, screen: str) -> None:
    port = free_port()
    screens = {"DISPLAY": "", "WAYLAND_DISPLAY": ""} | {screen: "a screen"}
    with running("dev", str(program), "--port", str(port), BROWSER=str(browser), **screens) as process:
        line_with(process, "webipc: open")
        wait_until(lambda: opened_by(browser), "the browser is opened")
        restart(process, program, port)
    assert opened_by(browser) == [f"http://127.0.0.1:{port}/ipc/"]


@pytest.mark.parametrize(
    "options, environment",
    [((), {"DISPLAY": "", "WAYLAND_DISPLAY": ""}), (("--no-open",), {"DISPLAY": "a screen"})],
    ids=["no screen", "--no-open"],
)
def test_dev_opens_no_browser_where_there_is_none_to_see_or_none_is_wanted(
    program: Path, browser: Path, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    port = free_port()
    with running("dev", str(program), "--port", str(port), *options, BROWSER=str(browser), **environment) as process:
        line_with(process, "webipc: open")
        restart(process, program, port)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in said
    assert opened_by(browser) == []


def test_dev_goes_on_where_there_is_a_screen_and_no_browser(program: Path, tmp_path: Path) -> None:
    port = free_port()
    nothing = tmp_path / "empty"
    nothing.mkdir()
    environment = {"DISPLAY": "a screen", "BROWSER": "", "PATH": str(nothing)}
    with running("dev", str(program), "--port", str(port), **environment) as process:
        line_with(process, "webipc: open")
        restart(process, program, port)


CLEARS_AWAY = """
import os, shutil
for entry in os.scandir(os.environ["TMPDIR"]):
    shutil.rmtree(entry) if entry.is_dir() else os.remove(entry)
"""


@pytest.mark.parametrize("does", [CLEARS_AWAY, "raise SystemExit(3)"], ids=["clears it away", "does not start"])
def test_dev_tells_the_address_whatever_becomes_of_its_temporary_file_and_leaves_none(
    program: Path, tmp_path: Path, does: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program.write_text(PROGRAM.format(pages="") + does, encoding="utf-8")
    environment = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "TMPDIR": str(temporary)}
    with running("dev", str(program), "--port", str(free_port()), **environment) as process:
        if does == CLEARS_AWAY:
            line_with(process, "webipc: open")
        else:
            line_with(process, "webipc: waiting")
            wait_until(lambda: list(temporary.iterdir()), "the file is there")
    assert list(temporary.iterdir()) == []


def restart(process: subprocess.Popen[str], program: Path, port: int) -> None:
    """Change the program, and wait until it serves pages again."""
    program.write_text(PROGRAM.format(pages="") + "\nprint('started anew', flush=True)\n", encoding="utf-8")
    line_with(process, "started anew")
    wait_until(lambda: answers(port), "the server listens")
    with page_at(port, 1):
        pass


@pytest.mark.parametrize("changes", ["web/index.html", "preload.js"])
def test_dev_lets_a_page_load_itself_again_when_a_file_of_it_changes(tmp_path: Path, changes: str) -> None:
    (tmp_path / "web").mkdir()
    for name in ("web/index.html", "preload.js"):
        (tmp_path / name).write_text("<!doctype html>" if name.endswith("html") else "", encoding="utf-8")
    page_file = tmp_path / changes
    program = tmp_path / "main.py"
    text = PROGRAM.format(pages=f", pages={str(tmp_path / 'web')!r}")
    program.write_text(text.replace("IpcMain()", f"IpcMain(preload=[{str(tmp_path / 'preload.js')!r}])"))
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open") as process:
        line_with(process, "webipc: open")
        with page_at(port, 1) as opened:
            # The watcher may not watch yet: it is told until it has heard.
            for number in range(100):
                page_file.write_text(f"{number}", encoding="utf-8")
                with suppress(TimeoutError):
                    assert opened.recv(0.1) == '[0,0,["reload",{}]]'
                    return
    pytest.fail("the page was not told to load itself again")


# A user namespace counts for itself how much its processes watch: here they may watch nothing.
UNWATCHED = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    *('echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh"),
)


def has_namespaces() -> bool:
    """Tell whether this machine lets a test have a user namespace."""
    with suppress(OSError):
        return subprocess.run([*UNWATCHED, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return False


@pytest.mark.skipif(not has_namespaces(), reason="no user namespaces for this user")
def test_dev_looks_at_the_files_itself_where_the_system_tells_of_no_changes(tmp_path: Path) -> None:
    page_file, program = tmp_path / "web" / "index.html", tmp_path / "main.py"
    page_file.parent.mkdir()
    text = PROGRAM.format(pages=f", pages={str(page_file.parent)!r}")
    for file, content in ((page_file, ""), (program, text)):
        file.write_text(content, encoding="utf-8")
        # Whoever looks at files sees whole seconds.
        os.utime(file, (0, 0))
    port = free_port()
    with running("dev", str(program), "--port", str(port), "--no-open", under=UNWATCHED) as process:
        line_with(process, "The system does not tell when files change")
        line_with(process, "webipc: open")
        wait_until(lambda: answers(port), "the server listens")
        with page_at(port, 1) as opened:
            page_file.write_text("<!doctype html>", encoding="utf-8")
            assert opened.recv(PATIENCE) == '[0,0,["reload",{}]]'
        program.write_text(text + "\nprint('started anew', flush=True)\n", encoding="utf-8")
        line_with(process, "started anew")
