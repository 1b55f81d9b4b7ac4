"""What becomes of a socket, a synchronous request and a beacon whose user the application does not let in, and that
nothing is left of them: no link, no tab, no task, no place.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import pytest
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from tests.support.raw_sockets import beacon, closing, connections_of, greeted, hello, post, socket
from tests.support.serving import DIRECT, STOCK, Live, live, wait_until
from tests.support.users import Gate, Users, cookie
from webipc import Limits
from webipc.core.frame import encode_body

NOTHING = {"links": 0, "tabs": 0, "asks": 0, "bodies": 0, "threads": 0}
FAILED = "the server failed"
LATER = "the server cannot tell who this is at the moment"
MISSING = {"type": "missing", "loc": ("header", "x-user"), "msg": "Field required"}


class Row(NamedTuple):
    """A row of the table: what an ask does, and what becomes of each attach."""

    ask: Callable[[], Any]
    # The close code and the reason.
    code: int
    reason: str
    # The status of a synchronous request, whether its content is a refusal, and the status of a beacon.
    status: int
    is_refusal: bool
    beacon: int


def raises(error: Exception) -> Callable[[], NoReturn]:
    def ask() -> NoReturn:
        raise error

    return ask


ROWS = {
    "401": Row(raises(HTTPException(401, "log in")), 4401, "log in", 401, True, 204),
    "redirect": Row(raises(HTTPException(303, "to /login")), 4401, "to /login", 401, True, 204),
    "404": Row(raises(HTTPException(404)), 4401, "Not Found", 401, True, 204),
    "invalid": Row(raises(RequestValidationError([MISSING])), 4401, "header x-user: Field required", 401, True, 204),
    "403": Row(raises(HTTPException(403, "banned")), 4403, "banned", 403, True, 204),
    "408": Row(raises(HTTPException(408, "slow")), 4503, "slow", 503, False, 503),
    "425": Row(raises(HTTPException(425, "early")), 4503, "early", 503, False, 503),
    "429": Row(raises(HTTPException(429, "too many")), 4503, "too many", 503, False, 503),
    "503": Row(raises(HTTPException(503, "no database")), 4503, "no database", 503, False, 503),
    "exception": Row(raises(ValueError("a bug")), 1011, FAILED, 500, False, 500),
    "no identity": Row(object, 1011, FAILED, 500, False, 500),
}

LONG = "é" * 100


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, users: Users) -> Iterator[Live]:
    with live(users.app, ws=request.param) as served:
        yield served


def sync(*frames: str, **fields: Any) -> bytes:
    """Return the body of a synchronous request, whose last message is `sync` with the id 1."""
    return encode_body([hello(**{"attempt": 0} | fields), *frames, '[0,0,["await",1]]'])


ASK = '[1,0,["send","say",["first"]],["sync",1,"ask",["second"]]]'


def refused_socket(server: Live, **fields: Any) -> tuple[int, str]:
    with socket(server, headers=cookie("row")) as opened:
        opened.send(hello(**fields))
        return closing(opened)


def check(answer: tuple[int, bytes], row: Row) -> None:
    """Compare the response to a synchronous request with its row."""
    status, content = answer
    assert status == row.status
    if row.is_refusal:
        assert json.loads(content) == {"code": row.code, "reason": row.reason}
    else:
        assert content.decode() == f"{row.reason}\n"


@pytest.mark.parametrize("name", ROWS)
def test_a_new_page_whose_user_is_not_let_in_leaves_nothing_behind(server: Live, users: Users, name: str) -> None:
    row = users_row(users, name)
    assert refused_socket(server) == (row.code, row.reason)
    check(post(server, "/ipc/sync", sync(ASK), **cookie("row")), row)
    status, content = post(server, "/ipc/beacon", beacon(ASK[:-1] + "]", fresh=True), **cookie("row"))
    assert (status, content == b"") == (row.beacon, row.beacon == 204)
    assert users.asked == ["row"] * 3
    wait_until(lambda: server.run(users.left_behind()) == NOTHING, "nothing is left")
    assert users.heard == users.said == []


def users_row(users: Users, name: str) -> Row:
    row = ROWS[name]
    users.instead["row"] = row.ask
    return row


@pytest.mark.parametrize("name", ROWS)
def test_a_link_goes_on_when_an_attach_with_its_secret_is_not_let_in(server: Live, users: Users, name: str) -> None:
    row = users_row(users, name)
    with greeted(server, cookie("ada")) as opened:
        assert refused_socket(server, attempt=2, fresh=False) == (row.code, row.reason)
        check(post(server, "/ipc/sync", sync(ASK, fresh=False), **cookie("row")), row)
        assert post(server, "/ipc/beacon", beacon(ASK), **cookie("row"))[0] == row.beacon
        assert users.heard == []
        opened.send('[1,0,["send","say",["its own"]]]')
        wait_until(lambda: users.heard == [("ada", "ada", "its own")], "its own socket carries the link")
    (connection,) = connections_of(users.ipc_main)
    assert not connection.ended


def test_a_reason_is_cut_to_what_a_close_frame_holds(server: Live, users: Users) -> None:
    users.instead["row"] = raises(HTTPException(401, LONG))
    assert refused_socket(server) == (4401, "é" * 61)
    content = post(server, "/ipc/sync", sync(ASK), **cookie("row"))[1]
    assert json.loads(content) == {"code": 4401, "reason": "é" * 61}


class TestAnAskThatNeverReturns:
    """Who has no answer in time is refused; the ask runs on, and its place is free when it has ended."""

    @pytest.fixture
    def users(self) -> Users:
        return Users(limits=Limits(ask_ms=200))

    @pytest.mark.parametrize("way", ["socket", "sync", "beacon"])
    def test_it_is_refused_for_now_and_leaves_nothing_behind(self, server: Live, users: Users, way: str) -> None:
        gate = users.instead["row"] = Gate()
        row = Row(gate, 4503, LATER, 503, False, 503)
        if way == "socket":
            assert refused_socket(server) == (row.code, row.reason)
        elif way == "sync":
            check(post(server, "/ipc/sync", sync(ASK), **cookie("row")), row)
        else:
            assert post(server, "/ipc/beacon", beacon(ASK, fresh=True), **cookie("row"))[0] == row.beacon
        assert server.run(users.left_behind()) == {**NOTHING, "asks": 1, "threads": 1}
        gate.open()
        wait_until(lambda: server.run(users.left_behind()) == NOTHING, "nothing is left")
        assert users.heard == []

    def test_a_hundred_of_them_hold_64_threads_at_most(self, server: Live, users: Users) -> None:
        gate = users.instead["row"] = Gate()
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket(server, headers=cookie("row"))) for _ in range(100)]
            for number, opened in enumerate(sockets):
                opened.send(hello(link=f"{number:032}"))
            assert {closing(opened) for opened in sockets} == {(4503, LATER)}
        left = server.run(users.left_behind())
        assert 0 < left["threads"] <= left["asks"] <= 64
        assert left == {**NOTHING, "asks": left["asks"], "threads": left["threads"]}
        gate.open()
        wait_until(lambda: server.run(users.left_behind()) == NOTHING, "nothing is left")


def test_a_stolen_link_without_its_secret_is_refused_and_costs_no_ask(server: Live, users: Users) -> None:
    guess = {"secret": "f" * 32, "fresh": False}
    with greeted(server, cookie("ada")):
        for user in ("ada", "bob"):
            with socket(server, headers=cookie(user)) as opened:
                opened.send(hello(attempt=2, **guess))
                assert closing(opened) == (4403, "the secret is not this link's")
            assert post(server, "/ipc/sync", sync(ASK, **guess), **cookie(user))[0] == 403
            assert post(server, "/ipc/beacon", beacon(ASK, '[0,0,["bye",2]]', **guess), **cookie(user))[0] == 403
        assert users.asked == ["ada"]
        (connection,) = connections_of(users.ipc_main)
        assert (connection.ended, connection.bye_deadline, users.heard) == (False, None, [])
