"""Which links give way when there are too many: by the address that pays for them, and by what has made them."""

import itertools
import logging
from collections.abc import Callable

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, suspend, sweep, visitor
from webipc.access.visitor import RefusedError
from webipc.budget.addresses import address_of
from webipc.core.errors import CloseCode, ResetError
from webipc.hub import links as hub_links
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.holdings import LINK_BYTES


def post_beacon(hub: Hub, address: str) -> Connection:
    return hub.attaches.identify(hello(), visitor(address), NOBODY)


def refused(action: Callable[[Hub, str], Connection], hub: Hub, address: str) -> str:
    with pytest.raises(RefusedError) as caught:
        action(hub, address)
    assert caught.value.code == CloseCode.TRY_LATER
    return caught.value.reason


async def test_two_thousand_beacons_end_no_suspended_page(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [suspend(hub, "203.0.113.1") for _ in range(10)] + [suspend(hub, "203.0.113.2") for _ in range(10)]
    for _ in range(2_001):
        post_beacon(hub, "203.0.113.2")
    for number in range(2_001):
        post_beacon(hub, f"198.51.100.{number}")
    assert not any(page.ended for page in pages)
    assert hub._links.counts()["by_request"] <= 500


async def test_one_address_cannot_hold_all_links(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=100)
    for _ in range(50):
        connect(hub, "203.0.113.1")
    assert refused(connect, hub, "203.0.113.1") == "this address has its share of the server's 100 links"
    for number in range(50):
        connect(hub, f"198.51.100.{number}")
    assert refused(connect, hub, "192.0.2.1") == "the server holds its 100 links"
    assert hub._links.refused == 2


async def test_every_address_has_sixteen_links_while_there_is_room(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=100)
    for number in range(6):
        for _ in range(16):
            connect(hub, f"203.0.113.{number}")
    assert hub._links.counts()["open"] == 96


async def test_a_new_page_displaces_what_only_requests_of_its_address_have_made_then_its_suspended_pages(
    make_hub: MakeHub,
) -> None:
    hub = make_hub(max_links=40)
    older, newer = suspend(hub, "203.0.113.1"), suspend(hub, "203.0.113.1")
    requested = post_beacon(hub, "203.0.113.1")
    foreign = [post_beacon(hub, "198.51.100.1"), suspend(hub, "198.51.100.1")]
    while not requested.ended:
        connect(hub, "203.0.113.1")
    assert not older.ended
    connect(hub, "203.0.113.1")
    assert (older.ended, newer.ended) == (True, False)
    connect(hub, "203.0.113.1")
    assert newer.ended
    assert "share" in refused(connect, hub, "203.0.113.1")
    assert not any(each.ended for each in foreign)


async def test_a_request_displaces_only_what_a_request_has_made(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=40)
    suspended = suspend(hub, "203.0.113.1")
    first = post_beacon(hub, "203.0.113.1")
    for _ in range(18):
        connect(hub, "203.0.113.1")
    post_beacon(hub, "203.0.113.1")
    assert first.ended
    connect(hub, "203.0.113.1")
    assert "share" in refused(post_beacon, hub, "203.0.113.1")
    assert not suspended.ended


async def test_when_all_is_full_the_address_with_most_links_gives_way(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=40)
    many = [suspend(hub, "203.0.113.1") for _ in range(16)]
    few = [suspend(hub, "198.51.100.1") for _ in range(8)]
    for number in range(16):
        connect(hub, f"192.0.2.{number}")
    connect(hub, "192.0.2.100")
    assert [page.ended for page in many] == [True] + [False] * 15
    assert not any(page.ended for page in few)
    assert "40 links" in refused(post_beacon, hub, "192.0.2.101")


async def test_an_address_does_not_grow_at_the_cost_of_one_with_fewer_links(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=30)
    suspended = suspend(hub, "198.51.100.1")
    for _ in range(15):
        connect(hub, "203.0.113.1")
    for number in range(14):
        connect(hub, f"192.0.2.{number}")
    assert "30 links" in refused(connect, hub, "203.0.113.1")
    assert not suspended.ended
    connect(hub, "192.0.2.200")
    assert suspended.ended


async def test_too_many_suspended_pages_cost_the_address_that_has_them(make_hub: MakeHub) -> None:
    hub = make_hub(max_unattached_links=40)
    other = suspend(hub, "198.51.100.1")
    pages = [suspend(hub, "203.0.113.1") for _ in range(25)]
    assert not other.ended
    ended = [page.ended for page in pages]
    assert ended == sorted(ended, reverse=True)
    assert ended.count(False) == 20


async def test_a_page_whose_beacon_came_first_becomes_an_ordinary_one_with_its_socket(make_hub: MakeHub) -> None:
    hub = make_hub(max_links=40)
    first = hello()
    connection = hub.attaches.identify(first, visitor("203.0.113.1"), NOBODY)
    assert hub.attaches.attach(first, visitor("203.0.113.1"), NOBODY, Socket()) is connection
    assert hub._links.counts()["by_request"] == 0
    for _ in range(30):
        post_beacon(hub, "203.0.113.1")
    assert not connection.ended


async def test_a_socket_whose_attempt_is_refused_leaves_no_link(make_hub: MakeHub) -> None:
    hub = make_hub()
    with pytest.raises(RefusedError):
        hub.attaches.attach(hello(), visitor("203.0.113.1"), NOBODY, Socket(attempt=0))
    assert hub._links.counts()["open"] == 0


async def test_the_ids_of_ended_links_are_bounded_and_the_oldest_is_forgotten(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_links, "ENDED_IDS", 10)
    hub = make_hub()
    names = [f"{number:032x}" for number in range(12)]
    for name in names:
        hub.end(hub.attaches.attach(hello(name), visitor("203.0.113.1"), NOBODY, Socket()), "ended")
    with pytest.raises(ResetError, match="unknown-link"):
        hub.attaches.attach(hello(names[1], fresh=False), visitor("203.0.113.1"), NOBODY, Socket())
    with pytest.raises(ResetError, match="ended"):
        hub.attaches.attach(hello(names[2], fresh=False), visitor("203.0.113.1"), NOBODY, Socket())


async def test_an_address_that_has_its_share_of_the_memory_gets_no_more_links(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * 1_048_576)
    suspended = suspend(hub, "203.0.113.1")
    for _ in range(2 * 1_048_576 // LINK_BYTES):
        connect(hub, "203.0.113.1")
    assert suspended.ended
    assert refused(connect, hub, "203.0.113.1") == "this address has its share of the server's memory"
    connect(hub, "198.51.100.1")


@pytest.mark.parametrize("links, waits", [(10, 60), (30, 30), (36, 12), (39, 5)])
async def test_a_suspended_page_is_given_less_time_when_links_are_scarce(
    make_hub: MakeHub, links: int, waits: int
) -> None:
    hub = make_hub(max_links=40)
    page = suspend(hub, "203.0.113.1")
    for number in range(links - 1):
        connect(hub, f"198.51.100.{number}")
    hub.clock.now = page.lost_at + waits - 0.1
    sweep(hub)
    assert not page.ended
    hub.clock.now = page.lost_at + waits + 0.1
    sweep(hub)
    assert page.ended


async def test_the_tabs_that_are_over_are_looked_up_once(make_hub: MakeHub) -> None:
    hub = make_hub(goodbye_ms=1_000)
    pages = [connect(hub, f"203.0.113.{number % 200}") for number in range(400)]
    for page in pages[::2]:
        hub.end(page, "ended")
    looked_at = 0
    iterate = hub._links.__class__.__iter__

    class Counted(hub_links.Links):
        def __iter__(self) -> itertools.chain[Connection]:
            nonlocal looked_at
            found = list(iterate(self))
            looked_at += len(found)
            return itertools.chain(found)

    hub._links.__class__ = Counted
    hub.clock.now += 2
    sweep(hub)
    assert len(hub.tabs.all()) == 200
    assert looked_at <= 2 * 200


@pytest.mark.parametrize("address, hint", [("10.0.0.3", 1), ("127.0.0.1", 0), ("8.8.8.8", 0), ("unknown", 0)])
async def test_an_inner_address_with_most_links_is_asked_about_once(
    make_hub: MakeHub, caplog: pytest.LogCaptureFixture, address: str, hint: int
) -> None:
    hub = make_hub()
    with caplog.at_level(logging.WARNING, logger="webipc"):
        for _ in range(130):
            connect(hub, address)
    assert sum("is it a proxy?" in message for message in caplog.messages) == hint
    assert all(address in message for message in caplog.messages)


@pytest.mark.parametrize(
    "host, address",
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("no:address", "no:address"),
    ],
)
def test_an_address_counts_by_what_one_subscriber_has(host: str, address: str) -> None:
    assert address_of(host) == address
