"""Ports between two ends of one program: Electron's MessageChannelMain where no page is involved."""

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.support.waiting import PATIENCE, settled, until
from webipc import CloneError, JSMap, LimitError, MessageChannelMain, MessageEvent, MessagePortMain, undefined
from webipc.concurrency.loops import home_loop
from webipc.electron.message_port_main import TransferError, TransferTypeError


class Ear:
    """Keeps what a port emits."""

    def __init__(self, port: MessagePortMain, *, start: bool = True) -> None:
        self.heard: list[Any] = []
        self.events: list[MessageEvent] = []
        self.threads: set[int] = set()
        port.on("message", self._came)
        port.on("close", lambda: self.heard.append("close"))
        if start:
            port.start()

    def _came(self, event: MessageEvent) -> None:
        self.events.append(event)
        self.heard.append(event.data)
        self.threads.add(threading.get_ident())


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


# --- messages -------------------------------------------------------------------------------------------------------


async def test_a_message_to_one_end_arrives_at_the_other() -> None:
    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    channel.port2.post_message("hello")
    channel.port2.post_message({"map": JSMap([(1, b"\x02")])})
    assert ear.heard == [], "never in the call itself"
    await settled()
    assert ear.heard == ["hello", {"map": JSMap([(1, b"\x02")])}]
    assert ear.events[0] == MessageEvent("hello", [])


@pytest.mark.parametrize("args", [(), (undefined,), (42,), (False,), ([],), ("hello",), ({"hello": "goodbye"},)])
async def test_any_value_is_a_message_and_so_is_no_argument(args: tuple[Any, ...]) -> None:
    """Electron: should not throw when supported values are passed as message."""
    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    channel.port2.post_message(*args)
    await settled()
    assert ear.heard == [args[0] if args else undefined]


async def test_messages_wait_for_start_and_a_listener_starts_nothing() -> None:
    channel = MessageChannelMain()
    channel.port2.post_message(1)
    ear = Ear(channel.port1, start=False)
    channel.port2.post_message(2)
    await settled()
    assert ear.heard == []
    channel.port1.start()
    channel.port1.start()
    await settled()
    assert ear.heard == [1, 2]


async def test_ten_messages_and_a_close_arrive_in_order_each_once() -> None:
    channel = MessageChannelMain()
    for index in range(10):
        channel.port2.post_message(index)
    channel.port2.close()
    ear = Ear(channel.port1)
    await settled()
    assert ear.heard == [*range(10), "close"]


async def test_a_message_is_encoded_when_it_is_posted() -> None:
    channel = MessageChannelMain()
    ear = Ear(channel.port1)
    value = {"n": [1]}
    channel.port2.post_message(value)
    value["n"].append(2)
    await settled()
    assert ear.heard == [{"n": [1]}]


async def test_a_value_that_cannot_be_cloned_leaves_the_port_open() -> None:
    channel, other = MessageChannelMain(), MessageChannelMain()
    ear = Ear(channel.port1)
    with pytest.raises(CloneError, match=r"^An object could not be cloned\. message\.f: "):
        channel.port2.post_message({"f": print}, [other.port1])
    channel.port2.post_message("next", [other.port1])
    await settled()
    assert ear.heard == ["next"]
    assert len(ear.events[0].ports) == 1


async def test_a_message_that_is_too_large_is_refused_at_the_call() -> None:
    channel = MessageChannelMain()
    with pytest.raises(LimitError, match="message_bytes"):
        channel.port2.post_message(bytes(33_554_433))


async def test_an_exception_of_a_listener_is_logged_and_the_next_message_is_delivered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = MessageChannelMain()
    heard: list[int] = []

    @channel.port1.on("message")
    def came(event: MessageEvent) -> None:
        heard.append(event.data)
        raise ValueError("no such message")

    channel.port1.start()
    channel.port2.post_message(1)
    channel.port2.post_message(2)
    await settled()
    assert heard == [1, 2]
    (record, _) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "A listener for 'message' of <MessagePortMain open> raised"


async def test_two_ports_that_answer_each_other_endlessly_do_not_block_the_loop() -> None:
    channel = MessageChannelMain()
    channel.port1.on("message", lambda event: channel.port2.post_message(event.data + 1))
    channel.port2.on("message", lambda event: channel.port2.post_message(event.data))
    # To itself, through the other end: an endless conversation.
    channel.port1.on("message", lambda event: channel.port1.post_message(event.data))
    channel.port1.start()
    channel.port2.start()
    channel.port2.post_message(0)
    await settled()
    channel.port1.close()


