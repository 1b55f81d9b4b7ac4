"""What calls hold while they wait: charged with the first of a frame that waits, given back with the last."""

import asyncio
import json
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.support.hubs import NOBODY, MakeHub, connect, sweep
from tests.support.waiting import until
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.frame import EncodedMessage, binary_form, decode_frame, encode_frame, sized
from webipc.core.link.parcel import cut
from webipc.dispatch.batch import CALL_BYTES
from webipc.endpoints.unpack import dispatched, unpack
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.holdings import FIRST_WAITING, LINK_BYTES


class Calls:
    """Handlers that wait until the test lets them return."""

    def __init__(self) -> None:
        self.ipc_main = IpcMainImpl()
        self.begun = 0
        self.end = asyncio.Event()
        self.end_thread = threading.Event()
        self.ipc_main.handle("quick", self.quick)
        self.ipc_main.handle("wait", self.wait)
        self.ipc_main.handle("thread", self.thread)
        self.ipc_main.handle("plain", self.plain)
        self.ipc_main.on("listen", self.wait)

    async def quick(self, event: object, value: Any) -> None:
        self.begun += 1

    async def wait(self, event: object, value: Any) -> None:
        self.begun += 1
        await self.end.wait()

    def plain(self, event: object, value: Any) -> Coroutine[Any, Any, None]:
        return self.wait(event, value)

    def thread(self, event: object, value: Any) -> None:
        self.begun += 1
        self.end_thread.wait(20)


@pytest.fixture
async def calls() -> Calls:
    return Calls()


@pytest.fixture
async def hub(make_hub: MakeHub, calls: Calls) -> Hub:
    return make_hub(ipc_main=calls.ipc_main)


@pytest.fixture
async def page(hub: Hub) -> Connection:
    return connect(hub, "203.0.113.1")


def arrive(page: Connection, *messages: list[Any]) -> int:
    """Receive a frame of messages; return its size."""
    frame = decode_frame(json.dumps([page.link.received + 1, page.link.last, *messages]))
    page.receive(frame, 1, NOBODY)
    page.jobs.start()
    return frame.size


def held(page: Connection) -> int:
    """Return what the calls of a page hold, and check that no less is charged."""
    holdings = page.holdings
    charged = holdings.purse.lasting + (0 if holdings.purse.is_closed else FIRST_WAITING)
    assert holdings.waiting <= charged
    return holdings.waiting


async def test_a_call_that_does_not_wait_costs_nothing(hub: Hub, page: Connection, calls: Calls) -> None:
    taken = 0
    take = page.holdings.purse.__class__.take

    def counted(*args: Any, **named: Any) -> bool:
        nonlocal taken
        taken += 1
        return take(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.holdings.purse.__class__, "take", counted)
        arrive(page, *(["invoke", number, "quick", [number]] for number in range(1, 21, 2)))
        await until(lambda: calls.begun == 10)
    assert taken == 0


@pytest.mark.parametrize("channel", ["wait", "plain"])
async def test_the_values_of_a_frame_are_charged_once_and_given_back_with_its_last_call(
    hub: Hub, page: Connection, calls: Calls, channel: str
) -> None:
    size = arrive(page, ["invoke", 1, channel, ["x"]], ["invoke", 3, "thread", ["x"]], ["invoke", 5, "quick", ["x"]])
    await until(lambda: calls.begun == 3)
    await asyncio.sleep(0)
    assert held(page) == 3 * CALL_BYTES + 32 * size
    calls.end.set()
    await until(lambda: len(page.answers) == 1)
    assert held(page) == 3 * CALL_BYTES + 32 * size
    calls.end_thread.set()
    await until(lambda: len(page.answers) == 0)
    assert held(page) == 0


async def test_listeners_that_wait_are_charged_as_handlers_are(hub: Hub, page: Connection, calls: Calls) -> None:
    size = arrive(page, ["send", "listen", ["x"]])
    await until(lambda: held(page) == CALL_BYTES + 32 * size)
    calls.end.set()
    await until(lambda: held(page) == 0)


async def test_a_large_text_is_estimated_by_what_makes_objects(hub: Hub, page: Connection, calls: Calls) -> None:
    arrive(page, ["invoke", 1, "wait", [[[]] * 20_000]])
    await until(lambda: calls.begun == 1)
    assert 20_000 * 56 < held(page) < 6 * 20_000 * 88
    calls.end.set()
    await until(lambda: held(page) == 0)


async def test_segments_count_as_their_bytes(hub: Hub, page: Connection, calls: Calls) -> None:
    message = sized(b'["invoke",1,"wait",[null],[["b",[0],0]]]', [bytes(500_000)])
    page.receive(decode_frame(binary_form(encode_frame(1, 0, [message]))), 1, NOBODY)
    page.jobs.start()
    await until(lambda: calls.begun == 1)
    assert 500_000 < held(page) < 510_000
    calls.end.set()
    await until(lambda: held(page) == 0)


@pytest.mark.parametrize(
    "message",
    [
        sized(b'["invoke",1,"wait",["%b"]]' % (b"x" * 3_000_000), ()),
        sized(b'["invoke",1,"wait",[null],[["b",[0],0]]]', [bytes(3_000_000)]),
    ],
    ids=["text", "segment"],
)
async def test_a_message_in_parts_counts_as_a_whole(
    hub: Hub, page: Connection, calls: Calls, message: EncodedMessage
) -> None:
    for part in cut(message, hub.limits, hub.limits.part_bytes):
        rest = page.receive(decode_frame(encode_frame(page.link.received + 1, 0, [part])), 1, NOBODY)
        if rest:
            await dispatched(unpack(hub, page, rest, NOBODY, lambda error: None))
    page.jobs.start()
    await until(lambda: calls.begun == 1)
    assert 3_000_000 < held(page) < 3_010_000
    assert (page.link.whole, page.holdings.data) == (None, "")
    calls.end.set()
    await until(lambda: held(page) == 0)


async def test_room_that_is_not_used_is_sold_back(hub: Hub, page: Connection, calls: Calls) -> None:
    arrive(page, ["invoke", 1, "wait", ["x" * 100_000]])
    await until(lambda: calls.begun == 1)
    assert LINK_BYTES + 100_000 < hub.account.held < LINK_BYTES + 200_000
    calls.end.set()
    await until(lambda: held(page) == 0)
    sweep(hub)
    assert hub.account.held == LINK_BYTES


async def test_calls_that_outlive_their_link_stay_charged_until_they_return(
    hub: Hub, page: Connection, calls: Calls
) -> None:
    size = arrive(page, ["invoke", 1, "wait", ["x"]])
    await until(lambda: calls.begun == 1)
    hub.end(page, "ended")
    assert hub.account.held == CALL_BYTES + 32 * size
    calls.end.set()
    await until(lambda: hub.account.held == 0)


async def test_a_link_whose_waiting_values_exceed_what_it_may_keep_is_refused_more(
    make_hub: MakeHub, calls: Calls
) -> None:
    page = connect(make_hub(ipc_main=calls.ipc_main, kept_bytes=100_000), "203.0.113.1")
    for number in (1, 3, 5):
        arrive(page, ["invoke", number, "wait", ["x" * 1_000]])
    await until(lambda: calls.begun == 3)
    with pytest.raises(ProtocolError) as refused:
        arrive(page, ["invoke", 7, "wait", ["x"]])
    assert refused.value.close_code == CloseCode.TOO_LARGE
    calls.end.set()
    await until(lambda: not page.holdings.waiting)
