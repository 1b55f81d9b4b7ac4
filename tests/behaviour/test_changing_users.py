"""Users, nobody, sessions that end, asks that wait, fail or never return, on two documents of one tab, at random: no
message of one is ever run or delivered as another's, and each event has the user and the cookies of what brought it.

WEBIPC_HYPOTHESIS=thorough runs many more examples.
"""

import asyncio
import itertools
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.changing_page import ChangingPage
from tests.support.changing_users import NOBODY, Ask, Journal
from tests.support.skipping_loop import SkippingLoop
from tests.support.waiting import settled

THOROUGH = os.environ.get("WEBIPC_HYPOTHESIS") == "thorough"

# Some seconds of a processor, which a machine that is busy gives in minutes.
pytestmark = pytest.mark.timeout(3600 if THOROUGH else 300)

OWN = "the user of the link"

PAGES = st.integers(0, 1)
# Otherwise hardly any message would arrive.
USERS = st.sampled_from([OWN, OWN, OWN, OWN, "ada", "bob", None])
NAMES = st.sampled_from(["ada", "bob"])
# Most asks are answered: otherwise nothing happens.
ASKS = st.sampled_from(
    [*[Ask.ANSWER] * 6, Ask.WAIT, Ask.WAIT, Ask.NEVER, Ask.REFUSE, Ask.FORBID, Ask.BE_BUSY, Ask.FAIL]
)
RARELY = st.sampled_from([False, False, False, True])


class UsersMachine(RuleBasedStateMachine):
    """Rules are what browsers, users and applications do; what must hold is in the journal."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=SkippingLoop)

    def run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run what a rule does, let it arrive, and look whether anything is wrong."""

        async def running() -> None:
            await coroutine
            await settled()

        self._runner.run(running())
        assert self.journal.wrong == []

    @initialize(is_frame=st.booleans())
    def begin(self, *, is_frame: bool) -> None:
        async def beginning() -> None:
            self.journal = Journal()
            ids = itertools.count(1)
            first = ChangingPage(self.journal, ids, None, is_frame=False)
            self.pages = [first, ChangingPage(self.journal, ids, first, is_frame=is_frame)]

        self._runner.run(beginning())

    # --- what browsers do

    @rule(page=PAGES, user=USERS, ask=ASKS, is_stale=RARELY)
    def attach(self, page: int, user: str | None, ask: Ask, *, is_stale: bool) -> None:
        self.run(self.pages[page].attach(self._who(page, user), ask, is_stale=is_stale))

    @rule(page=PAGES, user=USERS, ask=ASKS, is_stale=RARELY)
    def ask_at_once(self, page: int, user: str | None, ask: Ask, *, is_stale: bool) -> None:
        self.run(self._now(lambda: self.pages[page].ask_at_once(self._who(page, user), ask, is_stale=is_stale)))

    @rule(page=PAGES, user=USERS, ask=ASKS, is_stale=RARELY, bye=RARELY)
    def leave(self, page: int, user: str | None, ask: Ask, *, is_stale: bool, bye: bool) -> None:
        who = self._who(page, user)
        self.run(self._now(lambda: self.pages[page].leave(who, ask, is_stale=is_stale, bye=bye)))

    @rule(page=PAGES)
    def lose(self, page: int) -> None:
        self.run(self.pages[page].lose())

    @rule(page=PAGES)
    def load(self, page: int) -> None:
        self.run(self._now(self.pages[page].load))

    @rule(page=PAGES, user=USERS)
    def guess(self, page: int, user: str | None) -> None:
        """Attach with the id of the link and another secret, which ends nothing."""
        hub, link_id = self.journal.ipc_main._provider.hub, self.pages[page].link.link_id
        # Otherwise it would be the secret of a new link.
        if hub is not None and link_id in hub._links:
            self.run(self.pages[page].attach(self._who(page, user), Ask.ANSWER, is_stale=False, secret="c" * 32))
            assert link_id in hub._links

    # --- what pages and applications do

    @rule(page=PAGES, channel=st.sampled_from(["say", "say", "slow"]))
    def say(self, page: int, channel: str) -> None:
        link = self.pages[page].link

        def saying() -> None:
            link.post("send", channel, value=[link.text()])
            link.flush()

        self.run(self._now(saying))

    @rule(page=PAGES, contents_id=st.integers(1, 5))
    def send_to(self, page: int, contents_id: int) -> None:
        link = self.pages[page].link

        def sending() -> None:
            link.post("send-to", contents_id, "note", value=[f"from:{link.link_id}"])
            link.flush()

        self.run(self._now(sending))

    @rule()
    def push(self) -> None:
        self.run(self._now(self.journal.push))

    @rule()
    def let_listeners_go_on(self) -> None:
        self.run(self._now(self.journal.let_listeners_go_on))

    @rule()
    def let_asks_go_on(self) -> None:
        self.run(self._now(self.journal.let_asks_go_on))

    @rule(name=NAMES)
    def log_in_again(self, name: str) -> None:
        self.journal.log_in(name)

    @rule(name=NAMES)
    def log_out(self, name: str) -> None:
        self.journal.log_out(name)

    @rule(name=NAMES)
    def reauthenticate(self, name: str) -> None:
        self.run(self.journal.reauthenticate(name))

    @rule(seconds=st.sampled_from([1.5, 7.0, 70.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def _who(self, page: int, user: str | None) -> str | None:
        name = self.journal.links.get(self.pages[page].link.link_id, "ada") if user == OWN else user
        return None if name == NOBODY else name

    async def _now(self, function: Any) -> None:
        function()

    # --- in the end

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self._runner.close()

    async def _end(self) -> None:
        journal = self.journal
        journal.let_asks_go_on()
        journal.let_listeners_go_on()
        await asyncio.sleep(8)
        for page in self.pages:
            await self._is_whole(page)
        journal.push()
        await settled()
        for page in self.pages:
            await page.end()
        hub = journal.ipc_main._provider.hub
        if hub is not None:
            await hub.stop()

    async def _is_whole(self, page: ChangingPage) -> None:
        """Let the link's own user come again, if the link is not over: all that the page has posted has run."""
        link = page.link
        await page.attach(self._who(self.pages.index(page), OWN), Ask.ANSWER, is_stale=False)
        await asyncio.sleep(1.5)
        if link.is_over:
            return
        assert link.open
        link.flush()
        await settled()
        assert [text for text in link.posted if text not in self.journal.heard] == []


TestUsers = UsersMachine.TestCase
TestUsers.settings = settings(
    max_examples=20_000 if THOROUGH else 200,
    stateful_step_count=60 if THOROUGH else 40,
    deadline=None,
    derandomize=not THOROUGH,
    suppress_health_check=list(HealthCheck),
)