# --- transfer -------------------------------------------------------------------------------------------------------


async def test_a_transferred_port_gets_messages_posted_before_and_after_the_transfer() -> None:
    """Electron: can be passed over another channel."""
    outer, inner = MessageChannelMain(), MessageChannelMain()
    inner.port2.post_message("before")
    outer.port1.post_message(None, [inner.port1])
    inner.port2.post_message("after")
    ear = Ear(outer.port2)
    await settled()
    (port,) = ear.events[0].ports
    came = Ear(port)
    await settled()
    assert came.heard == ["before", "after"]
    port.post_message("back")
    back = Ear(inner.port2)
    await settled()
    assert back.heard == ["back"]


async def test_each_of_several_nested_ports_keeps_its_order() -> None:
    channels = [MessageChannelMain() for _ in range(5)]
    for outer, inner in pairwise(channels):
        outer.port1.post_message("next", [inner.port2])
    channels[-1].port1.post_message("matryoshka")
    port = channels[0].port2
    heard: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while heard[-1:] != ["matryoshka"]:
            async for event in port:
                heard.append(event.data)
                port = event.ports[0] if event.ports else port
                break
    assert heard == [*["next"] * 4, "matryoshka"]


async def test_a_started_port_emits_nothing_more_once_it_is_transferred() -> None:
    channel, carrier = MessageChannelMain(), MessageChannelMain()
    ear, arrived = Ear(channel.port1), Ear(carrier.port2)
    channel.port2.post_message("first")
    await settled()
    channel.port2.post_message("second")
    carrier.port1.post_message(None, [channel.port1])
    channel.port2.post_message("third")
    await settled()
    there = Ear(arrived.events[0].ports[0])
    await settled()
    assert (ear.heard, there.heard) == (["first"], ["second", "third"])
    assert repr(channel.port1) == "<MessagePortMain sent away>"
    for action in (channel.port1.start, channel.port1.close, channel.port1.post_message):
        action()
    channel.port2.post_message("fourth")
    await settled()
    assert there.heard[-1] == "fourth"


async def test_messages_behind_the_one_whose_listener_transfers_the_port_go_with_the_port() -> None:
    channel, carrier = MessageChannelMain(), MessageChannelMain()
    arrived = Ear(carrier.port2)
    heard: list[Any] = []

    @channel.port1.on("message")
    def came(event: MessageEvent) -> None:
        heard.append(event.data)
        carrier.port1.post_message(None, [channel.port1])

    channel.port1.start()
    for index in range(3):
        channel.port2.post_message(index)
    await settled()
    there = Ear(arrived.events[0].ports[0])
    await settled()
    assert (heard, there.heard) == ([0], [1, 2])


@pytest.mark.parametrize("wrong", [b"", "1", 5, None, {}])
async def test_an_entry_that_is_no_port_is_refused(wrong: Any) -> None:
    """Electron: throws an error when an invalid parameter is sent to postMessage; throws when passing null ports."""
    with pytest.raises(TransferTypeError, match=r"^Port at index 0 is not a valid port$"):
        MessageChannelMain().port1.post_message("hello", [wrong])


@pytest.mark.parametrize("wrong", [None, undefined, "ports", 5, {}])
async def test_an_argument_that_is_no_list_of_ports_is_refused(wrong: Any) -> None:
    with pytest.raises(TransferTypeError, match=r"^transferables must be an array of MessagePorts$"):
        MessageChannelMain().port1.post_message("hello", wrong)


async def test_a_port_cannot_be_transferred_through_itself() -> None:
    """Electron: throws when postMessage transferables contains the source port."""
    channel, other = MessageChannelMain(), MessageChannelMain()
    with pytest.raises(TransferError, match=r"^Port at index 1 contains the source port\.$"):
        channel.port1.post_message(None, [other.port1, channel.port1])


async def test_a_port_that_is_listed_twice_is_refused_and_stays_usable() -> None:
    """Electron: throws when passing duplicate ports."""
    channel, other = MessageChannelMain(), MessageChannelMain()
    with pytest.raises(TransferError, match=r"^Port at index 1 is a duplicate\.$"):
        channel.port1.post_message(None, [other.port1, other.port1])
    channel.port1.post_message(None, [other.port1])


async def test_a_port_that_was_sent_already_is_refused() -> None:
    """Electron: throws when passing ports that have already been neutered."""
    channel, other = MessageChannelMain(), MessageChannelMain()
    channel.port1.post_message(None, [other.port1])
    with pytest.raises(TransferError, match=r"^Port at index 0 is already neutered\.$"):
        channel.port1.post_message(None, [other.port1])


