"""Any order of joining, leaving, sending, loading, losing and ending: who is in a group, and who gets what, is what a
model of two dicts says. Nothing of a tab or document that has ended is left anywhere.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.hubs import NOBODY, Socket, hello, visitor
from webipc.access.caller import Caller
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.limits import DEFAULT_LIMITS
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.groups.group import Group, UserTabs
from webipc.hub.hub import Hub
from webipc.hub.settings import Settings
from webipc.link.connection import Connection

GROUPS = ("a", "b")
TABS = 4

Member = Tab | Document


@dataclass
class Page:
    """One tab of the model."""

    user: str | None
    tab: Tab
    # What it shows; None between two documents.
    shown: Connection | None
    # What each document has been sent, the last one's at the end.
    sent: list[int] = field(default_factory=list)

    def check(self) -> None:
        if self.shown is not None:
            got = [int(message.json.split(b"[")[-1].rstrip(b"]")) for message in self.shown.link.kept.values()]
            assert got == self.sent


class Model:
    """The hub under test, and what it should hold."""

    def __init__(self) -> None:
        settings = Settings(
            DEFAULT_LIMITS, debug=False, max_links=99, max_unattached_links=99, may_send_to=lambda *_: True
        )
        self.hub = Hub(asyncio.get_running_loop(), IpcMainImpl(), list, settings)
        self.pages: list[Page | None] = [None] * TABS
        self.members: dict[str, list[Member]] = {name: [] for name in GROUPS}
        self.number = 0

    def attach(self, user: str | None, token: str | None = None) -> Connection:
        caller = NOBODY if user is None else Caller(NOBODY.attach_scope, user, user)
        return self.hub.attaches.attach(replace(hello(), token=token), visitor("203.0.113.1"), caller, Socket())

    def group(self, name: str) -> Group:
        return Group(lambda: self.hub.groups, name)

    def forget(self, member: Member) -> None:
        for members in self.members.values():
            if member in members:
                members.remove(member)

    # --- steps ----------------------------------------------------------------------------------------------------

    def load(self, which: int) -> None:
        """Open a tab, or load another document in it."""
        page = self.pages[which]
        if page is None:
            user = ("ada", "bob", None)[which % 3]
            connection = self.attach(user)
            self.pages[which] = Page(user, connection.document.tab, connection)
            return
        self.leave(which)
        page.shown, page.sent = self.attach(page.user, page.tab.token), []
        assert page.shown.document.tab is page.tab

    def leave(self, which: int) -> None:
        """End what a tab shows."""
        page = self.pages[which]
        if page is not None and page.shown is not None:
            self.hub.end(page.shown, "ended")
            self.forget(page.shown.document)
            page.shown, page.sent = None, []

    def close(self, which: int) -> None:
        """Destroy a tab."""
        self.leave(which)
        page, self.pages[which] = self.pages[which], None
        if page is not None:
            del self.hub.tabs._empty[page.tab]
            self.hub.tabs.destroy(page.tab)
            self.forget(page.tab)

    def lose(self, which: int) -> None:
        """Lose the socket of what a tab shows."""
        page = self.pages[which]
        if page is not None and page.shown is not None and page.shown.transport is not None:
            page.shown.lost(page.shown.transport)

    def change(self, which: int, name: str, *, is_document: bool, is_added: bool) -> None:
        """Add a tab or what it shows to a group, or discard it."""
        page = self.pages[which]
        if page is None or (is_document and page.shown is None):
            return
        member: Member = page.tab if not is_document or page.shown is None else page.shown.document
        face = member.contents if isinstance(member, Tab) else member.frame
        if is_added:
            self.group(name).add(face)
            if member not in self.members[name]:
                self.members[name].append(member)
        else:
            self.group(name).discard(face)
            if member in self.members[name]:
                self.members[name].remove(member)

    def send(self, name: str, excluded: int | None) -> None:
        """Send to a group, or to a user."""
        self.number += 1
        without = None if excluded is None else self.pages[excluded]
        exclude = None if without is None else without.tab.contents
        if name in GROUPS:
            self.group(name).send("c", self.number, exclude=exclude)
            reached = [member if isinstance(member, Tab) else member.tab for member in self.members[name]]
        else:
            UserTabs(lambda: self.hub.groups, name).send("c", self.number, exclude=exclude)
            reached = [page.tab for page in self.pages if page is not None and page.user == name]
        for page in self.pages:
            if page is not None and page is not without and page.shown is not None and page.tab in reached:
                page.sent.append(self.number)

    # --- what holds after each step -------------------------------------------------------------------------------

    def check(self) -> None:
        groups = self.hub.groups
        for name, members in self.members.items():
            faces = [member.contents if isinstance(member, Tab) else member.frame for member in members]
            assert list(self.group(name)) == faces
            assert len(self.group(name)) == len(members)
        assert len(groups.named) == sum(1 for members in self.members.values() if members)
        for page in self.pages:
            if page is not None:
                page.check()
                joined = sum(page.tab in members for members in self.members.values())
                assert len(page.tab.joined) == joined + (page.user is not None)
        users = {page.user for page in self.pages if page is not None} - {None}
        assert len(groups.users) == len(users)


WHICH = st.integers(0, TABS - 1)
CHANGE = st.tuples(
    st.just("change"), WHICH, st.sampled_from(GROUPS), st.booleans(), st.sampled_from([True, True, False])
)
SEND = st.tuples(st.just("send"), st.sampled_from([*GROUPS, "ada", "bob"]), st.one_of(st.none(), WHICH))
LIFE = st.tuples(st.sampled_from(["load", "load", "leave", "close", "lose"]), WHICH)
# A send has something to show only where several are in a group.
STEPS = st.lists(st.one_of(CHANGE, CHANGE, SEND, LIFE), min_size=10, max_size=60)


async def run(steps: list[tuple[str | int | bool | None, ...]]) -> None:
    model = Model()
    for number in range(TABS):
        model.load(number)
    for kind, *words in steps:
        if kind == "change":
            which, name, is_document, is_added = words
            model.change(which, name, is_document=is_document, is_added=is_added)  # type: ignore[arg-type] # as CHANGE has them
        else:
            step: Callable[..., None] = getattr(model, str(kind))
            step(*words)
        model.check()
    for number in range(TABS):
        model.close(number)
    model.check()
    assert (len(model.hub.groups.named), len(model.hub.groups.users)) == (0, 0)
    await model.hub.stop()


@given(STEPS)
def test_members_and_messages_are_those_of_the_model(steps: list[tuple[str | int | bool | None, ...]]) -> None:
    asyncio.run(run(steps))
