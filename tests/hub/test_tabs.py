"""A tab is given up when none of its documents is left for a while, whatever has brought them (PROTOCOL.md 6.7)."""

import dataclasses

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, visitor
from tests.support.turned import Turned
from webipc.core.envelope import Hello
from webipc.electron.tab import Tab

SECONDS = 6  # more than the 5 in which the next document of a tab has to come
ADDRESS = "203.0.113.1"


@pytest.fixture
async def turned(monkeypatch: pytest.MonkeyPatch) -> Turned:
    return Turned(monkeypatch)


def next_in(tab: Tab) -> Hello:
    return dataclasses.replace(hello(), token=tab.token)


async def test_a_tab_without_documents_is_given_up(turned: Turned, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, ADDRESS)
    hub.end(page, "ended")
    turned.run(hub, SECONDS)
    assert page.document.tab.destroyed


async def test_a_tab_is_not_given_up_while_a_document_is_there_that_a_request_has_brought(
    turned: Turned, make_hub: MakeHub
) -> None:
    hub = make_hub()
    page = connect(hub, ADDRESS)
    tab = page.document.tab
    hub.end(page, "ended")
    turned.run(hub, 4)
    said = next_in(tab)
    by_request = hub.attaches.identify(said, visitor(ADDRESS), NOBODY)
    assert by_request.document.tab is tab
    turned.run(hub, 4)
    assert (tab.destroyed, hub.tabs.all(), by_request.ended) == (False, [tab], False)
    hub.attaches.attach(said, visitor(ADDRESS), NOBODY, Socket())
    turned.run(hub, 60)
    assert (tab.destroyed, by_request.ended) == (False, False)


async def test_of_two_documents_that_requests_have_brought_the_last_one_keeps_the_tab(
    turned: Turned, make_hub: MakeHub
) -> None:
    hub = make_hub()
    page = connect(hub, ADDRESS)
    tab = page.document.tab
    hub.end(page, "ended")
    first, second = (hub.attaches.identify(next_in(tab), visitor(ADDRESS), NOBODY) for _ in range(2))
    hub.end(first, "ended")
    turned.run(hub, SECONDS)
    assert not tab.destroyed
    hub.end(second, "ended")
    turned.run(hub, SECONDS)
    assert tab.destroyed


async def test_a_document_that_a_request_has_brought_is_behind_the_one_that_is_shown(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, ADDRESS)
    tab = page.document.tab
    assert page.transport is not None
    page.lost(page.transport)
    later = hub.attaches.identify(next_in(tab), visitor(ADDRESS), NOBODY)
    assert (tab.shown, list(tab.all_documents())) == (page.document, [later.document, page.document])
    hub.end(page, "ended")
    assert tab.shown is later.document
