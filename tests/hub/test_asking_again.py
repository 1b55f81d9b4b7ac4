"""A link whose page is asked again loses its socket with 4411, and is kept for less time than one that was lost."""

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, suspend, visitor
from tests.support.turned import Turned
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.timeouts import ask_again


@pytest.fixture
async def turned(monkeypatch: pytest.MonkeyPatch) -> Turned:
    return Turned(monkeypatch)


def lives_for(turned: Turned, hub: Hub, connection: Connection, most: int = 100) -> int:
    """Return after how many seconds the link has ended."""
    for second in range(most):
        if connection.ended:
            return second
        turned.run(hub, 1)
    return most


async def test_its_socket_is_closed_with_4411_and_the_link_is_kept_for_15_seconds(
    turned: Turned, make_hub: MakeHub
) -> None:
    hub, socket = make_hub(), Socket()
    page = connect(hub, "203.0.113.1", socket)
    turned.run(hub, 20)
    ask_again(page)
    assert socket.code == 4411
    assert page.transport is None
    assert not page.ended
    assert 15 <= lives_for(turned, hub, page) <= 16


async def test_a_link_that_is_away_has_as_much_time_and_no_more_than_before(turned: Turned, make_hub: MakeHub) -> None:
    hub = make_hub()
    early, late = suspend(hub, "203.0.113.1"), suspend(hub, "203.0.113.2")
    turned.run(hub, 20)
    ask_again(early)
    assert 15 <= lives_for(turned, hub, early) <= 16
    turned.run(hub, 15)
    ask_again(late)
    assert 8 <= lives_for(turned, hub, late) <= 10


async def test_a_page_that_came_by_a_request_alone_keeps_its_ten_seconds(turned: Turned, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = hub.attaches.identify(hello(), visitor("203.0.113.1"), NOBODY)
    ask_again(page)
    assert 10 <= lives_for(turned, hub, page) <= 11


async def test_a_link_is_asked_again_when_it_is_due(turned: Turned, make_hub: MakeHub) -> None:
    hub, socket, other = make_hub(), Socket(), Socket()
    page = connect(hub, "203.0.113.1", socket)
    page.ask_due = turned.now + 3_600
    connect(hub, "203.0.113.1", other)
    turned.run(hub, 3_599)
    assert socket.code is None
    turned.run(hub, 2)
    assert socket.code == 4411
    assert other.code is None
