"""A `Switchboard` does as a model of a few dictionaries does, whatever workers do in which order.

WEBIPC_HYPOTHESIS=thorough runs many more examples.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, Member
from webipc.cluster.bus.directory import Home, Over, Parked, Place, Taken

THOROUGH = os.environ.get("WEBIPC_HYPOTHESIS") == "thorough"

names = st.sampled_from(["a", "b", "c"])
links = st.sampled_from(["l0", "l1", "l2", "l3"])
tabs = st.integers(1, 3)
tokens = st.sampled_from(["t0", "t1", "t2"])
times = st.sampled_from([1.0, 3.0, 10.0])
FAILED = "failed"


class Heard:
    """A line that keeps what it delivers."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Sequence[bytes]]] = []
        self.to_all: list[tuple[int, int, str, Sequence[bytes]]] = []
        self.members: dict[str, Member] = {}
        self.events: list[Any] = []

    def said(self, origin: str, rows: Sequence[bytes]) -> None:
        self.posts.append((origin, rows))

    def said_to_all(self, number: int, own: int, origin: str, rows: Sequence[bytes]) -> None:
        self.to_all.append((number, own, origin, rows))

    def member(self, member: Member) -> None:
        self.members[member.worker] = member

    def lost(self, worker: str) -> None:
        del self.members[worker]

    def gap(self) -> None:
        self.events.append("gap")

    def missed(self, count: int, number: int) -> None:
        self.events.append((count, number))

    def waits(self, sizes: Mapping[str, int]) -> None:
        self.events.append(dict(sizes))


class Tab:
    """A tab of the model."""

    def __init__(self, home: str) -> None:
        self.home: str | None = home
        self.snapshot = b""
        self.links: list[str] = []
        self.words: list[bytes] = []
        self.until = 0.0


