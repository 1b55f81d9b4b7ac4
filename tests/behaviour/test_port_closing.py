"""What closes a port (`close`, a listener that drops it, the end of its link), and which ends emit `close`."""

import gc
import json
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.port_listeners import PortListener, PortReceiver, forward_to, open_ports
from tests.support.scripted_page import unaffected
from tests.support.waiting import settled, until
from webipc import (
    IpcMainEvent,
    Limits,
    MessageChannelMain,
)
from webipc.testing import Renderer


async def test_both_ends_emit_close_whichever_end_closes(site: Site) -> None:
    """Electron: is emitted when the main process closes its end of the port."""
    _, ipc_main, page = site
    for closes in ("page", "program"):
        channel = MessageChannelMain()
        contents_of(ipc_main, page).post_message("port", None, [channel.port2])
        event, _ = await page.arrival("port")
        there, here = PortListener(event.ports[0]), PortListener(channel.port1)
        last = there if closes == "page" else here
        for index in range(3):
            last.port.post_message(index)
        last.port.close()
        other = here if closes == "page" else there
        await until(lambda other=other: len(other.received) == 4)  # type: ignore[misc] # bound in the loop
        assert (last.received, other.received) == (["close"], [0, 1, 2, "close"])
    assert open_ports(ipc_main) == [0]


async def test_a_port_sent_to_a_channel_without_listeners_is_closed(site: Site) -> None:
    """Electron: is emitted when the other end of a port is sent to nowhere."""
    _, _, page = site
    channel = MessageChannelMain()
    listener = PortListener(channel.port1)
    page.post_message("no listener", None, [channel.port2])
    await until(lambda: listener.received)
    assert listener.received == ["close"]


async def test_the_ports_of_a_listener_that_raises_are_closed_although_the_log_keeps_the_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    _, ipc_main, page = site

    @ipc_main.on("port")
    def port(event: IpcMainEvent, message: Any) -> None:
        ports = event.ports
        raise ValueError(len(ports))

    channel = MessageChannelMain()
    listener = PortListener(channel.port1)
    gc.disable()
    try:
        page.post_message("port", None, [channel.port2])
        await until(lambda: listener.received)
    finally:
        gc.enable()
    assert [record.getMessage() for record in caplog.records] == ["A listener for 'port' raised"]


async def test_the_end_of_a_link_closes_its_ports_on_both_sides(site: Site) -> None:
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    async with page.open() as other:
        mine, given = MessageChannelMain(), MessageChannelMain()
        here = PortListener(mine.port1)
        other.post_message("port", None, [mine.port2])
        contents_of(ipc_main, other).post_message("port", None, [given.port2])
        there = PortListener((await other.arrival("port"))[0].ports[0])
        program = PortListener(given.port1)
        await until(lambda: receiver.listeners)
        await other.close()
        listeners = [here, there, program, receiver.listeners[0]]
        await until(lambda: all(listener.received == ["close"] for listener in listeners))


async def test_a_reload_closes_the_ports_of_the_old_document_and_not_those_of_the_new_one(site: Site) -> None:
    """Electron: when context destroyed, does not crash."""
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    for index in range(3):
        channel = MessageChannelMain()
        page.post_message("port", index, [channel.port1])
        await until(lambda index=index: len(receiver.listeners) == index + 1)  # type: ignore[misc] # bound in the loop
        await page.reload()
    await until(lambda: [listener.received for listener in receiver.listeners] == [["close"]] * 3)
    assert open_ports(ipc_main) == [0]


async def test_ports_stay_open_over_a_lost_socket(site: Site) -> None:
    _, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    channel = MessageChannelMain()
    page.post_message("port", None, [channel.port2])
    here = PortListener(channel.port1)
    await until(lambda: receiver.listeners)
    for index in range(20):
        if index % 5 == 2:
            await page.disconnect()
        channel.port1.post_message(index)
        receiver.listeners[0].port.post_message(index)
        if index % 5 == 4:
            await page.connect()
    await until(lambda: len(receiver.listeners[0].received) == len(here.received) == 20)
    assert receiver.listeners[0].received == here.received == list(range(20))


async def test_a_page_that_exceeds_kept_messages_loses_its_link_and_the_other_end_emits_close() -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    async with Renderer(app) as page, page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        here = PortListener(channel.port1)
        page.post_message("forward", None, [channel.port2])
        there = PortListener((await other.arrival("port"))[0].ports[0])
        await other.disconnect()
        with unaffected(page):
            for index in range(20):
                channel.port1.post_message(index)
            await until(lambda: here.received == ["close"])
        await other.close()
        await until(lambda: there.received[-1:] == ["close"])


async def test_messages_behind_the_one_that_ends_the_link_are_dropped() -> None:
    app, ipc_main = application(limits=Limits(kept_messages=10))
    said: list[Any] = []
    ipc_main.on("say", lambda event, *args: said.append(args))
    async with Renderer(app) as page:
        # The page receives what it posts into this port.
        forward_to(ipc_main, page)
        channel = MessageChannelMain()
        page.post_message("forward", None, [channel.port2])
        there = (await page.arrival("port"))[0].ports[0]
        socket = page._connection._socket
        assert socket is not None
        echoes = [["port", 1, index, []] for index in range(11)]
        behind = [["post", "say", "port", [3]], ["send", "say", ["send"]], ["sync", 1, "say", ["sync"]]]
        (connection,) = ipc_main._provider.hub._links  # type: ignore[union-attr] # it is running
        socket.write(json.dumps([2, 0, *echoes, *behind]))
        await until(lambda: connection.ended)
        await settled()
        assert (said, len(connection.ports), connection.syncs.block) == ([], 0, False)
        there.close()
        channel.port1.close()
