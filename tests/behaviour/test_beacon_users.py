"""Who a beacon is from: its `bye` is obeyed for the secret alone, and its messages run for the user of the link only.

A page that leaves through a logout link posts its last words with the cookies from after the logout.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import HTTPException

from tests.support.posting_page import PostingPage
from tests.support.raw_sockets import connections_of
from tests.support.users import Gate, User, Users, cookie
from tests.support.waiting import settled, until
from webipc import Limits
from webipc.core.frame import encode_body, encode_control
from webipc.link.connection import Connection

LIMITS = Limits(goodbye_ms=300)


def raises(error: Exception) -> Any:
    def ask() -> None:
        raise error

    return ask


OTHERS = {
    "bob": lambda: User("bob"),
    "nobody": lambda: None,
    "401": raises(HTTPException(401, "log in")),
    "403": raises(HTTPException(403, "banned")),
    "503": raises(HTTPException(503, "no database")),
    "error": raises(ValueError("a bug")),
}
STATUS = {"503": 503, "error": 500}


@pytest.fixture
async def users() -> AsyncIterator[Users]:
    made = Users(limits=LIMITS)
    made.instead.update(OTHERS)
    yield made
    await made.ipc_main._provider.end()


@pytest.fixture
async def page(users: Users) -> AsyncIterator[PostingPage]:
    """A page of ada's, with a socket."""
    made = PostingPage(users.app, LIMITS)
    made.headers = cookie("ada")
    await made.connect()
    yield made
    await made.end()


def bye(page: PostingPage) -> str:
    return encode_control(page.link.received, "bye", page.link.last)


async def post(page: PostingPage, user: str, *last: str) -> int:
    """Post everything that the page keeps in a beacon with the cookie of a user; return the status."""
    page.headers = cookie(user)
    status, _ = await page.upload(page.body(*last), path="/ipc/beacon")
    return status


def the_link(users: Users) -> Connection:
    (connection,) = connections_of(users.ipc_main)
    return connection


def dropped(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.message.partition(": ")[2])
        for record in caplog.records
        if "of a beacon are dropped" in record.message
    ]


@pytest.mark.parametrize("user", ["ada", *OTHERS])
async def test_bye_is_obeyed_for_the_secret_alone_and_asks_nobody(users: Users, page: PostingPage, user: str) -> None:
    assert await post(page, user, bye(page)) == 204
    assert connections_of(users.ipc_main) == []
    assert users.asked == ["ada"]


@pytest.mark.parametrize("user", ["ada", *OTHERS])
async def test_a_beacon_without_a_new_message_asks_nobody(users: Users, page: PostingPage, user: str) -> None:
    page.post("send", "say", value=["by the socket"])
    page.flush()
    await until(lambda: users.heard)
    assert await post(page, user) == 204
    assert (users.asked, users.heard) == (["ada"], [("ada", "ada", "by the socket")])
    assert the_link(users).transport is not None