class Model:
    """What a switchboard should know, found by looking at all of it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.homes: dict[str, str | int] = {}
        self.over: dict[str, float] = {}
        self.tabs: dict[int, Tab] = {}
        self.tokens: dict[str, int] = {}

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.over = {link: until for link, until in self.over.items() if until > self.now}
        for contents_id, tab in list(self.tabs.items()):
            if tab.home is None and tab.until <= self.now:
                self.forget(contents_id)

    def forget(self, contents_id: int) -> None:
        del self.tabs[contents_id]
        self.homes = {link: home for link, home in self.homes.items() if home != contents_id}
        self.tokens = {token: whose for token, whose in self.tokens.items() if whose != contents_id}

    def leave(self, worker: str) -> None:
        self.homes = {link: home for link, home in self.homes.items() if home != worker}
        for contents_id, tab in list(self.tabs.items()):
            if tab.home == worker:
                self.forget(contents_id)

    def find(self, link: str, parent: str | None, token: str | None) -> Place | None:
        home = self.homes.get(link)
        if home is not None:
            return Home(home, "link") if isinstance(home, str) else Parked(home, "link")
        if link in self.over:
            return Over()
        home = None if parent is None else self.homes.get(parent)
        if home is not None:
            return Home(home, "parent") if isinstance(home, str) else Parked(home, "parent")
        return None if token not in self.tokens else self.where(self.tokens[token])

    def where(self, contents_id: int) -> Place | None:
        tab = self.tabs.get(contents_id)
        if tab is None:
            return None
        return Parked(contents_id, "token") if tab.home is None else Home(tab.home, "token")

    def claim(self, worker: str, link: str) -> Place | None:
        place = self.find(link, None, None)
        if place is None:
            self.homes[link] = worker
        return place

    def park(self, worker: str, contents_id: int, snapshot: bytes, mine: list[str], seconds: float) -> object:
        tab = self.tabs.get(contents_id)
        if tab is None or tab.home != worker:
            return FAILED
        tab.home, tab.snapshot, tab.words, tab.until = None, snapshot, [], self.now + seconds
        tab.links = mine
        for link in mine:
            if self.homes.get(link, worker) == worker:
                self.homes[link] = contents_id
        return None

    def take(self, worker: str, contents_id: int) -> Taken | None:
        tab = self.tabs.get(contents_id)
        if tab is None or tab.home is not None:
            return None
        tab.home = worker
        self.homes = {link: worker if home == contents_id else home for link, home in self.homes.items()}
        return Taken(tab.snapshot, tab.words)


class Switching(RuleBasedStateMachine):
    """Each rule happens to both."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.board = Switchboard(lambda: self.model.now)
        self.lines: dict[str, Heard] = {}
        self.own: dict[str, int] = {}
        self.ordinals: list[int] = []
        # What was said to all, as it has to be kept, and to each worker since it came.
        self.stream: list[tuple[int, int, str, Sequence[bytes]]] = []
        self.came: dict[str, int] = {}
        self.posts: dict[str, list[tuple[str, Sequence[bytes]]]] = {}

    def done(self, act: Callable[[], object]) -> object:
        try:
            return act()
        except BusError:
            return FAILED

    @rule(name=names)
    def enter(self, name: str) -> None:
        if name in self.lines:
            assert self.done(lambda: self.board.enter(name, (1,), Heard())) == FAILED
            return
        line = self.lines[name] = Heard()
        member = self.board.enter(name, (1,), line)
        self.ordinals.append(member.ordinal)
        self.own[name], self.came[name], self.posts[name] = 0, len(self.stream), []

    @rule(name=names)
    def leave(self, name: str) -> None:
        self.board.leave(name)
        if self.lines.pop(name, None) is not None:
            self.model.leave(name)

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), link=links, seconds=times)
    def end_link(self, data: st.DataObject, link: str, seconds: float) -> None:
        name = self.living(data)
        self.board.places.link_ended(name, link, seconds)
        if self.model.homes.get(link, name) == name:
            self.model.homes.pop(link, None)
            self.model.over[link] = self.model.now + seconds

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), link=links)
    def claim(self, data: st.DataObject, link: str) -> None:
        name = self.living(data)
        assert self.board.places.claim(name, link) == self.model.claim(name, link)

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), link=links)
    def release(self, data: st.DataObject, link: str) -> None:
        name = self.living(data)
        self.board.places.release(name, link)
        if self.model.homes.get(link) == name:
            del self.model.homes[link]

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), contents_id=tabs, token=tokens)
    def bear(self, data: st.DataObject, contents_id: int, token: str) -> None:
        name = self.living(data)
        self.board.places.tab_born(name, contents_id, token)
        tab = self.model.tabs.setdefault(contents_id, Tab(name))
        if tab.home == name:
            self.model.tokens[token] = contents_id

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), contents_id=tabs)
    def destroy(self, data: st.DataObject, contents_id: int) -> None:
        name = self.living(data)
        self.board.places.tab_destroyed(name, contents_id)
        tab = self.model.tabs.get(contents_id)
        if tab is not None and tab.home == name:
            self.model.forget(contents_id)

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), contents_id=tabs, mine=st.lists(links, max_size=3), seconds=times)
    def park(self, data: st.DataObject, contents_id: int, mine: list[str], seconds: float) -> None:
        name = self.living(data)
        snapshot = f"{name} {contents_id} {self.model.now}".encode()
        done = self.done(lambda: self.board.places.park(name, contents_id, snapshot, mine, seconds))
        assert done == self.model.park(name, contents_id, snapshot, mine, seconds)

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), contents_id=tabs)
    def take(self, data: st.DataObject, contents_id: int) -> None:
        name = self.living(data)
        assert self.board.places.take(name, contents_id) == self.model.take(name, contents_id)

    @rule(contents_id=tabs, word=st.binary(max_size=3))
    def leave_word(self, contents_id: int, word: bytes) -> None:
        tab = self.model.tabs.get(contents_id)
        is_parked = tab is not None and tab.home is None
        assert self.board.places.leave_word(contents_id, word) is is_parked
        if tab is not None and is_parked:
            tab.words.append(word)

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), mine=st.lists(links, unique=True))
    def note(self, data: st.DataObject, mine: list[str]) -> None:
        name = self.living(data)
        kept = [link for link in mine if self.model.homes.get(link, name) == name]
        assert self.board.places.kept(name, mine) == kept
        self.board.places.note(name, mine, [])
        for link in mine:
            self.model.homes.setdefault(link, name)

    @rule(seconds=times)
    def pass_time(self, seconds: float) -> None:
        self.model.pass_time(seconds)

    @rule(origin=names, other=names)
    def post(self, origin: str, other: str) -> None:
        rows = [f"{origin} {other} {len(self.stream)}".encode()]
        arrives = origin in self.lines and other in self.lines
        assert self.board.post(origin, other, rows) is arrives
        if arrives:
            self.posts[other].append((origin, rows))

    @rule(origin=names)
    def post_all(self, origin: str) -> None:
        own = 0
        if origin in self.lines:
            own = self.own[origin] = self.own[origin] + 1
        rows = (b"all",)
        number = self.board.post_all(origin, rows)
        assert number == len(self.stream) + 1
        self.stream.append((number, own, origin, rows))

    def living(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.lines)))

    @invariant()
    def places_are_the_models(self) -> None:
        for link in ("l0", "l1", "l2", "l3"):
            for parent, token in ((None, None), ("l0", "t0"), ("l1", "t1"), ("l3", "t2")):
                assert self.board.places.find(link, parent, token) == self.model.find(link, parent, token)
        for contents_id in (1, 2, 3):
            assert self.board.places.where(contents_id) == self.model.where(contents_id)
        # And nothing else is kept: what is late may be, until it was asked for.
        stats = self.board.places.stats()
        parked = [tab for tab in self.model.tabs.values() if tab.home is None]
        assert stats["links"] == len(self.model.homes)
        assert stats["tabs"] == len(self.model.tabs)
        assert stats["parked"] == len(parked)
        assert (stats["parked_bytes"] > 0) is bool(parked)
        assert stats["tokens"] == len(self.model.tokens)

    @invariant()
    def everyone_has_heard_everything_in_order(self) -> None:
        for name, line in self.lines.items():
            assert line.to_all == self.stream[self.came[name] :]
            assert line.posts == self.posts[name]
            assert set(line.members) == set(self.lines)
        assert self.board.since(0) == self.stream

    @invariant()
    def ordinals_are_never_given_twice(self) -> None:
        assert len(set(self.ordinals)) == len(self.ordinals)


TestSwitching = Switching.TestCase
TestSwitching.settings = settings(max_examples=2_000 if THOROUGH else 60, stateful_step_count=60)
