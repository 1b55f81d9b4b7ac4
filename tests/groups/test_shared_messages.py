"""A message to many pages is charged once, exactly as long as one of them keeps it; who is furthest behind pays."""

from tests.support.hubs import NOBODY, MakeHub, connect, suspend
from webipc.core.frame import decode_frame
from webipc.groups.group import Group
from webipc.link.connection import Connection
from webipc.link.holdings import LINK_BYTES

MIB = 1_048_576
SMALL = "x" * 10_000
"""Small enough to be kept as one object by all links: a larger one is cut into parts for each."""


def acknowledge(*pages: Connection) -> None:
    for page in pages:
        page.flush()
        page.receive(decode_frame(f"[1,{page.link.last}]"), page.link.attempt, NOBODY)


async def test_it_is_charged_until_the_last_page_lets_it_go(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, f"203.0.113.{number}") for number in range(20)]
    hub.broadcast("news", (SMALL,))
    hub.broadcast("news", (SMALL,))
    flat = 20 * LINK_BYTES
    assert flat + 20_000 <= hub.account.held <= flat + 21_000
    acknowledge(*pages[1:])
    assert flat + 20_000 <= hub.account.held <= flat + 21_000
    acknowledge(pages[0])
    assert hub.account.held == flat


async def test_pages_that_are_behind_with_different_messages_are_charged_for_all_of_them(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, f"203.0.113.{number}") for number in range(20)]
    for pair in zip(pages[::2], pages[1::2], strict=True):
        for page in pair:
            hub.groups.add(str(id(pair)), page.document.tab)
        Group(lambda: hub.groups, str(id(pair))).send("news", SMALL)
    flat = 20 * LINK_BYTES
    assert flat + 100_000 <= hub.account.held <= flat + 105_000
    acknowledge(*pages)
    assert hub.account.held == flat


async def test_the_end_of_a_page_gives_back_what_it_alone_has_kept(make_hub: MakeHub) -> None:
    hub = make_hub()
    slow, quick = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    hub.broadcast("news", (SMALL,))
    acknowledge(quick)
    assert hub.account.held > 2 * LINK_BYTES + 10_000
    hub.end(slow, "ended")
    assert hub.account.held == LINK_BYTES


async def test_a_message_that_no_page_gets_is_charged_to_nobody(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.broadcast("news", (SMALL,))
    assert hub.account.held == 0


async def test_a_single_page_pays_for_itself(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    hub.broadcast("news", (SMALL,))
    assert page.link.extra == 0
    assert page.link.held > 10_000


async def test_who_keeps_most_is_reset_when_it_is_too_much_and_the_others_stay(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB)
    away, slow = suspend(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    others = [connect(hub, f"203.0.113.{number}") for number in range(3, 8)]
    sent = 0
    while not away.ended:
        hub.broadcast("news", (SMALL,))
        acknowledge(*others)
        sent += 1
        if sent == 100:
            acknowledge(slow)
    assert 150 < sent < 250
    assert away.end_reason == "overflow"
    assert not any(page.ended for page in [slow, *others])
    assert hub.stats()["evicted"] == {"overflow": 1}
    assert hub.account.held < 2 * MIB
