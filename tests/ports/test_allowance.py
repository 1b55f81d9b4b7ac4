"""A page posts into ports without a consumer: how much may wait, which port is closed beyond that, and that messages
which have waited arrive unchanged.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.same import is_same
from tests.support.waiting import until
from webipc import IpcMain, IpcMainEvent, Limits, MessageChannelMain, MessageEvent, MessagePortMain, undefined
from webipc.ports.allowance import Allowance
from webipc.testing import Renderer

KILOBYTE = "x" * 1000


class Site:
    """An application that keeps the ports that it gets on the channel `port`, and starts none of them."""

    def __init__(self, memory: str = "1GiB", **limits: int) -> None:
        self.app: FastAPI
        self.ipc_main: IpcMain
        self.app, self.ipc_main = application(limits=Limits(**limits), memory=memory)
        self.ports: list[MessagePortMain] = []
        self.ipc_main.on("port", self._port)
        self.ipc_main.handle("end", lambda event: None)

    def _port(self, event: IpcMainEvent, message: Any) -> None:
        self.ports += event.ports


def heard_by(port: MessagePortMain) -> list[Any]:
    """Start a port; return the list of what it emits from now on."""
    heard: list[Any] = []
    port.on("message", lambda event: heard.append(event.data))
    port.on("close", lambda: heard.append("close"))
    port.start()
    return heard


def sent_port(page: Renderer) -> tuple[MessagePortMain, list[Any]]:
    """Let a page send one end of a channel; return the other one, and the list of what that emits."""
    channel = MessageChannelMain()
    page.post_message("port", None, [channel.port2])
    return channel.port1, heard_by(channel.port1)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_the_fullest_of_the_ports_that_are_not_started_is_closed_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site(kept_bytes=20_000)
    async with Renderer(site.app) as page, page.open() as other:
        chatty, chatty_heard = sent_port(page)
        modest, modest_heard = sent_port(page)
        foreign, foreign_heard = sent_port(other)
        for _ in range(15):
            chatty.post_message(KILOBYTE)
            foreign.post_message(KILOBYTE)
        await asyncio.gather(page.invoke("end"), other.invoke("end"))
        assert warnings(caplog) == []
        # A message into the modest port exceeds the bound. The chatty one, which is fuller, is closed.
        for index in range(6):
            modest.post_message(f"{index}{KILOBYTE}")
        await until(lambda: chatty_heard == ["close"])
        assert (modest_heard, foreign_heard) == ([], [])
        frame = contents_of(site.ipc_main, page).main_frame
        text = (
            f"{frame!r}: a port is closed, and the messages that wait in it are dropped. The program has not started "
            "it, or reads more slowly than the page sends, and all ports of the page exceed a limit "
            "(kept_bytes: 20000, kept_messages: 100000, or what its address may hold of `memory`). Start every port "
            "that you keep, with port.start() or `async for`, and close the others."
        )
        assert warnings(caplog) == [text]
        heard = [heard_by(port) for port in site.ports]
        await until(lambda: [len(each) for each in heard] == [1, 6, 15])
        assert heard == [["close"], [f"{index}{KILOBYTE}" for index in range(6)], [KILOBYTE] * 15]
        modest.post_message("after")
        await until(lambda: heard[1][-1] == "after")


async def test_ports_of_an_address_that_holds_too_much_memory_are_closed_and_its_links_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site(memory="4MiB")
    async with Renderer(site.app) as page:
        modest, modest_heard = sent_port(page)
        modest.post_message("modest")
        chatty, chatty_heard = sent_port(page)
        for _ in range(30):
            # One address alone may hold half of the memory.
            chatty.post_message(KILOBYTE * 100)
        await until(lambda: chatty_heard == ["close"])
        await page.invoke("end")
        assert modest_heard == []
        assert page.connected
        assert site.ipc_main.stats()["memory"]["held"] < 100_000
        assert len(warnings(caplog)) == 1
        heard = heard_by(site.ports[0])
        await until(lambda: heard == ["modest"])


async def test_the_number_of_waiting_messages_is_bounded_as_well(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(kept_messages=10)
    async with Renderer(site.app) as page:
        port, heard = sent_port(page)
        for _ in range(10):
            port.post_message()
        await page.invoke("end")
        assert (heard, warnings(caplog)) == ([], [])
        port.post_message()
        await until(lambda: heard == ["close"])
        # A message that is on its way to a closed port is dropped.
        port.post_message()
        assert len(warnings(caplog)) == 1


async def test_taken_messages_and_closed_ports_make_room(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(kept_bytes=5_000)
    async with Renderer(site.app) as page:
        for round_number in range(1, 6):
            port, heard = sent_port(page)
            for _ in range(4):
                port.post_message(KILOBYTE)
            await until(lambda count=round_number: len(site.ports) == count)  # type: ignore[misc] # bound in the loop
            await page.invoke("end")
            if round_number % 2:
                here = heard_by(site.ports[-1])
                await until(lambda here=here: len(here) == 4)  # type: ignore[misc] # as above
            else:
                site.ports[-1].close()
                await until(lambda heard=heard: heard == ["close"])  # type: ignore[misc] # as above
        assert warnings(caplog) == []


async def test_a_port_that_is_started_is_not_bounded(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(kept_bytes=5_000)
    async with Renderer(site.app) as page:
        port, _ = sent_port(page)
        await until(lambda: site.ports)
        here = heard_by(site.ports[0])
        for _ in range(50):
            port.post_message(KILOBYTE)
        await until(lambda: len(here) == 50)
        assert warnings(caplog) == []


async def test_messages_behind_a_slow_async_for_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(kept_bytes=5_000)
    go_on = asyncio.Event()
    taken: list[Any] = []

    async def take(port: MessagePortMain) -> None:
        async for event in port:
            taken.append(event.data)
            await go_on.wait()

    async with Renderer(site.app) as page:
        port, heard = sent_port(page)
        await until(lambda: site.ports)
        taking = asyncio.create_task(take(site.ports[0]))
        port.post_message("first")
        await until(lambda: taken)
        for _ in range(4):
            port.post_message(KILOBYTE)
        await page.invoke("end")
        assert (taken, heard) == (["first"], [])
        port.post_message(KILOBYTE)
        await until(lambda: heard == ["close"])
        go_on.set()
        await taking
        assert taken == ["first"]
        assert len(warnings(caplog)) == 1


async def test_messages_that_have_waited_arrive_unchanged_with_their_ports() -> None:
    site = Site()
    ring: list[Any] = [1]
    ring.append(ring)
    values = [None, undefined, "é\ud800", {"a": [b"\x00\x01", 2**70]}, datetime(2026, 1, 2, tzinfo=UTC), ring]
    async with Renderer(site.app) as page:
        waits, _ = sent_port(page)
        at_once, _ = sent_port(page)
        await until(lambda: len(site.ports) == 2)
        expected = heard_by(site.ports[1])
        inner = MessageChannelMain()
        inner.port1.post_message("inside")
        for port in (waits, at_once):
            for value in values:
                port.post_message(value)
        waits.post_message("port", [inner.port2])
        waits.close()
        await until(lambda: len(expected) == len(values))
        events: list[MessageEvent] = [event async for event in site.ports[0]]
        (nested,) = events.pop().ports
        assert len(events) == len(values)
        assert all(is_same(event.data, value) for event, value in zip(events, expected, strict=True))
        heard = heard_by(nested)
        await until(lambda: heard == ["inside"])


async def test_messages_that_have_waited_are_forwarded_to_another_page() -> None:
    site = Site()
    async with Renderer(site.app) as page, page.open() as other:
        port, heard = sent_port(page)
        for index in range(3):
            port.post_message([index, bytes([index])])
        await page.invoke("end")
        contents_of(site.ipc_main, other).post_message("port", None, site.ports)
        there = (await other.arrival("port"))[0].ports[0]
        ear = heard_by(there)
        there.post_message("back")
        await until(lambda: len(ear) == 3 and heard)
        assert (ear, heard) == ([[index, bytes([index])] for index in range(3)], ["back"])


async def test_closing_a_port_for_excess_closes_the_ports_in_its_messages() -> None:
    site = Site(kept_messages=2)
    async with Renderer(site.app) as page:
        port, heard = sent_port(page)
        inner = MessageChannelMain()
        inside = heard_by(inner.port1)
        port.post_message("port", [inner.port2])
        port.post_message()
        port.post_message()
        await until(lambda: heard == inside == ["close"])


async def test_a_message_that_is_nested_too_deeply_to_wait_closes_only_its_port(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    async with Renderer(site.app) as page:
        _, heard = sent_port(page)
        deep = "[" * 1010 + "]" * 1010
        await page.invoke("end")
        connection = page._connection
        assert connection._socket is not None
        seq = connection.page.link.last + 1
        connection._socket.write(f'[{seq},0,["port",1,{deep},[]]]')
        await until(lambda: heard == ["close"])
        assert warnings(caplog)[0].startswith("A message through a port could not be queued (depth: ")


def test_the_allowance_counts_by_port_and_forgets_empty_ports() -> None:
    allowance: Allowance[str] = Allowance(Limits(kept_bytes=10, kept_messages=3))
    allowance.take("a", 4)
    allowance.take("b", 6)
    assert (allowance.is_exceeded, allowance.by_size()) == (False, ["b", "a"])
    allowance.take("a", 1)
    assert (allowance.is_exceeded, allowance.by_size()) == (True, ["b", "a"])
    allowance.give_back("b", 6)
    assert (allowance.is_exceeded, allowance.by_size()) == (False, ["a"])
    allowance.take("c", 0)
    assert not allowance.is_exceeded
    allowance.take("c", 0)
    assert allowance.is_exceeded
