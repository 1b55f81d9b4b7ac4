"""What a sweep looks at: links of which something may be due, and no others. Tests count looks, and turn the time."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, suspend
from tests.support.turned import Turned
from webipc.core.frame import decode_frame, encode_message
from webipc.hub import sweeper
from webipc.hub.links import Links
from webipc.link import timeouts
from webipc.link.connection import Connection


class Watched(Turned):
    """Turned time, and how often the sweep has looked at each link."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.looks: Counter[Connection] = Counter()
        sweep = timeouts.sweep

        def look(connection: Connection, patience: float) -> float:
            self.looks[connection] += 1
            return sweep(connection, patience)

        monkeypatch.setattr(sweeper, "sweep", look)


@pytest.fixture
async def turned(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


async def test_an_idle_page_is_looked_at_once_for_each_heartbeat(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, "203.0.113.1") for _ in range(100)]
    turned.run(hub, 1)
    turned.looks.clear()
    turned.run(hub, 150)
    assert set(turned.looks.values()) <= {9, 10}
    assert all(turned.now - page.last_sent <= 15.5 for page in pages)
    assert not any(page.ended for page in pages)


async def test_an_acknowledgement_is_sent_in_time_wherever_the_heartbeat_is(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    for number in range(1, 40):
        turned.run(hub, 7.5)
        page.receive(decode_frame(f'[{number},0,["send","none",[]]]'), page.link.attempt, NOBODY)
        assert page.owes_since is not None
        turned.run(hub, 1.5)
        assert page.owes_since is None


async def test_a_page_that_is_busy_is_looked_at_once_a_sweep_at_most(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    turned.run(hub, 1)
    turned.looks.clear()
    for number in range(1, 1001):
        page.receive(decode_frame(f'[{number},0,["send","none",[]]]'), page.link.attempt, NOBODY)
        if number % 10 == 0:
            turned.run(hub, 0.5)
    assert turned.looks[page] <= 101
    assert len(page.around.agenda) <= 60


async def test_a_page_without_a_socket_is_looked_at_rarely_and_ends_in_time(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = suspend(hub, "203.0.113.1")
    turned.run(hub, 59)
    assert not page.ended
    assert turned.looks[page] <= 15
    turned.run(hub, 2)
    assert page.ended
    assert len(page.around.agenda) == 0


async def test_a_page_that_goes_silent_is_noticed_in_time(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    socket = Socket()
    page = connect(hub, "203.0.113.1", socket)
    turned.run(hub, 100)
    turned.run(hub, 14, answers=False)
    heard = page.last_heard
    while page.transport is not None:
        turned.run(hub, 0.5, answers=False)
    assert 39.5 <= hub.clock.now - heard <= 40.5
    assert socket.code == 1001


async def test_room_that_a_page_has_bought_is_sold_back_soon(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    turned.run(hub, 3)
    flat = hub.account.held
    page.post_here(encode_message(["send", "large", ["x" * 60_000]]))
    assert hub.account.held > flat
    page.flush()
    page.receive(decode_frame(f"[1,{page.link.last}]"), page.link.attempt, NOBODY)
    turned.run(hub, 0.5)
    assert hub.account.held == flat


async def test_a_standstill_delays_no_heartbeat(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    turned.run(hub, 3)
    turned.now += 48
    turned.run(hub, 0.5)
    assert turned.now - page.last_sent < 1
    assert page.transport is not None


async def test_a_tab_that_is_given_up_does_not_stop_the_sweep_of_others(
    turned: Watched, make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    broken, page = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    look = timeouts.sweep

    def fail(connection: Connection, patience: float) -> float:
        if connection is broken:
            raise RuntimeError("broken")
        return look(connection, patience)

    monkeypatch.setattr(sweeper, "sweep", fail)
    turned.run(hub, 20)
    assert turned.now - page.last_sent < 16
    assert "no other page is affected" in caplog.text


async def test_tabs_that_are_overdue_at_once_cost_one_look_at_all_links(
    turned: Watched, make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    looks = 0
    every = Links.__iter__

    def looked_at(links: Links) -> Iterator[Connection]:
        nonlocal looks
        for connection in every(links):
            looks += 1
            yield connection

    for _ in range(50):
        hub.end(connect(hub, "203.0.113.1"), "ended")
    others = [connect(hub, f"203.0.113.{number}") for number in range(2, 52)]
    overdue = hub.tabs.all()[:50]
    turned.run(hub, 4)
    monkeypatch.setattr(Links, "__iter__", looked_at)
    while not all(tab.destroyed for tab in overdue):
        looks = 0
        turned.now += 0.5
        hub._sweeper._tick()
        hub._sweeper.sweep()
    # Quadratic would be 2,500: one look at every link for each of these tabs.
    assert 0 < looks <= 2 * len(others)


async def test_the_time_after_a_bye_begins_again_with_each_beacon(turned: Watched, make_hub: MakeHub) -> None:
    hub = make_hub()
    page = suspend(hub, "203.0.113.1")
    # Each beacon of a page that leaves says bye, and the last ones may come late.
    for number in range(1, 5):
        page.receive(decode_frame(f'[{number},0,["send","none",[]]]'), None, NOBODY)
        page.bye(5)
        turned.run(hub, hub.limits.goodbye_ms / 1000 - 1)
        assert not page.ended
    turned.run(hub, 2)
    assert page.ended