async def test_a_closed_port_can_be_transferred_and_arrives_closed() -> None:
    channel, dead = MessageChannelMain(), MessageChannelMain()
    dead.port1.close()
    ear = Ear(channel.port2)
    channel.port1.post_message(None, [dead.port1])
    await settled()
    (port,) = ear.events[0].ports
    port.post_message("into nothing")
    heard = Ear(port)
    await settled()
    assert heard.heard == []


# --- close ----------------------------------------------------------------------------------------------------------


async def test_close_is_emitted_once_here_at_once_and_at_the_other_end_later() -> None:
    channel = MessageChannelMain()
    here, there = Ear(channel.port1), Ear(channel.port2)
    channel.port1.close()
    channel.port1.close()
    assert (here.heard, there.heard) == (["close"], [])
    await settled()
    channel.port2.close()
    await settled()
    assert (here.heard, there.heard) == (["close"], ["close"])
    assert repr(channel.port2) == "<MessagePortMain closed>"


async def test_posting_on_a_closed_port_does_nothing() -> None:
    """Electron: can send messages to a closed port; can send messages to a port whose remote end is closed."""
    for closing, posting in (("port1", "port1"), ("port1", "port2")):
        channel = MessageChannelMain()
        ears = [Ear(channel.port1), Ear(channel.port2)]
        getattr(channel, closing).close()
        # Neither the message nor the list is checked any more.
        getattr(channel, posting).post_message(print, "no list")
        await settled()
        assert [ear.heard for ear in ears] == [["close"], ["close"]]


async def test_closing_a_port_drops_its_queued_messages_and_closes_their_ports() -> None:
    channel, inner = MessageChannelMain(), MessageChannelMain()
    other_end = Ear(inner.port2)
    channel.port2.post_message(None, [inner.port1])
    channel.port1.close()
    await settled()
    assert other_end.heard == ["close"]


async def test_a_port_that_was_never_started_does_not_notice_the_close_of_its_peer() -> None:
    channel = MessageChannelMain()
    ear = Ear(channel.port1, start=False)
    channel.port2.close()
    await settled()
    assert ear.heard == []
    channel.port1.start()
    await settled()
    assert ear.heard == ["close"]


async def test_a_message_to_a_closed_channel_closes_the_ports_in_it() -> None:
    channel, inner = MessageChannelMain(), MessageChannelMain()
    ear = Ear(inner.port2)
    carrier = MessageChannelMain()
    carrier.port1.post_message(None, [inner.port1])
    channel.port1.close()
    carrier.port2.close()
    await settled()
    assert ear.heard == ["close"]


# --- garbage collection ---------------------------------------------------------------------------------------------


async def test_a_started_port_is_not_collected_while_it_could_still_receive_messages() -> None:
    """Electron: is not collected while it could still receive messages."""
    heard: list[Any] = []

    def listening() -> MessagePortMain:
        channel = MessageChannelMain()
        channel.port2.on("message", lambda event: heard.append(event.data))
        channel.port2.start()
        return channel.port1

    port = listening()
    gc.collect()
    port.post_message("hello")
    await settled()
    assert heard == ["hello"]


async def test_an_unstarted_port_is_closed_when_it_is_collected() -> None:
    channel = MessageChannelMain()
    port, ear = channel.port1, Ear(channel.port1)
    del channel
    gc.collect()
    await until(lambda: ear.heard)
    assert (ear.heard, repr(port)) == (["close"], "<MessagePortMain closed>")


@pytest.mark.parametrize("closing", ["port1", "port2"])
async def test_a_started_port_is_collected_once_its_channel_is_closed(closing: str) -> None:
    channel = MessageChannelMain()
    Ear(channel.port1)
    ends = [weakref.ref(channel.port1), weakref.ref(channel.port2)]
    getattr(channel, closing).close()
    await settled()
    del channel
    gc.collect()
    assert [end() for end in ends] == [None, None]


# --- async for ------------------------------------------------------------------------------------------------------


async def test_a_port_can_be_iterated_over_until_it_is_closed() -> None:
    channel = MessageChannelMain()
    for index in range(3):
        channel.port2.post_message(index)
    channel.port2.close()
    assert [event.data async for event in channel.port1] == [0, 1, 2]
    assert [event.data async for event in channel.port1] == []
    assert channel.port1.event_names() == []


async def test_the_iteration_ends_when_the_port_itself_is_closed() -> None:
    channel = MessageChannelMain()
    channel.port2.post_message("only")
    heard = []
    async for event in channel.port1:
        heard.append(event.data)
        channel.port1.close()
    assert heard == ["only"]


