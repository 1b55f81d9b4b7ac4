"""`webipc run --workers 2`: how it starts, restarts and ends. Real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.processes import page_at
from tests.support.serving import PATIENCE, wait_until
from tests.support.workers import PROGRAM, Plain, children_of, principal_of, served, slot_of


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def is_socket(descriptor: Path) -> bool:
    return str(descriptor.readlink()).startswith("socket:")


PAUSE_SECONDS = 0.003
"""Between two requests of a client: the next worker has to have time to start beside it."""


class Load:
    """A client that asks all the time, on new connections and on one that it keeps. It counts what is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends = threading.Event()
        self.answered = 0
        self.lost: list[str] = []
        self.pids: set[int] = set()

    def new_connections(self) -> None:
        while not self._ends.wait(PAUSE_SECONDS):
            try:
                with Plain(self._port) as plain:
                    self._note(plain.ask()["me"][1])
            except OSError as error:
                self.lost.append(f"new connection: {error!r}")

    def kept_connection(self, principal: str) -> None:
        """Ask on one connection. A server may close it between two requests, as HTTP says: then on another one."""
        plain, asked = Plain(self._port), 0
        while not self._ends.wait(PAUSE_SECONDS):
            try:
                self._note(plain.ask(principal=principal)["me"][1])
                asked += 1
            except OSError as error:
                plain.socket.close()
                if not asked:
                    self.lost.append(f"first request: {error!r}")
                plain, asked = Plain(self._port), 0
        plain.socket.close()

    def _note(self, pid: int) -> None:
        self.answered += 1
        self.pids.add(pid)

    def end(self) -> None:
        self._ends.set()


@contextmanager
def load(port: int) -> Iterator[Load]:
    made = Load(port)
    rows = [threading.Thread(target=made.new_connections) for _ in range(3)]
    rows += [threading.Thread(target=made.kept_connection, args=(principal_of(slot),)) for slot in (1, 2)]
    for one in rows:
        one.start()
    try:
        yield made
    finally:
        made.end()
        for one in rows:
            one.join(PATIENCE)


