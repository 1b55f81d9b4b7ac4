"""A link and a tab have one user from birth to end: who comes as another one gets nothing of either."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hubs import MakeHub, Socket, hello, sweep
from tests.support.waiting import settled, until
from webipc.access.attach_scope import AttachScope
from webipc.access.caller import ANOTHER_USER, AnotherUserError, Caller
from webipc.access.visitor import RefusedError, Visitor
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.envelope import Hello
from webipc.core.errors import CloseCode, ResetError
from webipc.core.frame import decode_frame
from webipc.hub.hub import Hub
from webipc.link.connection import Connection

BROWSER, OTHER_BROWSER = "1" * 32, "2" * 32


def caller(identity: str | None) -> Caller:
    user = None if identity is None else {"id": identity}
    return Caller(AttachScope({"type": "websocket", "headers": []}), user, identity)


ADA, BOB, NOBODY = caller("ada"), caller("bob"), caller(None)


def visitor(principal: str = BROWSER, *, shown: bool = True) -> Visitor:
    return Visitor("http://localhost", "192.0.2.1:1", "192.0.2.1", principal, None if shown else "set it")


class Told(Socket):
    """A socket that keeps what was written, and the reason with which it was closed."""

    def __init__(self, attempt: int = 1) -> None:
        super().__init__(attempt)
        self.written: list[str] = []
        self.closed: tuple[int, str] | None = None

    def write(self, frame: str | bytes) -> None:
        if self.closed is None:
            self.written.append(str(frame))

    def close(self, code: CloseCode, reason: str) -> None:
        super().close(code, reason)
        self.closed = self.closed or (int(code), reason)


def again(page: Connection, **fields: Any) -> Hello:
    usual = hello(page.link_id, fresh=False)
    return dataclasses.replace(usual, **fields)


def attach(
    hub: Hub, who: Caller, said: Hello | None = None, socket: Socket | None = None, **browser: Any
) -> Connection:
    return hub.attaches.attach(said or hello(), visitor(**browser), who, socket or Socket())


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first, second", [(ADA, BOB), (ADA, NOBODY), (NOBODY, ADA)])
@pytest.mark.parametrize("by_request", [False, True], ids=["socket", "request"])
async def test_another_user_ends_a_link_and_gets_nothing_of_it(
    make_hub: MakeHub, first: Caller, second: Caller, by_request: bool
) -> None:
    hub = make_hub()
    carrying, newer = Told(), Told(2)
    page = attach(hub, first, socket=carrying)
    contents = page.document.tab.contents
    contents.send("note", "kept for the first")
    page.flush()
    before = list(carrying.written)
    with pytest.raises(AnotherUserError) as caught:
        _ = (
            hub.attaches.identify(again(page), visitor(), second)
            if by_request
            else attach(hub, second, again(page), newer)
        )
    assert (caught.value.code, caught.value.reason) == (CloseCode.UNAUTHORIZED, ANOTHER_USER)
    assert (page.ended, page.end_reason, newer.written) == (True, ANOTHER_USER, [])
    assert (carrying.closed, carrying.written) == ((4401, ANOTHER_USER), before), "no reset: the page gives up"
    assert contents.user == first.user


async def test_a_link_of_another_user_is_refused_for_its_grace_time_whoever_comes(make_hub: MakeHub) -> None:
    hub = make_hub(grace_ms=60_000)
    page = attach(hub, ADA)
    with pytest.raises(AnotherUserError):
        attach(hub, BOB, again(page), Socket(2))
    for who in (ADA, BOB):
        with pytest.raises(AnotherUserError):
            attach(hub, who, again(page), Socket(3))
        with pytest.raises(AnotherUserError):
            hub.attaches.identify(again(page), visitor(), who)
    hub.clock.now += 61
    sweep(hub)
    with pytest.raises(ResetError) as caught:
        attach(hub, ADA, again(page), Socket(3))
    assert caught.value.reason == "unknown-link"


async def test_the_same_user_resumes_with_another_object_and_another_session(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, ADA)
    assert attach(hub, caller("ada"), again(page), Socket(2)) is page
    assert hub.attaches.identify(again(page), visitor(), caller("ada")) is page


async def test_a_wrong_secret_is_refused_before_the_user_is_looked_at_and_ends_nothing(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, ADA)
    guess = again(page, secret="c" * 32)
    attempts: list[Callable[[], object]] = [
        lambda: attach(hub, BOB, guess, Socket(2)),
        lambda: hub.attaches.identify(guess, visitor(), BOB),
        lambda: hub.attaches.known(guess),
    ]
    for attempt in attempts:
        with pytest.raises(RefusedError) as caught:
            attempt()
        assert (caught.value.code, page.ended) == (CloseCode.FORBIDDEN, False)


async def test_a_socket_that_was_overtaken_by_the_next_ends_nothing_as_another_user(make_hub: MakeHub) -> None:
    hub = make_hub()
    first = hello()
    page = attach(hub, BOB, first, Told(2))
    with pytest.raises(RefusedError) as caught:
        attach(hub, ADA, first, Told(1))
    assert (caught.value.code, page.ended) == (CloseCode.SUPERSEDED, False)


async def test_what_has_arrived_runs_on_as_the_user_who_sent_it(make_hub: MakeHub) -> None:
    ipc_main = IpcMainImpl()
    hub = make_hub(ipc_main=ipc_main)
    heard: list[Any] = []
    ipc_main.on("say", lambda event, text: heard.append((event.user, text)))
    page = attach(hub, ADA)
    page.receive(decode_frame('[1,0,["send","say",["of ada"]]]'), 1, ADA)
    with pytest.raises(AnotherUserError):
        attach(hub, BOB, again(page), Socket(2))
    page.jobs.start()
    await until(lambda: heard)
    assert heard == [(ADA.user, "of ada")]


async def test_what_another_user_sends_behind_the_refusal_is_not_taken(make_hub: MakeHub) -> None:
    ipc_main = IpcMainImpl()
    hub = make_hub(ipc_main=ipc_main)
    heard: list[Any] = []
    ipc_main.on("say", lambda event: heard.append(event.user))
    page = attach(hub, ADA)
    with pytest.raises(AnotherUserError):
        attach(hub, BOB, again(page), Socket(2))
    for attempt in (1, 2, None):
        page.receive(decode_frame('[1,0,["send","say",[]]]'), attempt, BOB)
    page.jobs.start()
    await settled()
    assert heard == []


async def test_iframes_of_a_page_that_another_user_has_ended_give_up_with_it(make_hub: MakeHub) -> None:
    hub = make_hub()
    below, innermost = Told(), Told()
    page = attach(hub, ADA)
    child = attach(hub, ADA, dataclasses.replace(hello(), parent=page.link_id), below)
    attach(hub, ADA, dataclasses.replace(hello(), parent=child.link_id), innermost)
    with pytest.raises(AnotherUserError):
        attach(hub, BOB, again(page), Socket(2))
    for socket in (below, innermost):
        assert socket.closed == (4401, ANOTHER_USER)
        assert not any("reset" in frame for frame in socket.written)


async def test_where_nothing_is_asked_an_attach_waits_for_nothing_and_makes_no_task(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, NOBODY)
    for said in (hello(), again(page)):
        tasks = asyncio.all_tasks()
        asking = hub.attaches.ask(said, visitor(), NOBODY.attach_scope)
        with pytest.raises(StopIteration) as ended:
            asking.send(None)
        assert (ended.value.value.user, ended.value.value.identity) == (None, None)
        assert asyncio.all_tasks() == tasks


# --- tabs -------------------------------------------------------------------------------------------------------------


def leave(page: Connection) -> None:
    assert page.transport is not None
    page.lost(page.transport)


def with_token(page: Connection) -> Hello:
    return dataclasses.replace(hello(), token=page.document.tab.token)


async def test_the_next_document_of_the_same_user_is_in_the_same_tab(make_hub: MakeHub) -> None:
    hub = make_hub()
    for who in (ADA, NOBODY):
        page = attach(hub, who)
        leave(page)
        assert attach(hub, who, with_token(page)).document.tab is page.document.tab


@pytest.mark.parametrize("first, second", [(ADA, BOB), (ADA, NOBODY), (NOBODY, ADA)])
@pytest.mark.parametrize("by_request", [False, True], ids=["socket", "request"])
async def test_a_token_of_a_tab_does_not_count_for_another_user(
    make_hub: MakeHub, first: Caller, second: Caller, by_request: bool
) -> None:
    created: list[Any] = []
    hub = make_hub(created=lambda event, contents: created.append(contents.user))
    page = attach(hub, first)
    leave(page)
    if by_request:
        other = hub.attaches.identify(with_token(page), visitor(), second)
        hub.show(other)
    else:
        other = attach(hub, second, with_token(page))
    assert other.document.tab is not page.document.tab
    contents = page.document.tab.contents
    contents.send("note", "for the first")
    await until(lambda: len(created) == 2)
    assert created == [first.user, second.user]
    assert (len(page.link.kept), len(other.link.kept)) == (1, 0), "what runs for the first does not reach the second"


async def test_a_token_of_a_tab_does_not_count_in_another_browser(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, ADA)
    leave(page)
    assert attach(hub, ADA, with_token(page), principal=OTHER_BROWSER).document.tab is not page.document.tab
    assert attach(hub, ADA, with_token(page), principal="3" * 32, shown=False).document.tab is not page.document.tab


async def test_a_browser_without_cookies_keeps_its_tab(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, ADA, shown=False)
    leave(page)
    after = attach(hub, ADA, with_token(page), principal=OTHER_BROWSER, shown=False)
    assert after.document.tab is page.document.tab
    leave(after)
    assert attach(hub, BOB, with_token(page), principal="3" * 32, shown=False).document.tab is not page.document.tab


async def test_a_tab_whose_first_answer_did_not_set_the_cookie_takes_the_cookie_that_was_set(make_hub: MakeHub) -> None:
    """Two tabs of a new browser open at the same time: both answers set the cookie, and one of them wins."""
    hub = make_hub()
    page = attach(hub, ADA, principal=BROWSER, shown=False)
    assert attach(hub, ADA, again(page), Socket(2), principal=OTHER_BROWSER) is page
    assert page.document.tab.contents.principal == OTHER_BROWSER
    leave(page)
    assert attach(hub, ADA, with_token(page), principal=OTHER_BROWSER).document.tab is page.document.tab
    assert attach(hub, ADA, again(page), Socket(3), principal="3" * 32) is page
    assert page.document.tab.contents.principal == OTHER_BROWSER, "it is shown once, and then stays"


async def test_nobody_waits_for_a_tab_of_another_user(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = attach(hub, ADA)
    waiting = hub.attaches.wait_for_place(with_token(page), visitor(), BOB)
    with pytest.raises(StopIteration):
        waiting.send(None)
    waiting = hub.attaches.wait_for_place(with_token(page), visitor(), ADA)
    waiting.send(None)
    waiting.close()


@pytest.mark.parametrize("browser", [BROWSER, OTHER_BROWSER])
async def test_an_iframe_of_another_user_is_a_tab_of_its_own(make_hub: MakeHub, browser: str) -> None:
    hub = make_hub()
    page = attach(hub, ADA)
    below = dataclasses.replace(hello(), parent=page.link_id)
    child = attach(hub, BOB if browser == BROWSER else ADA, below, principal=browser)
    assert child.document.tab is not page.document.tab
    assert (child.document.parent, page.document.children) == (None, ())
    hub.end(page, "ended")
    assert not child.ended


async def test_an_iframe_that_comes_before_its_parent_of_another_user_stays_a_tab_of_its_own(make_hub: MakeHub) -> None:
    hub = make_hub()
    above = hello()
    child = attach(hub, BOB, dataclasses.replace(hello(), parent=above.link))
    page = attach(hub, ADA, above)
    assert child.document.tab is not page.document.tab
    assert attach(hub, BOB, again(child, parent=above.link), Socket(2)) is child
    assert page.document.children == ()


@pytest.mark.parametrize(
    "who, browser, reaches",
    [(ADA, BROWSER, True), (BOB, BROWSER, False), (NOBODY, BROWSER, False), (ADA, OTHER_BROWSER, False)],
)
async def test_send_to_reaches_tabs_of_the_same_user_in_the_same_browser(
    make_hub: MakeHub, who: Caller, browser: str, reaches: bool
) -> None:
    hub = make_hub(may_send_to=None)
    page, target = attach(hub, ADA), attach(hub, who, principal=browser)
    frame = f'[1,0,["send-to",{target.document.tab.id},"note",["hello"]]]'
    page.receive(decode_frame(frame), 1, ADA)
    assert len(target.link.kept) == int(reaches)


async def test_a_tab_is_among_those_of_its_user_until_it_is_destroyed(make_hub: MakeHub) -> None:
    hub = make_hub(goodbye_ms=1_000)
    page, other, nobody = attach(hub, ADA), attach(hub, BOB), attach(hub, NOBODY)
    assert list(hub.groups.users.members("ada")) == [page.document.tab]
    assert list(hub.groups.users.members("bob")) == [other.document.tab]
    assert len(hub.groups.users) == 2
    hub.end(page, "ended")
    hub.end(nobody, "ended")
    assert list(hub.groups.users.members("ada")) == [page.document.tab]
    hub.clock.now += 2
    sweep(hub)
    assert list(hub.groups.users.members("ada")) == []
