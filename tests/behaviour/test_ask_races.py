"""What happens while a socket or a request waits until the application has said who it is from."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from socket import SHUT_RDWR

import pytest

from tests.support.raw_sockets import closing, connections_of, greeted, hello, post, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from tests.support.users import Gate, Users, cookie
from webipc import Limits
from webipc.core.frame import encode_body


@pytest.fixture
def users() -> Users:
    return Users(limits=Limits(close_ms=300))


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, users: Users) -> Iterator[Live]:
    with live(users.app, ws=request.param) as served:
        yield served


def slow(users: Users, name: str = "ada") -> Gate:
    """Let asks with the cookie `slow` wait at a gate, behind which they are answered with this user."""
    gate = users.instead["slow"] = Gate(name)
    return gate


def reached(gate: Gate) -> None:
    wait_until(lambda: gate.reached, "the ask waits")


SUPERSEDED = (4409, "attempt 1 is not larger than all before it")


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_socket_that_the_next_attempt_has_overtaken_is_superseded_whoever_it_is_from(
    server: Live, users: Users, name: str
) -> None:
    gate = slow(users, name)
    with socket(server, headers=cookie("slow")) as first:
        first.send(hello(attempt=1))
        reached(gate)
        with greeted(server, cookie("ada"), attempt=2) as second:
            gate.open()
            assert closing(first) == SUPERSEDED
            second.send('[1,0,["send","say",["goes on"]]]')
            wait_until(lambda: users.heard == [("ada", "ada", "goes on")], "the link goes on")


def test_another_user_who_comes_last_ends_the_link_that_was_made_meanwhile(server: Live, users: Users) -> None:
    gate = slow(users, "bob")
    with socket(server, headers=cookie("slow")) as second:
        second.send(hello(attempt=2))
        reached(gate)
        with greeted(server, cookie("ada"), attempt=1) as first:
            gate.open()
            assert closing(second) == closing(first) == (4401, "another-user")
    assert connections_of(users.ipc_main) == []


def test_a_link_that_ends_meanwhile_is_looked_up_again(server: Live, users: Users) -> None:
    gate = slow(users)
    with greeted(server, cookie("ada")) as first, socket(server, headers=cookie("slow")) as second:
        second.send(hello(attempt=2, fresh=False))
        reached(gate)
        first.send('[0,0,["bye",0]]')
        wait_until(lambda: not connections_of(users.ipc_main), "the link ends")
        gate.open()
        assert json.loads(second.recv(PATIENCE)) == [0, 0, ["reset", {"reason": "ended"}]]
        assert closing(second) == (4410, "ended")


def test_a_request_that_waits_joins_the_link_that_was_made_meanwhile(server: Live, users: Users) -> None:
    gate = slow(users)
    body = encode_body([hello(attempt=0), '[1,0,["sync",1,"ask",["once"]]]', '[0,0,["await",1]]'])
    with ThreadPoolExecutor() as threads:
        request = threads.submit(post, server, "/ipc/sync", body, **cookie("slow"))
        reached(gate)
        with greeted(server, cookie("ada")) as opened:
            opened.send('[1,0,["sync",1,"ask",["once"]]]')
            wait_until(lambda: users.heard, "the socket brings the call")
            gate.open()
            status, content = request.result()
    assert (status, content[:1]) == (200, b"\x01")
    assert users.heard == [("ada", "ada", "once")]


def test_a_socket_that_is_lost_does_not_cancel_the_ask(server: Live, users: Users) -> None:
    gate = slow(users)
    with socket(server, headers=cookie("slow")) as opened:
        opened.send(hello())
        reached(gate)
        opened.socket.shutdown(SHUT_RDWR)
    left = server.run(users.left_behind())
    assert (left["asks"], left["threads"], left["links"]) == (1, 1, 0)
    gate.open()
    wait_until(lambda: server.run(users.left_behind())["asks"] == 0, "it ends by itself")
    with greeted(server, cookie("ada"), attempt=2):
        assert len(connections_of(users.ipc_main)) == 1


def test_a_server_that_ends_meanwhile_refuses_nobody_for_good(server: Live, users: Users) -> None:
    gate = slow(users)
    body = encode_body([hello(attempt=0, link="2" * 32), '[1,0,["sync",1,"ask",[]]]', '[0,0,["await",1]]'])
    with socket(server, headers=cookie("slow")) as opened, ThreadPoolExecutor() as threads:
        opened.send(hello())
        request = threads.submit(post, server, "/ipc/sync", body, **cookie("slow"))
        wait_until(lambda: gate.reached == 2, "both asks wait")
        server.run(users.hub.stop())
        assert closing(opened) == (1001, "the server ends")
        assert request.result() == (503, b"the server ends\n")
        gate.open()
    assert users.heard == []


def test_a_server_that_drains_meanwhile_lets_no_page_in_any_more(server: Live, users: Users) -> None:
    gate = slow(users)
    with socket(server, headers=cookie("slow")) as opened:
        opened.send(hello())
        reached(gate)
        server.run(users.hub.drain(0, asyncio.Event()))
        gate.open()
        assert closing(opened) == (1001, "the server ends")
    assert connections_of(users.ipc_main) == []


def test_pages_that_come_together_wait_in_line_and_are_all_let_in(server: Live, users: Users) -> None:
    """As after a deploy: more than may be asked about at once, and none is turned away."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket(server, headers=cookie("ada"))) for _ in range(100)]
        for number, each in enumerate(opened):
            each.send(hello(link=f"{number:032}"))
        assert [json.loads(each.recv(PATIENCE))[2][0] for each in opened] == ["welcome"] * 100
    assert users.asked == ["ada"] * 100
