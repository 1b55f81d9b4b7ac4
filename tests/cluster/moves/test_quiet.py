"""When a tab is quiet: nothing of it runs or waits. Each reason why it is not holds for exactly as long as it lasts."""

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator

import pytest

from tests.support.held_up import LIMITS, Site, page_of, waits
from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, visitor
from tests.support.logins import LoggedInPage, Logins
from tests.support.posting_page import PostingPage
from tests.support.uploads import Upload
from tests.support.waiting import settled, until
from webipc import IpcMainEvent, IpcMainInvokeEvent, MessageChannelMain
from webipc.cluster.moves.quiet import is_quiet, is_quiet_tab
from webipc.core.frame import encode_control
from webipc.core.link.large import LARGE_TEXT
from webipc.hub.hub import Hub
from webipc.link.connection import Connection


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    made.end()


def is_quiet_hub(hub: Hub) -> bool:
    """Tell whether everything in a hub is quiet: it has one tab."""
    return is_quiet_tab(hub._links, hub.attaches)


def link_of(hub: Hub) -> Connection:
    (connection,) = hub._links
    return connection


async def test_a_page_that_does_nothing_is_quiet_with_a_socket_and_without(site: Site) -> None:
    page = await page_of(site)
    assert is_quiet_hub(site.hub)
    site.ipc_main.broadcast("kept until the page has acknowledged it")
    assert is_quiet_hub(site.hub)
    await page.end()
    assert is_quiet_hub(site.hub)


async def test_it_is_not_while_an_async_handler_or_listener_runs(site: Site) -> None:
    page, go_on = await page_of(site), asyncio.Event()

    @site.ipc_main.handle("call")
    async def handler(event: IpcMainInvokeEvent) -> None:
        await go_on.wait()

    @site.ipc_main.on("tell")
    async def listener(event: IpcMainEvent) -> None:
        await go_on.wait()

    for fields in (("invoke", 1, "call"), ("send", "tell")):
        page.post(*fields, value=[])
        page.flush()
        await until(lambda: not is_quiet_hub(site.hub))
        await settled()
        assert not is_quiet_hub(site.hub)
        go_on.set()
        await until(lambda: is_quiet_hub(site.hub))
        go_on.clear()


async def test_it_is_not_while_a_def_handler_runs_in_its_thread(site: Site) -> None:
    page, go_on, runs = await page_of(site), threading.Event(), threading.Event()

    @site.ipc_main.handle("call")
    def handler(event: IpcMainInvokeEvent) -> None:
        runs.set()
        go_on.wait()

    page.post("invoke", 1, "call", value=[])
    page.flush()
    try:
        await until(runs.is_set)
        assert link_of(site.hub).jobs.has_ended
        assert not is_quiet_hub(site.hub)
    finally:
        go_on.set()
    await until(lambda: is_quiet_hub(site.hub))


async def test_it_is_not_while_what_a_def_handler_has_returned_is_awaited(site: Site) -> None:
    page, go_on = await page_of(site), asyncio.Event()
    waiting: list[bool] = []

    async def later() -> str:
        waiting.append(True)
        await go_on.wait()
        return "late"

    site.ipc_main.handle("call", lambda event: later())
    page.post("invoke", 1, "call", value=[])
    page.flush()
    await until(lambda: waiting)
    assert not is_quiet_hub(site.hub)
    go_on.set()
    await until(lambda: is_quiet_hub(site.hub))


async def test_it_is_not_while_a_message_waits_for_its_turn(site: Site) -> None:
    page = await page_of(site)
    seen: list[bool] = []

    @site.ipc_main.on("first")
    def first(event: IpcMainEvent) -> None:
        seen.append(is_quiet_hub(site.hub))

    @site.ipc_main.on("second")
    def second(event: IpcMainEvent) -> None:
        seen.append(is_quiet_hub(site.hub))

    page.post("send", "first", value=[])
    page.post("send", "second", value=[])
    page.flush()
    await until(lambda: len(seen) == 2)
    assert seen == [False, False]
    await until(lambda: is_quiet_hub(site.hub))


async def test_it_is_not_while_a_send_sync_waits_and_is_with_the_answer_kept(site: Site) -> None:
    page = await page_of(site)
    events: list[IpcMainEvent] = []
    site.ipc_main.on("hold", events.append)
    answer = page.upload(page.ask("hold"))
    await until(lambda: events)
    await settled()
    assert link_of(site.hub).jobs.has_ended
    assert not is_quiet_hub(site.hub)
    events.pop().return_value = 1
    assert (await answer)[0] == 200
    await until(lambda: is_quiet_hub(site.hub))
    assert link_of(site.hub).syncs.has(1)


