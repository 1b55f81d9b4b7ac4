"""Users who are banned at any moment, on documents that come and go at random: from then on nothing runs as them, and
no page of theirs is connected.

Beside test_changing_users.py, whose users change: here `reauthenticate` is what matters, above all in the middle of an
ask. Two documents of one tab, of which one is in an iframe of the other, come as ada, as bob and as nobody, by sockets,
synchronous requests and beacons, with asks that wait and raise. WEBIPC_HYPOTHESIS=thorough runs many more examples.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.skipping_loop import SkippingLoop
from tests.support.waiting import settled
from tests.support.watched import Watched, WatchedPage
from webipc.core.limits import Limits

THOROUGH = os.environ.get("WEBIPC_HYPOTHESIS") == "thorough"
SETTINGS = settings(
    max_examples=5_000 if THOROUGH else 60,
    stateful_step_count=60,
    deadline=None,
    derandomize=not THOROUGH,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.timeout(3600 if THOROUGH else 300)

DOCUMENTS = st.sampled_from([0, 1])
NAMES = st.sampled_from(["ada", "bob"])
# Most come as the same one, so that there is something for the others to get.
USERS = st.sampled_from(["ada", "ada", "ada", "bob", None])
# What an ask does besides its answer.
ASKS = st.sampled_from(["", "", "", "waits", "waits", "raises"])


class Users(RuleBasedStateMachine):
    """One application, and two documents that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=SkippingLoop)
        self.run(self._begin())

    def run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Do something, and let all arrive that follows from it."""

        async def running() -> None:
            await coroutine
            await settled()

        self._runner.run(running())

    async def _begin(self) -> None:
        self.watched = Watched(Limits())
        main = WatchedPage(self.watched, None, None)
        self.pages = [main, WatchedPage(self.watched, None, main)]
        # All that there ever were.
        self.all_pages = list(self.pages)
        self.said = 0
        # Since when users are banned, by how much had run.
        self.since: dict[str, int] = {}

    def _text(self) -> str:
        self.said += 1
        return f"message {self.said}"

    # --- what happens ---------------------------------------------------------------------------------------------

    @initialize(users=st.tuples(USERS, USERS))
    def both_documents_connect(self, users: tuple[str | None, str | None]) -> None:
        for page, user in zip(self.pages, users, strict=True):
            self.run(page.come(user, ""))

    @rule(document=DOCUMENTS, user=USERS, what=ASKS)
    def a_document_connects(self, document: int, user: str | None, what: str) -> None:
        self.run(self.pages[document].come(user, what))

    @rule(document=DOCUMENTS)
    def a_socket_is_lost(self, document: int) -> None:
        self.run(self.pages[document].lose())

    @rule(document=DOCUMENTS, channel=st.sampled_from(["say", "later"]))
    def a_page_says_something(self, document: int, channel: str) -> None:
        async def say() -> None:
            self.pages[document].say(channel, self._text())

        self.run(say())

    @rule(document=DOCUMENTS, user=USERS, what=ASKS)
    def a_page_blocks(self, document: int, user: str | None, what: str) -> None:
        async def ask() -> None:
            self.pages[document].ask_as(user, what, self._text())

        self.run(ask())

    @rule(document=DOCUMENTS, user=USERS, what=ASKS, is_last=st.sampled_from([False, False, False, True]))
    def a_page_posts_a_beacon(self, document: int, user: str | None, what: str, *, is_last: bool) -> None:
        async def leave() -> None:
            self.pages[document].leave_as(user, what, says_goodbye=is_last)

        self.run(leave())

    @precondition(lambda self: any(page.is_over for page in self.pages))
    @rule(data=st.data())
    def a_page_begins_a_new_link(self, data: st.DataObject) -> None:
        document = data.draw(st.sampled_from([number for number in (0, 1) if self.pages[number].is_over]))
        old = self.pages[document]
        self.run(old.lose())
        parent = self.pages[0] if document == 1 else None
        self.pages[document] = WatchedPage(self.watched, old.tab, parent)
        self.all_pages.append(self.pages[document])

    @precondition(lambda self: self.watched.waiting)
    @rule(data=st.data())
    def an_ask_that_waits_goes_on(self, data: st.DataObject) -> None:
        attach = data.draw(st.sampled_from(sorted(self.watched.waiting)))

        async def go_on() -> None:
            self.watched.waiting.pop(attach).set()

        self.run(go_on())

    @precondition(lambda self: self.watched.waiting)
    @rule()
    def nothing_answers_an_ask_in_time(self) -> None:
        self.run(asyncio.sleep(7))

    @precondition(lambda self: self.watched.later)
    @rule()
    def a_handler_answers_late(self) -> None:
        async def answer() -> None:
            self.watched.answer()

        self.run(answer())

    @rule(user=USERS)
    def the_application_pushes(self, user: str | None) -> None:
        async def push() -> None:
            for contents in self.watched.ipc_main.get_all_web_contents():
                contents.send("note", contents._tab.identity)
            if user is not None:
                self.watched.ipc_main.to(user=user).send("note", user)

        self.run(push())

    @rule(user=NAMES)
    def a_user_is_asked_again(self, user: str) -> None:
        self.run(self.watched.ipc_main.reauthenticate(user=user))

    @rule(user=NAMES)
    def a_user_is_banned(self, user: str) -> None:
        async def ban() -> None:
            self.watched.banned.add(user)
            await self.watched.ipc_main.reauthenticate(user=user)

        self.run(ban())
        self.since.setdefault(user, len(self.watched.ran))

    @rule(document=DOCUMENTS, user=NAMES, way=st.sampled_from(["socket", "request", "beacon"]))
    def a_user_is_banned_in_the_middle_of_an_ask(self, document: int, user: str, way: str) -> None:
        page = self.pages[document]

        async def attach() -> None:
            page.say("say", self._text())
            if way == "socket":
                await page.come(user, "waits")
            elif way == "request":
                page.ask_as(user, "waits", self._text())
            else:
                page.leave_as(user, "waits", says_goodbye=False)

        async def go_on() -> None:
            for asked in self.watched.waiting.values():
                asked.set()
            self.watched.waiting.clear()

        self.run(attach())
        self.a_user_is_banned(user)
        self.run(go_on())

    @precondition(lambda self: self.watched.banned)
    @rule()
    def all_are_let_in_again(self) -> None:
        self.watched.banned.clear()
        self.since.clear()

    # --- what must be true ----------------------------------------------------------------------------------------

    @invariant()
    def each_message_ran_as_who_has_said_it_and_is_brought_by_its_attach(self) -> None:
        carried = {text: attaches for page in self.all_pages for text, attaches in page.carried.items()}
        for ran in self.watched.ran:
            assert ran.user == ran.identity == self.watched.users[ran.attach]
            assert ran.attach in carried[ran.text]

    @invariant()
    def no_message_ran_twice_and_those_of_a_link_ran_as_one_user(self) -> None:
        texts = [ran.text for ran in self.watched.ran]
        assert len(texts) == len(set(texts))
        for page in self.all_pages:
            assert len({ran.user for ran in self.watched.ran if ran.text in page.carried}) <= 1

    @invariant()
    def no_page_was_told_what_was_meant_for_another_user(self) -> None:
        for page in self.all_pages:
            assert [told for told in page.told if told.meant_for != told.user] == []

    @invariant()
    def a_tab_has_one_user(self) -> None:
        users: dict[int, set[str | None]] = {}
        for ran in self.watched.ran:
            users.setdefault(ran.tab, set()).add(ran.user)
        assert [found for found in users.values() if len(found) > 1] == []

    @invariant()
    def a_user_who_is_banned_is_not_connected_and_nothing_runs_as_them(self) -> None:
        for user, since in self.since.items():
            assert [ran for ran in self.watched.ran[since:] if ran.user == user] == []
            hub = self.watched.ipc_main._provider.hub
            for connection in [] if hub is None else hub._links:
                assert connection.document.tab.identity != user or connection.transport is None

    def teardown(self) -> None:
        async def end() -> None:
            for go_on in self.watched.waiting.values():
                go_on.set()
            for page in self.all_pages:
                await page.lose()
                await asyncio.gather(*page.asking)
            hub = self.watched.ipc_main._provider.hub
            if hub is not None:
                await hub.stop()
                assert (hub.asks.running, hub.asks.waiting) == (0, 0)

        self.run(end())
        self._runner.close()


def test_a_user_who_is_banned_is_shut_out_at_once() -> None:
    run_state_machine_as_test(Users, settings=SETTINGS)
