"""Messages with ports that exceed a limit, and peers whose version has no ports."""

import asyncio
import logging
from typing import Any

import pytest

from tests.support.applications import application
from tests.support.connected import Site, contents_of
from tests.support.port_listeners import PortListener, PortReceiver, open_ports
from tests.support.scripted_page import ScriptedPage, unaffected
from tests.support.waiting import until
from webipc import (
    FeatureError,
    LimitError,
    Limits,
    MessageChannelMain,
    MessagePortMain,
)
from webipc.core.errors import CloseCode
from webipc.testing import Renderer


async def test_a_message_that_exceeds_a_limit_raises_at_the_call() -> None:
    app, ipc_main = application(limits=Limits(open_ports=2, message_bytes=1000, channel_length=10))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        # Ten UTF-16 code units: the unit in which the page counts.
        contents.post_message("\U0001f600" * 5, 1)
        for args, limit in (
            (("\U0001f600" * 6, 1), "channel_length"),
            (("port", "x" * 1000), "message_bytes"),
            (("port", "x" * 990, [MessageChannelMain().port1]), "message_bytes"),
            (("port", 1, [MessageChannelMain().port1 for _ in range(3)]), "open_ports"),
        ):
            with pytest.raises(LimitError, match=limit):
                contents.post_message(*args)
        assert open_ports(ipc_main) == [0]
        assert await page.received("\U0001f600" * 5) == [1]
        contents.send("\U0001f600" * 6)
        contents.send("last")
        assert await page.received("last") == []


def is_posted(port: MessagePortMain, *args: Any) -> bool:
    try:
        port.post_message(*args)
    except LimitError:
        return False
    return True


@pytest.mark.parametrize("ports", [0, 3])
async def test_a_message_to_a_page_that_its_port_cannot_carry_raises_at_the_call_and_the_port_stays(ports: int) -> None:
    app, ipc_main = application(limits=Limits(message_bytes=1000, depth=8))
    async with Renderer(app) as page:
        channel = MessageChannelMain()
        contents_of(ipc_main, page).post_message("port", None, [channel.port2])
        listener = PortListener((await page.arrival("port"))[0].ports[0])
        given = [MessageChannelMain().port1 for _ in range(ports)]
        for value, limit in (("x" * 1000, "message_bytes"), ([[[[[[[[[]]]]]]]]], "depth")):
            with pytest.raises(LimitError, match=limit):
                channel.port1.post_message(value, given)
        size = next(size for size in range(1000, 0, -1) if is_posted(channel.port1, "x" * size, given))
        assert size > 900
        channel.port1.post_message("last")
        await until(lambda: len(listener.received) == 2)
        assert listener.received == ["x" * size, "last"]


async def test_a_thread_posts_in_order_and_a_message_that_cannot_be_sent_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, ipc_main = application(limits=Limits(open_ports=100))
    async with Renderer(app) as page:
        contents = contents_of(ipc_main, page)
        channels = [MessageChannelMain() for _ in range(100)]

        def post() -> None:
            for index, channel in enumerate(channels):
                contents.post_message("n", index, [channel.port2])
                channel.port1.post_message(index)

        await asyncio.to_thread(post)
        for index in range(100):
            event, args = await page.arrival("n")
            listener = PortListener(event.ports[0])
            await until(lambda listener=listener: listener.received)  # type: ignore[misc] # bound in the loop
            assert (args, listener.received) == ([index], [index])
        one_more = MessageChannelMain()
        listener = PortListener(one_more.port1)
        await asyncio.to_thread(contents.post_message, "n", 100, [one_more.port2])
        await until(lambda: listener.received)
        assert listener.received == ["close"]
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert "cannot be sent, and its ports are closed" in record.getMessage()


async def test_more_ports_than_the_limit_close_the_socket_with_4413() -> None:
    app, ipc_main = application(limits=Limits(open_ports=3))
    PortReceiver(ipc_main)
    async with Renderer(app) as page:
        with unaffected(page):
            scripted = await ScriptedPage(app).connect()
            scripted.socket.write('[1,0,["post","port",1,[1,3]]]')
            await until(lambda: 2 in open_ports(ipc_main))
            scripted.socket.write('[2,0,["post","port",1,[5,7]]]')
            await until(lambda: scripted.close)
            assert scripted.close is not None
            assert scripted.close[0] == CloseCode.TOO_LARGE


async def test_post_message_to_a_client_without_ports_raises_at_the_call(site: Site) -> None:
    app, ipc_main, _ = site
    old = await ScriptedPage(app, features=()).connect()
    contents = ipc_main.from_id(old.contents_id)
    assert contents is not None
    channel = MessageChannelMain()
    listener = PortListener(channel.port1)
    with pytest.raises(FeatureError):
        contents.post_message("port", None, [channel.port2])
    await until(lambda: listener.received == ["close"])
    assert [frame[2:] for frame in old.frames[1:]] == [[] for _ in old.frames[1:]]


async def test_a_page_raises_for_features_that_the_server_does_not_name(site: Site) -> None:
    _, _, page = site
    assert page.welcome is not None
    page.welcome.features.clear()
    with pytest.raises(FeatureError):
        page.post_message("port", None)
    with pytest.raises(FeatureError):
        page.send_to(1, "channel")
    with pytest.raises(FeatureError):
        await page.send_sync("channel")
