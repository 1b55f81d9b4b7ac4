"""The account: its sums, who has to give back, in which order, and what the log says."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from webipc.budget.account import LEAST_BYTES, Account, Purse
from webipc.budget.eviction import IDLE_BYTES

MIB = 1_048_576


class Page:
    """A holder that gives everything back when it is evicted, except for what its running calls hold."""

    def __init__(self, account: Account, payer: str, name: str, ended: list[str] | None = None) -> None:
        self.name = name
        self.is_away = False
        self.ports: list[int] = []
        self.ended = [] if ended is None else ended
        self.purse: Purse = account.purse(payer, self)
        self.gone = False

    def take(self, size: int) -> None:
        if not self.purse.take(size):
            self.purse.settle()

    def grow(self, size: int) -> None:
        """Take so much in small steps, as a link does, until it is evicted."""
        while size > 0 and not self.gone:
            self.take(min(size, MIB // 16))
            size -= MIB // 16

    def wait_in_port(self, size: int) -> None:
        self.ports.append(size)
        self.take(size)

    @property
    def port_bytes(self) -> int:
        return sum(self.ports)

    def close_ports(self, size: int) -> int:
        closed = 0
        for port in sorted(self.ports, reverse=True):
            if size <= 0:
                break
            self.ports.remove(port)
            self.purse.give(port)
            size -= port
            closed += 1
        self.ended.append(f"{closed} ports of {self.name}")
        return closed

    def evict(self, reason: str = "") -> None:
        self.gone = True
        self.ports.clear()
        self.ended.append(self.name)
        self.purse.give(self.purse.held - self.purse.lasting)
        self.purse.close()

    def __str__(self) -> str:
        return self.name


def pages_of(account: Account, payer: str, *sizes: int) -> tuple[list[str], list[Page]]:
    ended: list[str] = []
    pages = [Page(account, payer, f"{payer}{number}", ended) for number in range(len(sizes))]
    for page, size in zip(pages, sizes, strict=True):
        page.purse.take(size)
    return ended, pages


def test_one_address_alone_may_hold_a_half() -> None:
    account = Account(64 * MIB)
    page = Page(account, "a", "page")
    page.take(32 * MIB)
    assert not page.gone
    page.take(1)
    assert page.gone
    assert account.held == 0


def test_every_address_may_hold_the_least_while_there_is_room() -> None:
    account = Account(64 * MIB)
    Page(account, "a", "large").take(32 * MIB)
    Page(account, "b", "second").take(16 * MIB)
    others = [Page(account, f"c{number}", "small") for number in range(15)]
    for page in others:
        page.take(LEAST_BYTES)
    assert not any(page.gone for page in others)


def test_links_without_a_socket_pay_first_then_ports_then_the_link_that_holds_most() -> None:
    account = Account(64 * MIB)
    ended, (poster, away, larger_away, listener) = pages_of(account, "a", MIB, 2 * MIB, 3 * MIB, MIB)
    away.is_away = larger_away.is_away = True
    listener.wait_in_port(5 * MIB)
    poster.grow(20 * MIB)
    assert ended == []
    poster.grow(MIB)
    assert ended == ["a2", "a1"]
    poster.grow(6 * MIB)
    assert ended[2:] == ["1 ports of a3"]
    poster.grow(6 * MIB)
    assert ended[3:] == ["a0"]
    assert not listener.gone


def test_it_ends_with_an_eighth_of_the_bound_free() -> None:
    account = Account(64 * MIB)
    ended, pages = pages_of(account, "a", *[MIB] * 32)
    pages[0].take(1)
    # 28 MiB are seven eighths of 32.
    assert len(ended) == 4
    assert ended[0] == "a0"
    assert 27 * MIB < account.held <= 28 * MIB


def test_another_address_does_not_pay() -> None:
    account = Account(64 * MIB)
    neighbour = Page(account, "b", "neighbour")
    neighbour.take(20 * MIB)
    flood = Page(account, "a", "flood")
    flood.grow(22 * MIB)
    assert not flood.gone
    flood.grow(MIB)
    assert flood.gone
    assert not neighbour.gone


def test_the_largest_pays_when_the_whole_is_full() -> None:
    account = Account(8 * MIB)
    ended, _ = pages_of(account, "large", 3 * MIB, MIB)
    small = [Page(account, f"small{number}", "small") for number in range(5)]
    for page in small:
        page.grow(MIB)
    assert ended == ["large0"]
    assert not any(page.gone for page in small)


def test_running_calls_are_no_reason_to_end_a_link() -> None:
    account = Account(16 * MIB)
    page, idle = Page(account, "a", "page"), Page(account, "a", "idle")
    idle.take(IDLE_BYTES)
    page.purse.take(8 * MIB, lasting=True)
    page.purse.settle()
    assert not page.gone
    page.take(MIB // 2)
    assert page.gone
    assert account.held == 8 * MIB + IDLE_BYTES
    page.purse.give(8 * MIB, lasting=True)
    assert account.held == IDLE_BYTES
    assert not idle.gone


def test_the_links_whose_running_calls_hold_most_are_ended_when_far_too_much_is_held() -> None:
    account = Account(16 * MIB)
    pages = [Page(account, "a", f"page {number}") for number in range(10)]
    idle = Page(account, "a", "idle")
    idle.take(IDLE_BYTES)
    for number, page in enumerate(pages):
        page.purse.take(MIB // 2 + number * MIB // 10, lasting=True)
    assert pages[0].purse.is_far_exceeded
    pages[0].purse.settle()
    assert [page.gone for page in pages] == [False] * 8 + [True] * 2
    assert not idle.gone


def test_a_search_that_found_nothing_is_not_repeated_before_more_is_held() -> None:
    account = Account(16 * MIB)
    page = Page(account, "a", "page")
    page.purse.take(10 * MIB, lasting=True)
    page.purse.settle()
    assert page.gone
    searches = 0

    class Counted(set[Purse]):
        def __iter__(self) -> Iterator[Purse]:
            nonlocal searches
            searches += 1
            return super().__iter__()

    page.purse.payer.purses = Counted(page.purse.payer.purses)
    for _ in range(1_000):
        page.purse.take(1_000, lasting=True)
        page.purse.settle()
    assert searches <= 3 * (1 + 1_000_000 * 64 // (16 * MIB))


def test_a_purse_that_is_closed_is_forgotten_with_its_last_byte() -> None:
    account = Account(8 * MIB)
    page = Page(account, "a", "page")
    page.purse.take(10, lasting=True)
    page.purse.close()
    assert account.held == 10
    assert page.purse.payer.purses == {page.purse}
    page.purse.give(10, lasting=True)
    assert page.purse.payer.purses == set()
    assert account.purse("a", page).payer is not page.purse.payer


def test_the_log_has_one_line_per_address_and_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    account = Account(64 * MIB)
    now = 0.0
    account.evictions._clock = lambda: now
    _, pages = pages_of(account, "203.0.113.9", *[MIB] * 40)
    with caplog.at_level(logging.WARNING, logger="webipc"):
        pages[0].take(1)
        assert caplog.messages == [
            "203.0.113.90 of 203.0.113.9 held 1.0 MiB (its address 40 MiB of 64 MiB): its link is reset, overflow"
        ]
        now = 9.9
        for page in pages[20:]:
            page.take(MIB)
        assert len(caplog.messages) == 1
        now = 10.1
        pages[-1].take(40 * MIB)
    assert len(caplog.messages) == 2
    assert caplog.messages[1].endswith(" more before this")
    assert account.evictions.counts["overflow"] > 10


def test_many_addresses_that_are_named_once_are_forgotten() -> None:
    account = Account(64 * MIB)
    now = 0.0
    account.evictions._clock = lambda: now
    for number in range(1_000):
        Page(account, f"{number}", "page").take(33 * MIB)
        now += 1
    assert len(account.evictions._named) <= 11


def test_threads_lose_no_count() -> None:
    account = Account(64 * MIB)
    page = Page(account, "a", "page")

    def work() -> None:
        for _ in range(2_000):
            page.purse.take(3)
            page.purse.give(3)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (account.held, page.purse.held) == (0, 0)


class AccountMachine(RuleBasedStateMachine):
    """Any order of charges: the sums of all levels agree, no bound is exceeded, and what has ended holds nothing."""

    pages = Bundle("pages")

    def __init__(self) -> None:
        super().__init__()
        self.account = Account(16 * MIB)
        self.known: list[Page] = []
        self.running: list[tuple[Page, int]] = []

    @rule(target=pages, payer=st.sampled_from("abc"), away=st.booleans())
    def connect(self, payer: str, away: bool) -> Page:
        page = Page(self.account, payer, "page")
        page.is_away = away
        self.known.append(page)
        return page

    def _if_open(self, page: Page, action: Callable[[], None]) -> None:
        if not page.gone:
            action()

    @rule(page=pages, size=st.integers(1, 6 * MIB))
    def keep(self, page: Page, size: int) -> None:
        self._if_open(page, lambda: page.take(size))

    @rule(page=pages, size=st.integers(1, 6 * MIB))
    def wait_in_port(self, page: Page, size: int) -> None:
        self._if_open(page, lambda: page.wait_in_port(size))

    @rule(page=pages, size=st.integers(1, 2 * MIB))
    def call(self, page: Page, size: int) -> None:
        if not page.gone and page.purse.may(size):
            page.purse.take(size, lasting=True)
            self.running.append((page, size))

    @rule()
    def return_from_call(self) -> None:
        if self.running:
            page, size = self.running.pop()
            page.purse.give(size, lasting=True)

    @rule(page=consumes(pages))
    def leave(self, page: Page) -> None:
        self._if_open(page, page.evict)

    @invariant()
    def sums_agree(self) -> None:
        share = self.account.share
        assert share.held == sum(page.purse.held for page in self.known)
        for payer in "abc":
            theirs = [page.purse for page in self.known if page.purse.payer.key == payer]
            assert sum(purse.held for purse in theirs) == sum(share.of(each) for each in {one.payer for one in theirs})

    @invariant()
    def nobody_is_over_the_bound_for_long(self) -> None:
        held_by_calls = sum(size for _, size in self.running)
        assert self.account.held <= max(self.account.limit, held_by_calls)

    def teardown(self) -> None:
        for page in self.known:
            if not page.gone:
                page.evict()
        while self.running:
            self.return_from_call()
        assert self.account.held == 0
        assert self.account._payers == {}


TestAccountMachine = AccountMachine.TestCase
TestAccountMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