async def test_it_is_not_while_something_is_decoded_in_the_helper_thread(site: Site) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    page.post("send", "say", value=["large", [0] * LARGE_TEXT])
    page.flush()
    await until(waits(site))
    assert link_of(site.hub).jobs.has_ended
    assert not is_quiet_hub(site.hub)
    gate.set()
    await until(lambda: site.said == ["large"])
    await until(lambda: is_quiet_hub(site.hub))


async def test_it_is_not_while_a_body_of_it_arrives(site: Site) -> None:
    page = await page_of(site)
    async with Upload(site.app, "/ipc/beacon") as upload:
        upload.frames(page.hello(0))
        await until(lambda: not is_quiet_hub(site.hub))
        page.post("send", "say", value=["last"])
        upload.frames(*page.link.backlog())
        await until(lambda: site.said == ["last"])
        await settled()
        assert not is_quiet_hub(site.hub)
        upload.frames(encode_control(0, "bye", 9), last=True)
        assert (await upload.answer())[0] == 204
        assert is_quiet_hub(site.hub)


async def test_it_is_not_while_a_body_of_it_that_breaks_off_arrives(site: Site) -> None:
    page = await page_of(site)
    async with Upload(site.app, "/ipc/beacon") as upload:
        upload.frames(page.hello(0))
        await until(lambda: not is_quiet_hub(site.hub))
        upload.leave()
        await until(lambda: is_quiet_hub(site.hub))


async def test_it_is_not_while_a_call_into_the_page_waits(site: Site) -> None:
    page = PostingPage(site.app, LIMITS)
    page.features = ["invoke"]
    await page.connect()
    (contents,) = site.ipc_main.get_all_web_contents()
    call = asyncio.create_task(contents.execute_javascript("1 + 1"))
    await until(lambda: not is_quiet_hub(site.hub))
    page.post("result", 2, value=[2])
    page.flush()
    assert await call == [2]
    assert is_quiet_hub(site.hub)


async def test_it_is_not_while_a_message_of_a_port_has_no_number_yet(site: Site) -> None:
    page = PostingPage(site.app, LIMITS)
    page.features = ["ports"]
    await page.connect()
    (contents,) = site.ipc_main.get_all_web_contents()
    channel = MessageChannelMain()
    contents.post_message("port", None, [channel.port2])
    assert is_quiet_hub(site.hub)
    sender = threading.Thread(target=channel.port1.post_message, args=("from a thread",))
    sender.start()
    # The event loop cannot take it meanwhile.
    sender.join()
    assert not is_quiet_hub(site.hub)
    await until(lambda: is_quiet_hub(site.hub))
    assert len(link_of(site.hub).link.kept) == 2


async def test_it_is_not_while_the_application_is_asked_who_a_socket_or_a_request_is_from() -> None:
    logins = Logins()
    page = LoggedInPage(logins, "a1")
    await page.connect()
    hub = logins.ipc_main._provider.here()
    page.post("send", "say", value=["last"])
    body = page.body()

    async def post() -> None:
        await page.upload(body, path="/ipc/beacon")

    for attach in (page.connect, post):
        logins.before.set()
        task = asyncio.create_task(attach())
        await logins.before.reached()
        assert not is_quiet_hub(hub)
        logins.before.clear()
        await task
        await until(lambda: is_quiet_hub(hub))


async def test_a_tab_is_not_while_one_of_its_documents_is_not(site: Site) -> None:
    await page_of(site, "a" * 32)
    other, go_on = await page_of(site, "c" * 32), asyncio.Event()

    @site.ipc_main.handle("call")
    async def handler(event: IpcMainInvokeEvent) -> None:
        await go_on.wait()

    other.post("invoke", 1, "call", value=[])
    other.flush()
    links = site.hub._links
    await until(lambda: not is_quiet_tab(links, site.hub.attaches))
    assert [is_quiet(connection, site.hub.attaches) for connection in links] == [True, False]
    go_on.set()
    await until(lambda: is_quiet_tab(links, site.hub.attaches))


async def test_a_tab_is_not_while_a_document_in_an_iframe_outlives_its_parent(make_hub: MakeHub) -> None:
    hub = make_hub()
    main = connect(hub, "192.0.2.1")
    below = dataclasses.replace(hello(), parent=main.link_id)
    child = hub.attaches.attach(below, visitor("192.0.2.1"), NOBODY, Socket())
    # The listeners for a new document are about to run.
    assert not is_quiet_hub(hub)
    await settled()
    assert is_quiet_hub(hub)
    main.bye(0)
    await settled()
    assert list(hub._links) == [child]
    assert is_quiet(child, hub.attaches)
    assert not is_quiet_hub(hub)
