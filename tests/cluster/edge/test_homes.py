"""A tab has one home, wherever its documents load and reload, and however often; and the directory forgets it again."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import ResetError
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.bus import BusError, Receiver
from webipc.cluster.bus.directory import key_of
from webipc.cluster.bus.memory_bus import MemoryBus
from webipc.core.errors import CloseCode
from webipc.testing import ClosedError, Renderer

Created = Counter[int]


def serve(worker: OneWorker, created: Created) -> None:
    """Give a worker what these tests need. `created` counts the events for each tab."""

    @worker.ipc_main.web_contents_created
    def note(event: Any, contents: Any) -> None:
        created[contents.id] += 1

    worker.ipc_main.handle("where", lambda event: worker.bus.worker)
    worker.ipc_main.handle("echo", lambda event, value: value)


def entries(worker: OneWorker) -> tuple[int, int, int]:
    """Return how many links, tabs and tokens the directory knows."""
    board = worker._board.places
    return len(board._links), len(board._tabs), len(board._tokens)


@pytest.fixture
def created() -> Created:
    return Counter()


@pytest.fixture
async def three(created: Created) -> AsyncIterator[list[OneWorker]]:
    async with workers(3) as made:
        for worker in made:
            serve(worker, created)
        yield made


async def test_tab_keeps_its_id_over_reloads_at_any_worker(three: list[OneWorker], created: Created) -> None:
    home = three[0]
    async with home.browser().open() as page:
        tab = page.web_contents_id
        for number in range(12):
            arrives_at(page, three[number % 3])
            await page.reload()
            assert page.web_contents_id == tab
            assert await page.invoke("where") == home.bus.worker
            assert entries(home) == (1, 1, 1)
    assert created == {tab: 1}


async def test_document_in_an_iframe_joins_the_tab_of_its_parent_from_any_worker(
    three: list[OneWorker], created: Created
) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        for worker in three:
            arrives_at(page, worker)
            async with page.open_frame() as frame:
                assert frame.web_contents_id == page.web_contents_id
                assert await frame.invoke("where") == home.bus.worker
                assert len(list(home.hub.links)) == 2
        # The edge of the parent is no place either.
        await reconnects_at(page, edge)
        async with page.open_frame() as frame:
            assert await frame.invoke("where") == home.bus.worker
    assert created == {page.web_contents_id: 1}


async def test_document_in_an_iframe_that_is_first_finds_its_parent_elsewhere(three: list[OneWorker]) -> None:
    home, edge, _ = three
    page = home.browser().open()
    arrives_at(page, edge)
    frame = page.open_frame()
    loading = asyncio.ensure_future(frame.connect())
    await asyncio.sleep(0)
    arrives_at(page, home)
    await page.connect()
    await loading
    assert frame.web_contents_id == page.web_contents_id
    assert await frame.invoke("where") == home.bus.worker
    await page.close()


async def test_request_of_a_new_page_makes_the_worker_its_home_to_which_its_socket_goes(
    three: list[OneWorker], created: Created
) -> None:
    home, edge, _ = three
    home.ipc_main.on("sync", lambda event: setattr(event, "return_value", home.bus.worker))
    page = home.browser().open()
    assert await page.send_sync("sync") == home.bus.worker
    arrives_at(page, edge)
    await page.connect()
    assert await page.invoke("where") == home.bus.worker
    assert created == {page.web_contents_id: 1}
    await page.close()


async def test_directory_forgets_everything_when_all_have_left(three: list[OneWorker]) -> None:
    for worker in three:
        browser = worker.browser()
        for at in three:
            async with browser.open() as page:
                await reconnects_at(page, at)
                async with page.open_frame():
                    await page.reload()
    for worker in three:
        for tab in list(worker.hub.tabs.all()):
            worker.hub.tabs.destroy(tab)
    await quiet()
    assert entries(three[0]) == (0, 0, 0)


async def test_link_that_has_ended_is_over_at_every_worker(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        await page.disconnect()
        [connection] = home.hub.links
        home.hub.end(connection, "ended")
        arrives_at(page, edge)
        with pytest.raises((ResetError, ClosedError), match="ended"):
            await page.connect()
        assert list(edge.hub.links) == []


async def test_page_of_a_worker_that_died_is_told_so_and_goes_on_elsewhere(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        tab = page.web_contents_id
        home.bus.kill()
        await quiet()
        await page.disconnect()
        arrives_at(page, edge)
        with pytest.raises((ResetError, ClosedError), match="owner-lost"):
            await page.connect()
        await page.connect()
        assert await page.invoke("where") == edge.bus.worker
        assert page.web_contents_id != tab
        assert edge.shared.stats()["owner_lost"] == 1
    # What it had has died with it: its application has nothing to move when it ends.
    for one in home.hub.tabs.all():
        home.hub.let_go(one, list(home.hub.links))
    edge.shared._placing.end()
    lines = [record.getMessage() for record in caplog.records if "owner-lost" in record.getMessage()]
    assert lines == [f"1 links were reset (owner-lost): they were at worker {home.bus.worker}, which has died"]


# --- what the directory forgets, and a worker that was taken for dead --------------------------------------------


async def test_everything_is_written_once_more_where_the_directory_forgets(three: list[OneWorker]) -> None:
    home, edge, _ = three
    browser = home.browser()
    async with browser.open() as page, browser.open() as other:
        board = home._board.places
        board._links.clear()
        board._tabs.clear()
        board._tokens.clear()
        home.shared.forgotten()
        await quiet()
        assert entries(home) == (2, 2, 2)
        await reconnects_at(page, edge)
        assert await page.invoke("where") == home.bus.worker
        arrives_at(other, edge)
        await other.reload()
        assert await other.invoke("where") == home.bus.worker


async def test_worker_that_has_pages_alone_says_that_they_are_written_once_more(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    home, edge, _ = three
    async with home.browser().open():
        edge.shared.forgotten()
        home.shared.forgotten()
        await until(lambda: edge.shared._noting._task is None and home.shared._noting._task is None)
    said = [record.getMessage() for record in caplog.records if "once more" in record.getMessage()]
    assert said == ["The directory was told once more of the 1 links and 1 tabs of this process"]


async def test_tab_that_has_moved_is_found_by_its_older_token_also_where_the_directory_forgets(
    three: list[OneWorker],
) -> None:
    home, edge, other = three
    async with home.browser().open() as page:
        tab, token = page.web_contents_id, page._connection.tab.token
        await home.hub.drain(5, asyncio.Event())
        await quiet()
        await reconnects_at(page, edge)
        page._connection.tab.token = token
        board = edge._board.places
        board._links.clear()
        board._tabs.clear()
        board._tokens.clear()
        edge.shared.forgotten()
        await quiet()
        # Its page was not told the newest token before it loads again.
        arrives_at(page, other)
        await page.reload()
        assert await page.invoke("where") == edge.bus.worker
        assert page.web_contents_id == tab


async def test_worker_that_was_taken_for_dead_ends_what_others_have_and_keeps_the_rest(
    three: list[OneWorker], caplog: pytest.LogCaptureFixture
) -> None:
    home, edge, _ = three
    browser = home.browser()
    async with browser.open() as page, browser.open() as other:
        link = page._connection.page.link_id
        [connection] = [one for one in home.hub.links if one.link_id == link]
        # Another worker has made the link, because this one did not live.
        board = home._board.places
        key = key_of(link)
        board.release(home.bus.worker, key)
        assert board.claim(edge.bus.worker, key) is None
        home.shared.lapsed()
        assert await page.closed() == CloseCode.RESET
        assert connection.end_reason == "owner-lost"
        assert await other.invoke("where") == home.bus.worker
        # It is the other worker's, and says nothing of its end here.
        assert not home.hub.links.has_ended(link)
        assert (board._links[key], home.shared.stats()["lapsed"]) == (edge.bus.worker, 1)
    assert "1 links were ended (owner-lost): the others took this process for dead, and have them now" in caplog.text


async def test_what_is_written_once_more_is_written_in_portions(three: list[OneWorker]) -> None:
    home = three[0]
    written: list[int] = []
    turns: list[int] = []
    directory: Any = home.bus.directory

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(directory, name)

        def note(self, links: Any, tabs: Any) -> None:
            written.append(len(links) + len(tabs))

    async with home.browser().open():
        noting = home.shared._noting
        noting._directory = Counting()
        ticking = asyncio.ensure_future(_tick(turns))
        tabs = home.hub.tabs.all() * 2_500
        home.hub.tabs.all = lambda: tabs  # type: ignore[method-assign]
        home.shared.forgotten()
        await until(lambda: noting._task is None)
        ticking.cancel()
    assert written == [1, 1_000, 1_000, 500]
    # Others have had their turn in between.
    assert len(turns) >= 3


async def _tick(turns: list[int]) -> None:
    while True:
        turns.append(len(turns))
        await asyncio.sleep(0)


# --- an application whose lifespan nobody runs -------------------------------------------------------------------


async def test_application_without_a_lifespan_joins_with_its_first_page() -> None:
    board = Switchboard(time.monotonic)
    worker = OneWorker(board)
    serve(worker, Counter())
    page = Renderer(worker.app)
    await page.connect()
    assert page.web_contents_id == (1 << 32) + 1
    assert await page.invoke("where") == worker.bus.worker
    await page.close()
    await worker.ipc_main._provider.end()
    assert list(board.members) == []


async def test_page_comes_again_where_its_worker_cannot_join_the_others_yet(caplog: pytest.LogCaptureFixture) -> None:
    board = Switchboard(time.monotonic)
    fails = [True]

    class Late(MemoryBus):
        async def begin(self, receiver: Receiver) -> None:
            if fails[0]:
                raise BusError("the others cannot be reached")
            await super().begin(receiver)

    worker = OneWorker(board)
    worker.ipc_main._make_bus = lambda realm, name, formats: Late(board, name, formats)
    page = Renderer(worker.app)
    with pytest.raises(ClosedError) as refused:
        await page.connect()
    assert refused.value.close_code == CloseCode.TRY_LATER
    assert "the others cannot be reached" in caplog.text
    fails[0] = False
    await page.connect()
    assert page.connected
    await page.close()
    await worker.ipc_main._provider.end()
