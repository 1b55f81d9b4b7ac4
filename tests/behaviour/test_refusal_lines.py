"""Who comes as another user again and again fills no log: ten lines a minute of one address, whatever brings them."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.posting_page import PostingPage
from tests.support.raw_sockets import connections_of
from tests.support.users import Users, cookie
from tests.support.waiting import until
from webipc import Limits
from webipc.core.frame import encode_control

LIMITS = Limits(goodbye_ms=60_000)
TIMES = 30


@pytest.fixture
async def users() -> AsyncIterator[Users]:
    made = Users(limits=LIMITS)
    yield made
    await made.ipc_main._provider.end()


@pytest.fixture
async def page(users: Users) -> AsyncIterator[PostingPage]:
    """A page of ada's, with a socket, whose browser has become that of bob."""
    made = PostingPage(users.app, LIMITS)
    made.headers = cookie("ada")
    await made.connect()
    made.headers = cookie("bob")
    made.post("send", "say", value=["bob's"])
    yield made
    await made.end()


async def by_socket(page: PostingPage) -> None:
    closes = len(page.closes)
    await page.connect()
    await until(lambda: len(page.closes) > closes)


async def by_request(page: PostingPage) -> None:
    assert await page.upload(page.body()) == (401, {"code": 4401, "reason": "another-user"})


async def by_beacon(page: PostingPage) -> None:
    assert (await page.upload(page.body(), path="/ipc/beacon"))[0] == 204


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "another-user" in record.getMessage()]


@pytest.mark.parametrize("come", [by_socket, by_request, by_beacon])
async def test_ten_lines_are_written_about_an_address_that_comes_as_another_user(
    users: Users, page: PostingPage, come: Callable[[PostingPage], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "webipc"):
        for _ in range(TIMES):
            await come(page)
    assert connections_of(users.ipc_main) == []
    assert len(lines(caplog)) == 10
    # The first beacon ends the link, and has a line of its own.
    assert lines(caplog)[-1] == "testclient:50000 at http://testserver was refused with 4401: another-user"


async def test_ten_lines_are_written_about_the_beacons_with_bye_of_another_user(
    users: Users, page: PostingPage, caplog: pytest.LogCaptureFixture
) -> None:
    body = page.body(encode_control(page.link.received, "bye", page.link.last))
    with caplog.at_level(logging.INFO, "webipc"):
        for _ in range(TIMES):
            assert (await page.upload(body, path="/ipc/beacon"))[0] == 204
    assert len(connections_of(users.ipc_main)) == 1
    assert len(lines(caplog)) == 10
    assert all(line.endswith(": 1 messages of a beacon are dropped: another-user") for line in lines(caplog))