@pytest.mark.parametrize("user", OTHERS)
async def test_messages_of_another_user_are_dropped_with_one_line_and_bye_is_obeyed(
    users: Users, page: PostingPage, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    for number in range(3):
        page.post("send", "say", value=[number])
    assert await post(page, user, bye(page)) == STATUS.get(user, 204)
    assert the_link(users).bye_deadline is not None
    await until(lambda: not connections_of(users.ipc_main))
    assert (users.heard, users.asked) == ([], ["ada", user])
    [(level, text)] = dropped(caplog)
    assert (level, text.partition(" of a beacon")[0]) == (logging.INFO, "3 messages")


async def test_what_the_socket_still_brings_of_its_own_user_runs_behind_the_bye_of_another(
    users: Users, page: PostingPage
) -> None:
    page.post("send", "say", value=["last words"])
    assert await post(page, "nobody", bye(page)) == 204
    assert users.heard == []
    page.flush()
    await until(lambda: users.heard)
    assert users.heard == [("ada", "ada", "last words")]
    await until(lambda: not connections_of(users.ipc_main))


@pytest.mark.parametrize("user", ["bob", "nobody"])
async def test_another_user_without_bye_ends_the_link(users: Users, page: PostingPage, user: str) -> None:
    page.post("send", "say", value=["not hers"])
    assert await post(page, user) == 204
    assert connections_of(users.ipc_main) == []
    await until(lambda: page.closes)
    assert (page.closes[0], page.resets, users.heard) == ((4401, "another-user"), [], [])


@pytest.mark.parametrize("user", ["401", "403", "503", "error"])
async def test_a_link_goes_on_when_the_user_of_a_beacon_is_refused(
    users: Users, page: PostingPage, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    page.post("send", "say", value=["kept by the page"])
    assert await post(page, user) == STATUS.get(user, 204)
    assert users.heard == []
    page.flush()
    await until(lambda: users.heard)
    assert users.heard == [("ada", "ada", "kept by the page")]
    assert len(dropped(caplog)) == 1


async def test_messages_of_the_same_user_run_with_what_the_beacon_brought(users: Users, page: PostingPage) -> None:
    users.instead["rotated"] = lambda: User("ada")
    page.post("send", "say", value=["last words"])
    assert await post(page, "rotated", bye(page)) == 204
    await until(lambda: users.heard)
    assert users.heard == [("ada", "rotated", "last words")]
    assert connections_of(users.ipc_main) == []


async def test_the_second_copy_of_a_beacon_asks_nobody(users: Users, page: PostingPage) -> None:
    page.post("send", "say", value=["last words"])
    assert [await post(page, "ada", bye(page)) for _ in range(2)] == [204, 204]
    assert (users.asked, users.heard) == (["ada", "ada"], [("ada", "ada", "last words")])


async def test_a_beacon_of_several_frames_asks_once(users: Users, page: PostingPage) -> None:
    frames = [f'[{number},0,["send","say",[{number}]]]' for number in (1, 2, 3)]
    page.headers = cookie("ada")
    body = encode_body([page.hello(0), *frames, '[0,0,["bye",3]]'])
    assert (await page.upload(body, path="/ipc/beacon"))[0] == 204
    await until(lambda: len(users.heard) == 3)
    assert users.asked == ["ada", "ada"]


async def test_300_beacons_with_a_wrong_secret_ask_nobody(users: Users, page: PostingPage) -> None:
    hello = page.hello(0).replace("b" * 32, "c" * 32)
    body = encode_body([hello, '[1,0,["send","say",["guessed"]]]', '[0,0,["bye",1]]'])
    statuses = [(await page.upload(body, path="/ipc/beacon"))[0] for _ in range(300)]
    assert (set(statuses), users.asked, users.heard) == ({403}, ["ada"], [])
    assert the_link(users).bye_deadline is None


async def test_what_the_socket_brings_while_a_beacon_is_asked_about_runs_once(users: Users, page: PostingPage) -> None:
    gate = users.instead["slow"] = Gate()
    page.post("send", "say", value=["once"])
    page.headers = cookie("slow")
    beacon = page.upload(page.body(), path="/ipc/beacon")
    await until(lambda: gate.reached)
    page.flush()
    await until(lambda: users.heard)
    gate.open()
    assert (await beacon)[0] == 204
    await settled()
    assert users.heard == [("ada", "ada", "once")]


async def test_a_link_that_ends_while_a_beacon_is_asked_about_runs_nothing_of_it(
    users: Users, page: PostingPage
) -> None:
    gate = users.instead["slow"] = Gate()
    page.post("send", "say", value=["too late"])
    page.headers = cookie("slow")
    beacon = page.upload(page.body(), path="/ipc/beacon")
    await until(lambda: gate.reached)
    users.hub.end(the_link(users), "ended")
    gate.open()
    assert (await beacon)[0] == 204
    await settled()
    assert users.heard == []


async def test_a_synchronous_request_that_waits_is_told_that_another_user_has_come(
    users: Users, page: PostingPage
) -> None:
    held: list[Any] = []
    users.ipc_main.on("never", held.append)
    request = page.upload(page.ask("never"))
    await until(lambda: held)
    page.post("send", "say", value=["not hers"])
    assert await post(page, "bob") == 204
    assert await request == (401, {"code": 4401, "reason": "another-user"})
    assert users.heard == []
