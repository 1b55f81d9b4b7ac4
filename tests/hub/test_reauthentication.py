"""Every link of a user is asked again, whatever its tab shows, and no link of anybody else is looked at."""

import dataclasses

from tests.support.hubs import MakeHub, Socket, hello, suspend, visitor
from tests.support.work import lines_of
from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.core.envelope import Hello
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.timeouts import ASKED_AGAIN


def attach(hub: Hub, user: str, said: Hello | None = None) -> Connection:
    return hub.attaches.attach(said or hello(), visitor(user), caller(user), Socket())


def caller(user: str) -> Caller:
    return Caller(AttachScope({"type": "websocket", "headers": []}), user, user)


def embed(hub: Hub, user: str, parent: Connection) -> Connection:
    return attach(hub, user, dataclasses.replace(hello(), parent=parent.link_id))


def asked_again(*links: Connection) -> list[bool]:
    return [link.ask_due == ASKED_AGAIN for link in links]


def user_among(hub: Hub, others: int) -> list[Connection]:
    """Connect two tabs of ada, among links of other users and of nobody."""
    tabs = [attach(hub, "ada")]
    for number in range(others):
        attach(hub, f"user {number}")
    tabs.append(attach(hub, "ada"))
    return tabs


async def test_the_work_is_in_proportion_to_the_tabs_of_the_user(make_hub: MakeHub) -> None:
    lines: list[int] = []
    for others in (3, 998):
        hub = make_hub()
        tabs = user_among(hub, others)
        lines.append(lines_of(lambda hub=hub: hub.reauthentication._of_user("ada")))  # type: ignore[misc]
        assert [link for link in hub._links if link.ask_due == ASKED_AGAIN] == tabs
    assert lines[0] == lines[1]


async def test_the_work_for_one_tab_is_in_proportion_to_those_of_its_user(make_hub: MakeHub) -> None:
    lines: list[int] = []
    for others in (3, 998):
        hub = make_hub()
        first, _ = user_among(hub, others)
        lines.append(lines_of(lambda hub=hub, tab=first.document.tab: hub.reauthentication._of_tab(tab)))  # type: ignore[misc]
        assert [link for link in hub._links if link.ask_due == ASKED_AGAIN] == [first]
    assert lines[0] == lines[1]


async def test_a_tab_of_nobody_is_asked_again(make_hub: MakeHub) -> None:
    hub = make_hub()
    first, second = suspend(hub, "203.0.113.1"), suspend(hub, "203.0.113.2")
    await hub.reauthentication.of_tab(first.document.tab)
    assert asked_again(first, second) == [True, False]


async def test_links_are_asked_again_that_are_away_or_that_their_tab_does_not_show(make_hub: MakeHub) -> None:
    hub = make_hub()
    away, page, leaving = (attach(hub, "ada") for _ in range(3))
    assert away.transport is not None
    away.lost(away.transport)
    frame, orphan = embed(hub, "ada", page), embed(hub, "ada", leaving)
    inner = embed(hub, "ada", frame)
    leaving.bye(0)
    hub.end(leaving, "ended")
    by_request = hub.attaches.identify(hello(), visitor("ada"), caller("ada"))
    assert (orphan.ended, by_request.was_attached) == (False, False)
    await hub.reauthentication.of_user("ada")
    assert asked_again(away, page, frame, inner, orphan, by_request) == [True] * 6


async def test_what_has_ended_is_kept_for_no_user(make_hub: MakeHub) -> None:
    hub = make_hub()
    links = [attach(hub, user) for user in ("ada", "ada", "bob")]
    for link in links:
        hub.end(link, "ended")
    assert hub._links._of_users == {}


async def test_links_may_end_while_their_user_is_asked_again(make_hub: MakeHub) -> None:
    # Each loses its socket, and there may be no more than 16 without one: those that are away the longest end.
    hub = make_hub(max_unattached_links=1)
    links = [attach(hub, "ada") for _ in range(20)]
    await hub.reauthentication.of_user("ada")
    assert all(asked_again(*links))
    assert any(link.ended for link in links)
    assert hub._links.of_user("ada") == [link for link in links if not link.ended]