async def test_the_iteration_ends_when_the_port_is_transferred_and_the_rest_goes_with_it() -> None:
    channel, carrier = MessageChannelMain(), MessageChannelMain()
    heard: list[Any] = []

    async def iterate() -> None:
        async for event in channel.port1:
            heard.extend([event.data])

    iterating = asyncio.create_task(iterate())
    channel.port2.post_message("here")
    await until(lambda: heard)
    await asyncio.to_thread(carrier.port1.post_message, None, [channel.port1])
    channel.port2.post_message("there")
    async with asyncio.timeout(PATIENCE):
        await iterating
        (port,) = (await anext(aiter(carrier.port2))).ports
        assert (await anext(aiter(port))).data == "there"
    assert heard == ["here"]


# --- threads --------------------------------------------------------------------------------------------------------


async def test_a_thread_may_post_and_close_and_listeners_run_in_the_loop() -> None:
    channel = MessageChannelMain()
    here, there = Ear(channel.port1), Ear(channel.port2)

    def talk() -> None:
        for index in range(100):
            channel.port2.post_message(index)
        channel.port2.close()

    await asyncio.to_thread(talk)
    await until(lambda: here.heard[-1:] == ["close"] == there.heard)
    assert here.heard == [*range(100), "close"]
    assert here.threads == {threading.get_ident()}


async def test_a_thread_may_start_a_port_that_the_loop_has_made() -> None:
    channel = MessageChannelMain()
    channel.port2.post_message("hello")
    ear = Ear(channel.port1, start=False)
    in_thread(channel.port1.start)
    await until(lambda: ear.heard)
    assert ear.threads == {threading.get_ident()}


async def test_a_channel_of_a_worker_thread_emits_in_the_loop_that_the_thread_works_for() -> None:
    ears: list[Ear] = []

    def work() -> None:
        channel = MessageChannelMain()
        channel.port2.post_message("hello")
        ears.append(Ear(channel.port1))

    token = home_loop.set(asyncio.get_running_loop())
    try:
        await asyncio.to_thread(work)
    finally:
        home_loop.reset(token)
    await until(lambda: ears[0].heard)
    assert ears[0].threads == {threading.get_ident()}


async def test_a_channel_of_a_thread_without_a_loop_emits_once_it_is_used_in_one() -> None:
    ears: list[Ear] = []
    channels: list[MessageChannelMain] = []

    def work() -> None:
        channels.append(MessageChannelMain())
        channels[0].port2.post_message("early")
        ears.append(Ear(channels[0].port1))

    in_thread(work)
    await settled()
    assert ears[0].heard == []
    channels[0].port2.post_message("late")
    await until(lambda: ears[0].heard == ["early", "late"])


async def test_messages_of_several_threads_keep_the_order_of_each_thread() -> None:
    channel = MessageChannelMain()
    ear = Ear(channel.port1)

    def talk(name: int) -> None:
        for index in range(500):
            channel.port2.post_message([name, index])

    await asyncio.gather(*[asyncio.to_thread(talk, name) for name in range(4)])
    await until(lambda: len(ear.heard) == 2000)
    for name in range(4):
        assert [index for who, index in ear.heard if who == name] == list(range(500))


async def test_a_port_that_is_transferred_repeatedly_loses_no_message_of_another_thread() -> None:
    channel, carrier = MessageChannelMain(), MessageChannelMain()
    heard: list[int] = []
    stop = threading.Event()

    def say() -> None:
        for index in range(1000):
            channel.port2.post_message(index)
        stop.set()

    @carrier.port2.on("message")
    def came(event: MessageEvent) -> None:
        (port,) = event.ports
        port.on("message", lambda event: heard.append(event.data))
        port.start()
        if not stop.is_set():
            asyncio.get_running_loop().call_soon(carrier.port1.post_message, None, [port])

    carrier.port2.start()
    carrier.port1.post_message(None, [channel.port1])
    await asyncio.to_thread(say)
    await until(lambda: len(heard) == 1000)
    assert heard == list(range(1000))


async def test_close_in_a_thread_while_the_loop_takes_messages_raises_nothing() -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    for _ in range(50):
        channel = MessageChannelMain()
        ear = Ear(channel.port1)
        for index in range(20):
            channel.port2.post_message(index)
        await asyncio.to_thread(channel.port1.close)
        await until(lambda ear=ear: ear.heard[-1:] == ["close"])  # type: ignore[misc] # bound in the loop
    assert problems == []