def test_sighup_replaces_all_workers_under_load_and_loses_no_request(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        before = set(server.workers().values())
        with load(server.port) as under:
            wait_until(lambda: under.answered > 100, "the load has begun")
            server.process.send_signal(signal.SIGHUP)
            # Two workers start, one behind the other.
            server.line_with("all 2 workers were replaced", within=2 * PATIENCE)
            answered = under.answered
            wait_until(lambda: under.answered > answered + 100, "the load goes on")
        after = set(server.workers().values())
        assert len(after) == 2
        assert not after & before
        assert under.lost == []
        assert under.pids == before | after
        assert "Traceback" not in server.output


def test_the_program_is_loaded_again_and_one_that_fails_changes_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        before = server.workers()
        server.file.write_text("import nothing_of_this_name\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        server.line_with(
            "worker 1 was not replaced: the next one has ended with status 1 before it was ready; those that serve stay"
        )
        assert server.output.count("ModuleNotFoundError: No module named 'nothing_of_this_name'") == 1
        server.line_with(f"webipc: [1.2] {server.file} raised ModuleNotFoundError")
        # By this name lines of the other worker will know it.
        assert re.search(
            r"\[1\] joined the others of this machine as worker [0-9a-f]{16}$", server.output, re.MULTILINE
        )
        assert server.workers() == before
        server.file.write_text(PROGRAM.replace('"/who"', '"/changed"'), encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        server.line_with("all 2 workers were replaced")
        with Plain(server.port) as plain:
            assert plain.ask("/changed")["me"][0] in (1, 2)
        # While two processes of one number run, each line says which of them it is from.
        assert server.line_with("[1.3] Started server process").endswith(f"[{server.workers()[1]}]")
        assert server.line_with("[1] Finished server process").endswith(f"[{before[1]}]")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_end_and_the_exit_status_is_0(tmp_path: Path, sent: signal.Signals) -> None:
    with served(tmp_path) as server:
        workers = server.workers()
        with Plain(server.port) as plain:
            plain.send("/waits", principal_of(2))
            server.line_with("waits")
            # As at a terminal: the whole group of the process gets it.
            os.killpg(server.process.pid, sent)
            server.line_with("Shutting down", 2)
            (tmp_path / "go").touch()
            assert plain.read()["me"] == [2, workers[2]]
        assert server.status() == 0
        assert not any(map(is_alive, workers.values()))
        assert server.output.count("Shutting down") == 2
        assert server.output.count("Finished server process") == 2
        assert "Traceback" not in server.output


def test_a_second_signal_ends_the_wait_for_what_runs(tmp_path: Path) -> None:
    with served(tmp_path, "--graceful-timeout", "60") as server, page_at(server.port, 1) as page:
        page.send('[1,0,["invoke",1,"long",[]]]')
        server.line_with("waits")
        server.process.send_signal(signal.SIGTERM)
        line = server.line_with("The server ends when 1 calls have ended")
        # What the tabs had of the time before is taken from it, and the rest is said to a tenth.
        assert re.search(r"after \d+(\.\d)? seconds at most$", line)
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0
        assert "1 calls were still running when the server ended" in server.output


def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        workers = server.workers()
        server.process.kill()
        wait_until(lambda: not any(map(is_alive, workers.values())), "the workers have ended")
        assert server.status() == -signal.SIGKILL
        assert server.output.count("this worker ends, because its parent process has ended") == 2
        assert server.output.count("Application shutdown complete") == 2
        assert "Traceback" not in server.output


def test_a_worker_that_gets_sigterm_itself_ends_in_good_order_and_another_one_takes_its_place(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        ended = server.workers()[1]
        with Plain(server.port) as plain:
            plain.send("/waits", principal_of(1))
            server.line_with("waits")
            os.kill(ended, signal.SIGTERM)
            # It takes nothing more, and what it has is answered.
            wait_until(lambda: slot_of(server.port, principal_of(1)) == 2, "the other one takes its browsers")
            (tmp_path / "go").touch()
            assert plain.read()["me"] == [1, ended]
        server.line_with("worker 1 has ended with status 0; another one starts in 0.5 s")
        wait_until(lambda: slot_of(server.port, principal_of(1)) == 1, "the next worker of the slot serves")


def test_what_has_reached_a_worker_that_is_held_up_when_it_has_to_end_is_answered(tmp_path: Path) -> None:
    with served(tmp_path) as server, Plain(server.port) as kept, Plain(server.port) as holding:
        worker = server.workers()[1]
        kept.ask(principal=principal_of(1))
        holding.send("/holds", principal_of(1))
        server.line_with("holds")
        os.kill(worker, signal.SIGTERM)
        with Plain(server.port) as new:
            new.send(principal=principal_of(1))
            # Another one that came later was handed over, so this one was too.
            assert slot_of(server.port, principal_of(2)) == 2
            kept.send()
            (tmp_path / "go").touch()
            for one in (holding, new, kept):
                assert one.read()["me"] == [1, worker]
        server.line_with("worker 1 has ended with status 0")


FAILS = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
@asynccontextmanager
async def lifespan(app):
    raise ValueError("no database")
    yield
app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize(
    "program, sentence",
    [
        ("import nothing_of_this_name\n", "raised ModuleNotFoundError while it was imported"),
        ("app = 1\n", "expected a FastAPI application, found int"),
        (FAILS, "raised ValueError while it was starting"),
    ],
)
def test_what_is_wrong_with_the_program_is_said_once(tmp_path: Path, program: str, sentence: str) -> None:
    with served(tmp_path, program=program, until=sentence) as server:
        assert server.status() == 1
        assert server.output.count(sentence) == 1


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with served(tmp_path, "--port", str(port), until="webipc: ") as server:
            assert server.status() == 1
            what = f"webipc: cannot listen on 127.0.0.1:{port}: address already in use"
            advice = "end the program that listens there, or choose another port with --port"
            assert server.lines == [f"{what}; {advice}"]


WAITS = "import time\nprint('imports', flush=True)\ntime.sleep(60)\n"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_import_ends_it_at_once_and_in_silence(tmp_path: Path, sent: signal.Signals) -> None:
    with served(tmp_path, program=WAITS, until="imports") as server:
        os.killpg(server.process.pid, sent)
        assert server.status() == 0
        assert "Traceback" not in server.output


def test_workers_end_if_their_parent_is_killed_while_they_import(tmp_path: Path) -> None:
    with served(tmp_path, program=WAITS, until="imports") as server:
        workers = server.workers()
        server.process.kill()
        wait_until(lambda: not any(map(is_alive, workers.values())), "the worker has ended")


def test_the_url_of_a_redis_is_in_no_list_of_processes_and_no_line(tmp_path: Path) -> None:
    url = "redis://user:secret@127.0.0.1:1/0"
    with served(tmp_path, "--redis", url, program=WAITS, until="imports") as server:
        (worker,) = server.workers().values()
        for pid in (server.process.pid, worker):
            assert b"secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        variables = Path(f"/proc/{worker}/environ").read_bytes()
        assert f"WEBIPC_REDIS={url}".encode() in variables
        # With a Redis the parent passes nothing on.
        assert b"WEBIPC_BUS" not in variables
        assert "secret" not in server.output


def test_workers_know_their_number_and_have_a_bus(tmp_path: Path) -> None:
    with served(tmp_path, program=WAITS, until="imports") as server:
        (worker,) = server.workers().values()
        variables = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
        assert b"WEBIPC_WORKERS=2" in variables
        (bus,) = [one for one in variables if one.startswith(b"WEBIPC_BUS=")]
        assert is_socket(Path(f"/proc/{worker}/fd/{int(bus.partition(b'=')[2])}"))


def test_a_file_of_the_current_folder_hides_no_module_from_the_parent_and_the_start_of_workers(tmp_path: Path) -> None:
    """As long as it does not for the command itself: `python -m` puts the folder on the path, the script does not."""
    for name in ("selectors.py", "uvicorn.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong file')\n")
    with served(tmp_path, program=WAITS, until="imports", is_script=True) as server:
        assert "the wrong file" not in server.output


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_the_root_path_and_the_headers_of_a_proxy_are_as_in_one_process(tmp_path: Path) -> None:
    options = ("--host", "::1", "--root-path", "/tools", "--forwarded-allow-ips", "::1", "--allow-host", "app.example")
    with served(tmp_path, *options) as server:
        assert f"2 workers serve at http://[::1]:{server.port}/tools" in server.output
        with Plain(server.port, "::1") as plain:
            of_proxy = b"Host: app.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7\r\n"
            plain.socket.sendall(b"GET /who HTTP/1.1\r\n" + of_proxy + b"\r\n")
            seen = plain.read()
            assert (seen["root"], seen["url"]) == ("/tools", "https://app.example/tools/who")
            assert seen["client"] == ["192.0.2.7", 0]
            seen = plain.ask()
            assert seen["client"] == list(plain.socket.getsockname()[:2])


def test_the_processes_of_a_program_have_nothing_of_its_sockets(tmp_path: Path) -> None:
    """Otherwise they would keep the sockets of a worker open that has died."""
    starts = f'{PROGRAM}\nimport subprocess\nsubprocess.Popen(["sleep", "60"], close_fds=False)\n'
    with served(tmp_path, program=starts) as server:
        for worker in server.workers().values():
            (child,) = children_of(worker)
            try:
                assert not any(map(is_socket, Path(f"/proc/{child}/fd").iterdir()))
            finally:
                os.kill(child, signal.SIGKILL)


# Becomes the leader of a session with this terminal, then the command.
AT_A_TERMINAL = (
    "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)


def test_the_program_ends_with_its_terminal(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM, encoding="utf-8")
    ours, its = os.openpty()
    command = ["-m", "webipc", "run", str(file), "--port", "0", "--workers", "2"]
    with subprocess.Popen([sys.executable, "-c", AT_A_TERMINAL, str(its), *command], pass_fds=[its]) as process:
        os.close(its)
        try:
            printed = b""
            while b"2 workers serve at" not in printed:
                printed += os.read(ours, 10_000)
            workers = children_of(process.pid)
            # What SIGHUP means otherwise.
            process.send_signal(signal.SIGHUP)
            while b"all 2 workers were replaced" not in printed:
                printed += os.read(ours, 10_000)
            workers += children_of(process.pid)
            os.close(ours)
            assert process.wait(PATIENCE) == 0
            assert len(workers) == 4
            assert not any(map(is_alive, workers))
        finally:
            process.kill()
