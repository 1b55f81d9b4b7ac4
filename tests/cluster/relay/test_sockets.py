"""Sockets that arrive at another worker than their tab's home: their frames are relayed, and handlers run at home."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.roaming import arrives_at, reconnects_at
from tests.support.several_workers import OneWorker, quiet, workers
from tests.support.waiting import until
from webipc import IpcMainInvokeEvent


def serve(worker: OneWorker) -> None:
    """Give a worker the channels of these tests. `where` tells which worker runs the handler."""
    worker.ipc_main.handle("echo", lambda event, value: value)
    worker.ipc_main.handle("where", lambda event: worker.bus.worker)


@pytest.fixture
async def three() -> AsyncIterator[list[OneWorker]]:
    async with workers(3) as made:
        for worker in made:
            serve(worker)
        yield made


async def test_page_resumes_at_another_worker_and_its_handlers_run_at_home(three: list[OneWorker]) -> None:
    home, edge, other = three
    async with home.browser().open() as page:
        tab = page.web_contents_id
        for worker in (edge, other, home, edge):
            await reconnects_at(page, worker)
            assert await page.invoke("echo", {"n": 1}) == {"n": 1}
            assert await page.invoke("where") == home.bus.worker
            assert page.web_contents_id == tab
            assert page.welcome is not None
            assert page.welcome.process == home.bus.worker
    assert [worker.shared.stats()["relays_ever"] for worker in three] == [0, 2, 1]
    assert all(worker.shared.stats()["relays"] == 0 for worker in three)


async def test_what_was_sent_while_the_page_was_away_arrives_once_and_in_order(three: list[OneWorker]) -> None:
    home = three[0]
    said: list[int] = []
    home.ipc_main.on("say", lambda event, n: said.append(n))
    async with home.browser().open() as page:
        heard: list[int] = []
        page.on("news", lambda event, n: heard.append(n))
        for number in range(300):
            page.send("say", number)
            home.tab(page).send("news", number)
            if number % 30 == 29:
                await reconnects_at(page, three[number // 30 % 3])
        await until(lambda: len(said) == 300 and len(heard) == 300)
    assert said == heard == list(range(300))


async def test_large_messages_cross_a_relay_in_both_directions(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        value = {"text": "ü" * 700_000, "bytes": bytes(3_000_000)}
        assert await page.invoke("echo", value) == value


async def test_socket_of_a_page_that_says_goodbye_ends_at_home(three: list[OneWorker]) -> None:
    home, edge, _ = three
    said: list[str] = []
    home.ipc_main.on("say", lambda event, text: said.append(text))
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        page.send("say", "last")
    await until(lambda: home.hub.links.counts()["open"] == 0)
    assert said == ["last"]
    assert edge.hub.links.counts()["open"] == 0
    await quiet()
    assert home.shared.stats()["relayed_here"] == 0


async def test_reload_at_another_worker_keeps_the_tab(three: list[OneWorker]) -> None:
    home, edge, _ = three
    async with home.browser().open() as page:
        tab = page.web_contents_id
        arrives_at(page, edge)
        await page.reload()
        assert page.web_contents_id == tab
        assert await page.invoke("where") == home.bus.worker


async def test_newer_socket_at_another_worker_supersedes_the_older_one(three: list[OneWorker]) -> None:
    home, edge, other = three
    async with home.browser().open() as page:
        await reconnects_at(page, edge)
        # The old one is not closed: its page does not know that it is lost.
        old = page._connection._socket
        assert old is not None
        arrives_at(page, other)
        await page.connect()
        assert await page.invoke("where") == home.bus.worker
        await until(lambda: not old.open)
    await quiet()
    assert [worker.shared.stats()["relays"] for worker in three] == [0, 0, 0]


async def test_handler_sees_the_caller_as_if_the_page_had_come_directly(three: list[OneWorker]) -> None:
    home, edge, _ = three
    seen: list[Any] = []

    def look(event: IpcMainInvokeEvent) -> None:
        connection = event.connection
        user = event.user
        seen.append(
            (
                dict(connection.headers),
                connection.cookies.get("user"),
                connection.url,
                connection.scope["root_path"],
                connection.client,
                None if user is None else user.id,
                event.sender.principal,
            )
        )

    home.ipc_main.handle("look", look)
    async with home.browser("ada").open() as page:
        # With the cookie that the first socket has set.
        await reconnects_at(page, home)
        await page.invoke("look")
        await reconnects_at(page, edge)
        await page.invoke("look")
    direct, relayed = seen
    assert relayed == direct
    assert direct[5] == "ada"


async def test_cookie_of_the_browser_is_set_by_the_edge_alone(three: list[OneWorker]) -> None:
    home, edge, _ = three
    shown: list[bool] = []
    home.ipc_main.on("say", lambda event: shown.append(event.sender._tab.principal_was_shown))
    async with home.browser().open() as page:
        cookies = dict(page._connection.client.cookies.values())
        await reconnects_at(page, edge)
        page.send("say")
        await until(lambda: shown)
        assert page._connection.client.cookies.values() == cookies
