"""Ports to pages of other workers: what goes through them, in order; how much may wait; how they close."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.logged import troubles
from tests.support.scripted_page import ScriptedPage
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import settled, until
from webipc import CloneError, Limits, MessageChannelMain, MessageEvent, MessagePortMain, TransferError
from webipc.cluster.bus.bus import Said
from webipc.cluster.spread.ports.far_end import WINDOW, FarEnd
from webipc.testing import Browser, Renderer


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3, limits=Limits(goodbye_ms=50)) as made:
        yield made


class Hearing:
    """A port, started, and what it has heard: the values and the ports of messages, and its close."""

    def __init__(self, port: MessagePortMain) -> None:
        self.port = port
        self.heard: list[Any] = []
        self.ports: list[MessagePortMain] = []
        port.on("message", self._message)
        port.on("close", lambda: self.heard.append("closed"))
        port.start()

    def _message(self, event: MessageEvent) -> None:
        self.heard.append(event.data)
        self.ports += event.ports


async def sent_to(worker: OneWorker, page: Renderer) -> tuple[MessagePortMain, MessagePortMain]:
    """Send a port to a page; return this worker's end, and the page's, which is not started."""
    channel = MessageChannelMain()
    worker.ipc_main.remote(page.web_contents_id).post_message("port", None, [channel.port2])
    event, _ = await page.arrival("port")
    return channel.port1, event.ports[0]


def far(worker: OneWorker) -> int:
    count: int = worker.shared.stats()["far_ports"]
    return count


def the_far_end(worker: OneWorker) -> FarEnd:
    (end,) = worker.shared.spread.ports._ends.values()
    return end


# --- what goes through them -------------------------------------------------------------------------------------------


async def test_messages_go_both_ways_in_order(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        channel = MessageChannelMain()
        # What waits in a port follows it.
        channel.port1.post_message("early")
        a.ipc_main.remote(page.web_contents_id).post_message("port", {"some": b"\x00"}, [channel.port2])
        channel.port1.post_message("late")
        event, args = await page.arrival("port")
        assert args == [{"some": b"\x00"}]
        theirs, mine = Hearing(event.ports[0]), Hearing(channel.port1)
        for number in range(100):
            channel.port1.post_message([number, b"x"])
            theirs.port.post_message({number})
        await until(lambda: len(theirs.heard) == 102 and len(mine.heard) == 100)
        assert theirs.heard == ["early", "late", *[[number, b"x"] for number in range(100)]]
        assert mine.heard == [{number} for number in range(100)]


async def test_ports_go_through_ports_both_ways(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        down, up = MessageChannelMain(), MessageChannelMain()
        down.port1.post_message("waits")
        one.port.post_message("take it", [down.port2])
        other.port.post_message("take this", [up.port2])
        await until(lambda: one.ports and other.ports)
        theirs, mine = Hearing(other.ports[0]), Hearing(one.ports[0])
        down.port1.post_message("down")
        up.port1.post_message("up")
        await until(lambda: len(theirs.heard) == 2 and mine.heard)
        assert (theirs.heard, mine.heard) == (["waits", "down"], ["up"])
        assert far(a) == far(b) == 3


async def test_channel_between_pages_of_two_workers_leads_through_a_third(three: list[OneWorker]) -> None:
    a, b, c = three
    async with b.browser().open() as one, c.browser().open() as other:
        channel = MessageChannelMain()
        a.ipc_main.remote(one.web_contents_id).post_message("port", None, [channel.port1])
        a.ipc_main.remote(other.web_contents_id).post_message("port", None, [channel.port2])
        first, second = [Hearing((await page.arrival("port"))[0].ports[0]) for page in (one, other)]
        for number in range(20):
            first.port.post_message([number, "x" * 40_000])
            second.port.post_message(number)
        await until(lambda: len(first.heard) == 20)
        first.port.close()
        await until(lambda: second.heard[-1:] == ["closed"])
        assert [value[0] for value in second.heard[:-1]] == list(range(20))
        assert first.heard[:20] == list(range(20))
        await quiet()
        assert far(a) == far(b) == far(c) == 0


async def test_lost_socket_loses_nothing(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        await page.disconnect()
        one.port.post_message(1)
        other.port.post_message(2)
        await quiet()
        await page.connect()
        await until(lambda: one.heard and other.heard)
        assert (one.heard, other.heard) == ([2], [1])


async def test_ports_find_a_tab_that_has_moved_and_messages_keep_their_way_to_it(three: list[OneWorker]) -> None:
    """What was sent before may still be on its way through the worker that had the tab."""
    a, b, c = three
    async with c.browser().open() as page:
        ways = a.shared.spread._ways
        ways._remember(page.web_contents_id, b.shared.worker)
        channel = MessageChannelMain()
        there = a.ipc_main.remote(page.web_contents_id)
        there.post_message("port", None, [channel.port2])
        there.send("news")
        await page.arrival("news")
        theirs = Hearing((await page.arrival("port"))[0].ports[0])
        channel.port1.post_message(1)
        await until(lambda: theirs.heard == [1])
        assert ways._cache[page.web_contents_id][0] == b.shared.worker


async def test_threads_keep_their_order(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        mine, theirs = await sent_to(a, page)
        hearing = Hearing(theirs)

        def post() -> None:
            for number in range(200):
                mine.post_message(number)

        thread = threading.Thread(target=post)
        thread.start()
        await until(lambda: len(hearing.heard) == 200)
        thread.join()
        assert hearing.heard == list(range(200))


async def test_page_of_this_worker_is_reached_without_the_others(three: list[OneWorker]) -> None:
    a = three[0]
    async with a.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        one.port.post_message(1)
        await until(lambda: other.heard == [1])
        assert far(a) == 0


async def test_single_process_has_the_same_call(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    async with Browser(app) as browser, browser.open() as page:
        channel, gone = MessageChannelMain(), MessageChannelMain()
        ipc_main.remote(page.web_contents_id).post_message("port", 1, [channel.port2])
        theirs = Hearing((await page.arrival("port"))[0].ports[0])
        channel.port1.post_message(2)
        await until(lambda: theirs.heard == [2])
        mine = Hearing(gone.port1)
        ipc_main.remote(7).post_message("port", 1, [gone.port2])
        await until(lambda: mine.heard == ["closed"])
        assert [text for text in troubles(caplog) if "#7" in text]


async def test_wrong_arguments_are_told_to_the_caller(three: list[OneWorker]) -> None:
    there = three[0].ipc_main.remote(7)
    with pytest.raises(TypeError, match="Insufficient number of arguments"):
        there.post_message("port")
    with pytest.raises(CloneError):
        there.post_message("port", object())
    with pytest.raises(TransferError, match="Invalid value for transfer"):
        there.post_message("port", 1, [7])


# --- how much may wait ------------------------------------------------------------------------------------------------


async def test_what_waits_at_another_worker_is_bounded_and_the_rest_is_charged_to_the_page(
    three: list[OneWorker],
) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        mine, theirs = await sent_to(a, page)
        for number in range(50):
            theirs.post_message([number, "x" * 30_000])
        await quiet()
        end = the_far_end(b)
        assert WINDOW <= end.in_flight < WINDOW + 31_000
        assert mine._end is not None
        assert mine._end.pending == 9
        (connection,) = b.hub.links
        assert 41 * 30_000 <= connection.ports.waiting_bytes < 41 * 31_000
        hearing = Hearing(mine)
        await until(lambda: len(hearing.heard) == 50)
        assert [number for number, _ in hearing.heard] == list(range(50))
        await quiet()
        assert connection.ports.waiting_bytes == end.held == 0
        assert end.in_flight < WINDOW // 2


async def test_page_that_sends_more_than_may_wait_loses_the_port() -> None:
    async with workers(2, limits=Limits(kept_bytes=1_000_000)) as (a, b), b.browser().open() as page:
        mine, theirs = await sent_to(a, page)
        hearing = Hearing(theirs)
        for _ in range(60):
            theirs.post_message("x" * 30_000)
            await settled()
        await until(lambda: hearing.heard == ["closed"])
        assert page.connected
        (connection,) = b.hub.links
        assert connection.ports.waiting_bytes == 0
        assert far(b) == 0
        await quiet()
        assert far(a) == 0
        assert mine._end is not None
        assert mine._end.pending == 10


async def test_program_that_sends_more_than_may_wait_loses_the_port(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workers(2, limits=Limits(kept_bytes=1_000_000)) as (a, b), b.browser().open() as page:
        mine, _ = await sent_to(a, page)
        # The other worker does not get on.
        monkeypatch.setattr(b.shared, "received", lambda said: None)
        hearing = Hearing(mine)
        for _ in range(60):
            mine.post_message("x" * 30_000)
        await until(lambda: hearing.heard == ["closed"])
        assert far(a) == 0
        assert [text for text in troubles(caplog) if "1,000,000 bytes wait" in text]


async def test_what_the_program_posts_waits_until_the_other_worker_gets_on(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        mine, theirs = await sent_to(a, page)
        hearing = Hearing(theirs)
        late: list[Said] = []
        with monkeypatch.context() as slow:
            slow.setattr(b.shared, "received", late.append)
            for number in range(30):
                mine.post_message([number, "x" * 30_000])
            await quiet()
        end = the_far_end(a)
        assert len(late) == 9
        assert 21 * 30_000 <= end.held < 21 * 31_000
        for said in late:
            b.shared.received(said)
        await until(lambda: len(hearing.heard) == 30)
        assert [number for number, _ in hearing.heard] == list(range(30))
        assert end.held == 0


# --- how they close ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["program", "page"])
async def test_close_comes_behind_the_messages(three: list[OneWorker], who: str) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        ends = await sent_to(a, page)
        closing, other = ends if who == "program" else ends[::-1]
        for number in range(30):
            closing.post_message([number, "x" * 20_000])
        closing.close()
        hearing = Hearing(other)
        await until(lambda: hearing.heard[-1:] == ["closed"])
        assert [value[0] for value in hearing.heard[:-1]] == list(range(30))
        assert far(a) == far(b) == 0


async def test_reload_of_the_page_closes_its_ports(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        hearing = Hearing((await sent_to(a, page))[0])
        await page.reload()
        await until(lambda: hearing.heard == ["closed"])
        assert far(a) == far(b) == 0


async def test_end_of_either_worker_closes_them(three: list[OneWorker]) -> None:
    a, b, c = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        mine, theirs = map(Hearing, await sent_to(c, page))
        a.bus.kill()
        await until(lambda: other.heard == ["closed"])
        assert theirs.heard == []
        b.bus.kill()
        await until(lambda: mine.heard == ["closed"])
        assert one.heard == []


async def test_gap_closes_every_channel_at_both_workers(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        b.shared.gap()
        await until(lambda: one.heard == other.heard == ["closed"])
        assert far(a) == far(b) == 0
        assert page.connected


async def test_worker_that_ends_in_good_order_closes_its_channels() -> None:
    async with workers(1) as (a,), a.browser().open() as page:
        late = OneWorker(a._board)
        async with Browser(late.app):
            await quiet()
            mine, theirs = map(Hearing, await sent_to(late, page))
        await until(lambda: theirs.heard == ["closed"])
        assert mine.heard == ["closed"]
        assert page.connected


async def test_worker_that_was_taken_for_dead_closes_its_channels(three: list[OneWorker]) -> None:
    """The others have done so by then."""
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        a.shared.lapsed()
        await until(lambda: one.heard == other.heard == ["closed"])


async def fails(worker: OneWorker, contents_id: int) -> None:
    """Send a port to a tab, and find that it is closed."""
    channel = MessageChannelMain()
    hearing = Hearing(channel.port1)
    worker.ipc_main.remote(contents_id).post_message("port", 1, [channel.port2])
    await until(lambda: hearing.heard == ["closed"])


async def test_ports_for_a_page_that_cannot_have_them_are_closed_and_that_is_logged(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    a, b, c = three
    await fails(a, 7)
    old = await ScriptedPage(b.app, features=()).connect()
    await fails(a, old.contents_id)
    async with c.browser().open() as page:
        contents_id = page.web_contents_id
        await c.bus.directory.park(contents_id, b"{}", [], 60.0)
        for connection in c.hub.links:
            c.hub.end(connection, "ended")
        c.hub.tabs.release(c.hub.tabs.all()[0])
        await fails(a, contents_id)
        await c.bus.directory.take(contents_id)
        c.shared.spread._ways._arrivals._seconds = 0.01
        await fails(a, contents_id)
    logged = [text for text in troubles(caplog) if "with ports" in text]
    assert ["unknown" in logged[0], "too old" in logged[1], "parked" in logged[2], "gone from here" in logged[3]] == [
        True
    ] * 4
    assert far(a) == far(b) == far(c) == 0


# --- what a stranger says ---------------------------------------------------------------------------------------------


WRONG = [
    ("port-say", {"port": "0" * 32, "ports": []}, [b'["port",1,1,[]]']),
    ("port-shut", {"port": "0" * 32}, []),
    ("port-took", {"port": "0" * 32, "size": 5}, []),
    ("port-say", {"port": "x", "ports": []}, [b'["port",1,1,[]]']),
    ("port-took", {"port": "0" * 32, "size": -5}, []),
    ("post", {"contents": 1, "ports": ["1" * 32]}, [b'["post","port",1,[]]']),
    ("post", {"contents": 1, "ports": ["1" * 32, "1" * 32]}, [b'["post","port",1,[]]']),
    ("post", {"contents": 1, "ports": ["1" * 32]}, []),
    ("post", {"contents": 1, "ports": ["1" * 32]}, [b'["send","port",1]']),
]


@pytest.mark.parametrize("kind, head, rows", WRONG)
async def test_what_names_no_port_or_no_page_has_no_effect(
    three: list[OneWorker], kind: str, head: dict[str, Any], rows: list[bytes]
) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        a.bus.post(b.shared.worker, kind, head, rows)
        one.port.post_message(1)
        await until(lambda: other.heard == [1])
        assert far(a) == far(b) == 1


async def test_ports_of_a_message_that_is_refused_are_closed_where_they_come_from(
    three: list[OneWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = three
    told: list[Said] = []
    monkeypatch.setattr(a.shared, "received", told.append)
    a.bus.post(b.shared.worker, "post", {"contents": 1, "ports": ["1" * 32]}, [b"["])
    a.bus.post(b.shared.worker, "port-say", {"port": "0" * 32, "ports": ["2" * 32]}, [b'["port",1,1,[]]'])
    await quiet()
    assert [(said.kind, said.head) for said in told] == [
        ("port-shut", {"port": "1" * 32}),
        ("port-shut", {"port": "2" * 32}),
    ]


@pytest.mark.parametrize("kind", ["port-say", "port-shut", "port-took"])
async def test_port_is_of_its_two_workers_alone(three: list[OneWorker], kind: str) -> None:
    a, b, c = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        head = {"port": the_far_end(b).uid, "ports": [], "size": 1}
        c.bus.post(b.shared.worker, kind, head, [b'["port",1,"evil",[]]'])
        await quiet()
        one.port.post_message(1)
        await until(lambda: other.heard)
        assert (one.heard, other.heard) == ([], [1])


@pytest.mark.parametrize("rows", [[], [b"{"], [b'["send","x",[]]'], [b'["port",1,1]'], [b"x" * 100]])
async def test_wrong_message_closes_its_port_alone(three: list[OneWorker], rows: list[bytes]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, other = map(Hearing, await sent_to(a, page))
        end = the_far_end(b)
        kept = list(map(Hearing, await sent_to(a, page)))
        a.bus.post(b.shared.worker, "port-say", {"port": end.uid, "ports": []}, rows)
        await until(lambda: one.heard == other.heard == ["closed"])
        kept[0].port.post_message(1)
        await until(lambda: kept[1].heard == [1])
        assert page.connected


async def test_value_that_cannot_be_decoded_is_none_at_the_program(three: list[OneWorker]) -> None:
    a, b, _ = three
    async with b.browser().open() as page:
        one, _ = map(Hearing, await sent_to(a, page))
        end = the_far_end(a)
        b.bus.post(a.shared.worker, "port-say", {"port": end.uid, "ports": []}, [b'["port",1,1,[],[["b",[0],0]]]'])
        await until(lambda: one.heard == [None])
