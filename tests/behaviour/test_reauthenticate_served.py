"""A page that is asked again over real sockets, by both servers: it is closed with 4411, what comes behind that is not
received, and it resumes.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from fastapi import HTTPException

from tests.support.raw_sockets import closing, connections_of, greeted, hello, post, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from tests.support.users import Users, cookie
from webipc import IpcMainEvent
from webipc.core.frame import encode_body

AGAIN = (4411, "the server asks who the user of this page is now")


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, users: Users) -> Iterator[Live]:
    with live(users.app, ws=request.param) as served:
        yield served


def raises(error: Exception) -> Callable[[], NoReturn]:
    def ask() -> NoReturn:
        raise error

    return ask


def sync() -> bytes:
    """Return the body of a request with the next call."""
    return encode_body([hello(attempt=0, fresh=False), '[2,0,["sync",3,"ask",["next"]]]', '[0,0,["await",3]]'])


def reauthenticate(users: Users) -> None:
    """Ask ada again, from a thread with an event loop of its own."""
    asyncio.run(users.ipc_main.reauthenticate(user="ada"))


def test_a_page_is_closed_with_4411_and_resumes_with_what_was_kept(server: Live, users: Users) -> None:
    with greeted(server, cookie("ada")) as first:
        first.send('[1,0,["send","say",["one"]]]')
        wait_until(lambda: users.heard, "the first message")
        reauthenticate(users)
        assert closing(first) == AGAIN
    users.ipc_main.broadcast("note", "kept")
    with socket(server, headers=cookie("ada")) as second:
        second.send(hello(attempt=2, fresh=False, first=2))
        _, acknowledged, (kind, _) = json.loads(second.recv(PATIENCE))
        assert (kind, acknowledged) == ("welcome", 1)
        assert json.loads(second.recv(PATIENCE))[2][:2] == ["send", "note"]
    assert len(users.asked) == 2


def test_what_a_page_has_sent_and_the_server_has_not_read_is_not_received_before_it_is_asked(
    server: Live, users: Users
) -> None:
    with greeted(server, cookie("ada")) as opened:
        stands_still, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            stands_still.set()
            go_on.wait(20)
            with contextlib.suppress(StopIteration):
                users.ipc_main.reauthenticate(user="ada").send(None)

        assert server.loop is not None
        server.loop.call_soon_threadsafe(hold)
        assert stands_still.wait(20)
        opened.send('[1,0,["send","say",["sent before"]]]')
        users.instead["ada"] = raises(HTTPException(401, "banned"))
        go_on.set()
        assert closing(opened) == AGAIN
    with socket(server, headers=cookie("ada")) as again:
        again.send(hello(attempt=2, fresh=False))
        assert closing(again) == (4401, "banned")
    assert post(server, "/ipc/sync", sync(), **cookie("ada"))[0] == 401
    assert users.heard == []


def test_a_page_whose_message_is_being_decoded_is_asked_and_the_message_runs_as_its_user(
    server: Live, users: Users
) -> None:
    with greeted(server, cookie("ada")) as opened:
        opened.send(json.dumps([1, 0, ["send", "say", ["x" * 900_000]]]))
        wait_until(lambda: users.heard, "the message")
        reauthenticate(users)
        assert closing(opened) == AGAIN
    assert [heard[:2] for heard in users.heard] == [("ada", "ada")]


def test_a_send_sync_that_waits_is_answered_and_the_next_is_asked(server: Live, users: Users) -> None:
    go_on = threading.Event()

    def wait(event: IpcMainEvent) -> None:
        go_on.wait(20)
        event.return_value = event.user.id

    users.ipc_main.handle("wait", lambda event: None)
    users.ipc_main.on("wait", lambda event: threading.Thread(target=wait, args=(event,)).start())
    answers: list[tuple[int, bytes]] = []
    with greeted(server, cookie("ada")) as opened:
        body = encode_body([hello(attempt=0), '[1,0,["sync",1,"wait",[]]]', '[0,0,["await",1]]'])
        asking = threading.Thread(target=lambda: answers.append(post(server, "/ipc/sync", body, **cookie("ada"))))
        asking.start()
        wait_until(lambda: len(users.asked) == 2, "the ask of the request")
        wait_until(lambda: connections_of(users.ipc_main)[0].syncs_if_made, "the call")
        users.instead["ada"] = raises(HTTPException(401, "banned"))
        reauthenticate(users)
        assert closing(opened) == AGAIN
        go_on.set()
        asking.join(20)
    ((status, content),) = answers
    assert status == 200
    assert b'"ada"' in content
    assert post(server, "/ipc/sync", sync(), **cookie("ada"))[0] == 401
