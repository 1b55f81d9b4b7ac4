"""Connections to `webipc run --workers 2`: which worker they reach, and what slow, hostile and unlucky ones cost."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.raw_sockets import hello
from tests.support.raw_sockets import socket as websocket
from tests.support.serving import PATIENCE, wait_until
from tests.support.workers import Plain, Served, children_of, descriptors_of, principal_of, served, slot_of
from webipc.cli.acceptor.heads import HEAD_BYTES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_left(server: Served) -> Iterator[None]:
    """Each test leaves the parent with the descriptors that it had, and with two child processes."""
    before = descriptors_of(server.process.pid)
    yield
    wait_until(lambda: descriptors_of(server.process.pid) == before, "the parent has closed every connection")
    wait_until(lambda: len(children_of(server.process.pid)) == 2, "no dead process is left")


def test_all_sockets_of_a_browser_reach_one_worker_and_all_workers_have_browsers(server: Served) -> None:
    found: dict[int, set[int]] = {}
    with ExitStack() as stack:
        for browser in range(8):
            for number in range(5):
                cookie = {"Cookie": f"session=1; webipc_principal={browser:032x}"}
                page = stack.enter_context(websocket(server, headers=cookie))
                page.send(hello(link=f"{browser * 5 + number:032x}"))
                assert "welcome" in str(page.recv(PATIENCE))
                page.send('[1,0,["invoke",1,"who",[]]]')
                slot, _ = json.loads(page.recv(PATIENCE))[2][2]
                found.setdefault(browser, set()).add(slot)
    assert [len(slots) for slots in found.values()] == [1] * 8
    assert {slot for slots in found.values() for slot in slots} == {1, 2}


def test_requests_and_sockets_of_a_browser_meet(server: Served) -> None:
    for slot in (1, 2):
        principal = principal_of(slot)
        assert {slot_of(server.port, principal) for _ in range(5)} == {slot}


def test_connections_of_a_proxy_without_a_principal_are_spread(server: Served) -> None:
    assert {slot_of(server.port) for _ in range(40)} == {1, 2}


def test_the_application_sees_the_peer_and_the_url(server: Served) -> None:
    with Plain(server.port) as plain:
        seen = plain.ask()
        assert seen["client"] == list(plain.socket.getsockname())
        assert seen["url"] == "http://localhost/who"


def test_a_connection_stays_with_the_worker_of_its_first_request(server: Served) -> None:
    with Plain(server.port) as plain:
        pids = {plain.ask(principal=principal_of(slot))["me"][1] for slot in (1, 2, 1)}
    assert len(pids) == 1


def test_requests_that_come_at_once_are_answered_in_order(server: Served) -> None:
    with Plain(server.port) as plain:
        for path in ("/who", "/who?second", "/who?third"):
            plain.send(path)
        assert [plain.read()["url"].partition("?")[2] for _ in range(3)] == ["", "second", "third"]


def test_heads_that_arrive_byte_by_byte_hold_nobody_up_and_are_answered(server: Served) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(Plain(server.port)) for _ in range(50)]
        for one in slow:
            one.socket.sendall(b"G")
        assert slot_of(server.port, principal_of(1)) == 1
        for byte in (b"E", b"T", b" "):
            for one in slow:
                one.socket.sendall(byte)
        for one in slow:
            one.socket.sendall(b"/who HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # By then they may be with the parent, or with either worker.
        assert {one.read()["me"][0] for one in slow} <= {1, 2}


def test_a_head_that_is_too_long_to_be_looked_at_is_read_by_a_worker(server: Served) -> None:
    with Plain(server.port) as plain:
        plain.socket.sendall(
            b"GET /who HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * (2 * HEAD_BYTES) + b"\r\n\r\n"
        )
        assert plain.read()["me"][0] in (1, 2)


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500, b"\x00" * 100, b"hello\r\n\r\n"]
)
def test_what_is_no_request_is_refused_by_a_worker(server: Served, said: bytes) -> None:
    with Plain(server.port) as plain:
        plain.socket.sendall(said)
        assert plain.socket.recv(100).startswith(b"HTTP/1.1 400")


def test_connections_that_say_nothing_hold_nobody_up(server: Served) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(Plain(server.port))
        assert slot_of(server.port, principal_of(2)) == 2


def test_a_worker_that_takes_nothing_is_passed_over(server: Served) -> None:
    """Its connections fill the pair of sockets. Who comes then is served by the other one."""
    stopped = server.workers()[1]
    os.kill(stopped, signal.SIGSTOP)
    try:
        with ExitStack() as stack:
            pages: list[Plain] = []

            def one_more_is_answered() -> bool:
                pages.append(stack.enter_context(Plain(server.port)))
                pages[-1].send(principal=principal_of(1))
                return any(page.is_answered for page in pages[-50:])

            wait_until(one_more_is_answered, "the other worker has answered")
            by_other = [page for page in pages if page.is_answered]
            assert {page.read()["me"][0] for page in by_other} == {2}
            os.kill(stopped, signal.SIGCONT)
            # Nothing of what was handed over is lost.
            assert 1 in {page.read()["me"][0] for page in pages if page not in by_other}
    finally:
        os.kill(stopped, signal.SIGCONT)


def test_who_was_handed_to_a_worker_that_dies_is_told_and_the_next_one_is_served(server: Served) -> None:
    dying = server.workers()[1]
    principal = principal_of(1)
    os.kill(dying, signal.SIGSTOP)
    with Plain(server.port) as unlucky:
        unlucky.send(principal=principal)
        # One that came later was handed over, so this one was too.
        assert slot_of(server.port, principal_of(2)) == 2
        os.kill(dying, signal.SIGKILL)
        with pytest.raises(ConnectionError):
            unlucky.read()
    # Where this test stood still, it may be the next worker of the slot already.
    assert slot_of(server.port, principal) in (1, 2)
    server.line_with("worker 1 was killed by SIGKILL; another one starts in 0.5 s")
    wait_until(lambda: slot_of(server.port, principal) == 1, "the next worker of the slot serves")
    assert server.workers()[1] != dying


def test_each_line_of_the_log_says_which_worker_wrote_it(server: Served) -> None:
    for slot in (1, 2):
        with Plain(server.port) as plain:
            plain.ask(f"/who?line-{slot}", principal_of(slot))
        line = server.line_with(f"/who?line-{slot}")
        # Behind a dot: which process of this worker, where an earlier one has ended.
        assert re.match(rf"INFO:     \[{slot}(\.\d+)?\] 127\.0\.0\.1:", line), line


def test_where_it_serves_is_printed_once_by_the_parent(server: Served) -> None:
    assert server.output.count("serve at") == 1
    assert f"INFO:     2 workers serve at {server.url} (press Ctrl-C to quit)" in server.lines
    assert "Uvicorn running" not in server.output


def test_the_parent_has_loaded_nothing_of_what_serves(server: Served) -> None:
    loaded = Path(f"/proc/{server.process.pid}/maps").read_text(encoding="utf-8")
    assert [name for name in ("pydantic", "httptools", "uvloop") if name in loaded] == []
