"""What is large and comes through a port is not parsed, decoded or written in the event loop, wherever it goes.

The helper thread is held up by a function that waits for the test, so that everything else can be seen meanwhile.
"""

import datetime as dt
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import webipc.core.clone
import webipc.core.envelope
import webipc.core.frame.json_text
import webipc.core.link.written
import webipc.dispatch.dispatcher
import webipc.link.decoding
import webipc.link.features
import webipc.ports.link_ports
import webipc.ports.value
from tests.support.held_up import LIMITS, Site, page_of, waits
from tests.support.posting_page import PostingPage
from tests.support.waiting import settled, until
from webipc import MessageEvent, MessagePortMain
from webipc.core.frame import encode_message
from webipc.core.frame.json_text import dump, load
from webipc.core.link.large import LARGE_TEXT
from webipc.core.link.steps import MANY_FIXUPS
from webipc.link.connection import Connection

TEXT = "x" * 300_000
DATE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

LARGE: dict[str, Any] = {
    "frame": [TEXT, DATE],
    "parcel": [TEXT * 3, DATE],
    "parcel of numbers": list(range(200_000)),
    "fixups": [DATE] * (MANY_FIXUPS + 1),
}


class Work(NamedTuple):
    """Something that takes long: what, how much, and whether in the event loop."""

    what: str
    size: int
    in_loop: bool


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    made.end()
    if made.ipc_main._provider.hub is not None:
        await made.ipc_main._provider.end()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Everything that is parsed, decoded and written from now on."""
    done: list[Work] = []
    here = threading.get_ident()

    def note(what: str, size: int) -> None:
        done.append(Work(what, size, threading.get_ident() == here))

    def counted_load(data: Any) -> Any:
        note("load", len(data))
        return load(data)

    def counted_decode(skeleton: Any, fixups: Any, *rest: Any) -> Any:
        note("decode", len(fixups))
        return webipc.core.clone.decode(skeleton, fixups, *rest)

    def counted_encode(fields: Any, value: Any = None, *rest: Any) -> Any:
        # The bytes that are written. A fragment is only copied.
        note("write", 0 if value is None else size_of(value.skeleton) + size_of(value.fixups))
        return encode_message(fields, value, *rest)

    monkeypatch.setattr(webipc.link.features, "load_any_array", counted_load)
    monkeypatch.setattr(webipc.ports.value, "load_array", counted_load)
    monkeypatch.setattr(webipc.core.frame.json_text, "load", counted_load)
    monkeypatch.setattr(webipc.core.link.written, "load", counted_load)
    monkeypatch.setattr(webipc.core.envelope, "decode", counted_decode)
    monkeypatch.setattr(webipc.core.link.written, "decode", counted_decode)
    monkeypatch.setattr(webipc.ports.link_ports, "encode_message", counted_encode)
    monkeypatch.setattr(webipc.dispatch.dispatcher, "encode_message", counted_encode)
    return done


def size_of(part: Any) -> int:
    return len(dump(part)) if isinstance(part, list | dict | tuple | str) else 0


def in_loop(work: list[Work], what: str) -> int:
    """Return the most that was done of this in the event loop, at once."""
    return max([each.size for each in work if each.in_loop and each.what == what], default=0)


def is_short(work: list[Work]) -> bool:
    """Tell whether nothing of it has kept the event loop for long."""
    most = max(in_loop(work, "load"), in_loop(work, "write"))
    return most <= LARGE_TEXT and in_loop(work, "decode") <= MANY_FIXUPS


async def port_of(site: Site, page: PostingPage) -> MessagePortMain:
    """Have a page send a port; return the server's end."""
    ports: list[MessagePortMain] = []
    site.ipc_main.once("port", lambda event, message: ports.extend(event.ports))
    page.post_ported("post", "port", value=None, ports=[1])
    page.flush()
    await until(lambda: ports)
    return ports[0]


def listen(port: MessagePortMain) -> list[Any]:
    """Return what a port emits from now on; it is not started by that."""
    heard: list[Any] = []
    port.on("message", lambda event: heard.append(event.data))
    port.on("close", lambda: heard.append("close"))
    return heard


def post(page: PostingPage, *values: Any) -> None:
    for value in values:
        page.post_ported("port", 1, value=value)
    page.flush()


def connection_of(site: Site, link: str = "a" * 32) -> Connection:
    found = site.hub._links.get(link)
    assert found is not None
    return found


async def unread(site: Site) -> tuple[PostingPage, list[Any]]:
    """Return another page, and the frames that come to it. It does not decode them: that would be work as well."""
    other = PostingPage(site.app, LIMITS, "c" * 32)
    other.features = ["ports"]
    await other.connect()
    frames: list[Any] = []

    def take(_: object, data: str | bytes) -> None:
        frames.append(data)
        text = data if isinstance(data, str) else data[4:64].decode()
        # Without an acknowledgement the server holds back what is large.
        other.write(f"[{other.link.last + 1},{text[1 : text.index(',')]}]")

    other.take = take  # type: ignore[method-assign,assignment]
    return other, frames


# --- to this program --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LARGE)
async def test_what_a_started_port_gets_is_decoded_in_the_helper_thread(
    site: Site, kind: str, work: list[Work]
) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    port.start()
    await settled()
    work.clear()
    post(page, 1, LARGE[kind], 2)
    await until(lambda: len(heard) == 3)
    assert heard == [1, LARGE[kind], 2]
    assert is_short(work)
    assert [each for each in work if not each.in_loop]


@pytest.mark.parametrize("kind", LARGE)
async def test_what_was_kept_is_decoded_in_the_helper_thread_when_its_port_is_started(
    site: Site, kind: str, work: list[Work]
) -> None:
    page, other = await page_of(site), await page_of(site, "c" * 32)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, 1, LARGE[kind], 2, LARGE[kind], 3)
    connection = connection_of(site)
    await until(lambda: connection.link.received == page.link.last and connection.unpacking is None)
    assert connection.ports.waiting_bytes > 0
    gate = site.hold_up()
    port.start()
    await until(waits(site))
    # The event loop, other pages and other messages of this one go on; nothing overtakes within the port.
    other.post("invoke", 1, "echo", value=["served"])
    other.flush()
    page.post("send", "say", value=["served"])
    page.flush()
    await until(lambda: other.results and site.said)
    assert heard == [1]
    gate.set()
    await until(lambda: len(heard) == 5)
    assert heard == [1, LARGE[kind], 2, LARGE[kind], 3]
    assert is_short(work)
    assert connection.ports.waiting_bytes == 0


async def test_an_iteration_gets_what_is_large_in_its_place(site: Site, work: list[Work]) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    values = [1, *LARGE.values(), 2]
    post(page, *values)
    got: list[Any] = []
    async for event in port:
        got.append(event.data)
        if len(got) == len(values):
            break
    assert got == values
    assert is_short(work)


async def test_what_arrives_while_a_port_decodes_is_counted_and_bounded(site: Site) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, LARGE["fixups"])
    connection = connection_of(site)
    await until(lambda: connection.ports.waiting_bytes)
    gate = site.hold_up()
    port.start()
    await until(waits(site))
    before = connection.ports.waiting_bytes
    post(page, "x" * 100_000)
    await until(lambda: connection.ports.waiting_bytes > before + 100_000)
    assert connection.ports.close_fullest(1) == 1
    await until(lambda: heard == ["close"])
    gate.set()
    await settled()
    assert (heard, connection.ports.waiting_bytes) == (["close"], 0)


@pytest.mark.parametrize("kind", LARGE)
async def test_a_port_that_is_started_while_its_message_is_parsed_gets_it_all_the_same(
    site: Site, kind: str, work: list[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    port.start()
    await settled()
    hub, gates = site.hub, []

    def has_consumer(connection: Connection, port_id: int) -> bool:
        # In the helper thread, before it was started.
        hub.loop.call_soon_threadsafe(lambda: gates.append(site.hold_up()))
        return False

    monkeypatch.setattr(Connection, "has_consumer", has_consumer)
    post(page, LARGE[kind])
    ports = connection_of(site).ports
    await until(lambda: gates and ports.waiting_bytes)
    post(page, 2)
    await settled()
    assert heard == []
    gates[0].set()
    await until(lambda: len(heard) == 2)
    assert heard == [LARGE[kind], 2]
    assert is_short(work)
    assert ports.waiting_bytes == 0


async def test_a_value_that_is_not_needed_any_more_is_freed_in_the_helper_thread(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[int] = []
    real = webipc.link.decoding.free_in_helper

    def noted(around: Any, holdings: Any, values: list[Any]) -> None:
        freed.append(len(values))
        real(around, holdings, values)

    monkeypatch.setattr(webipc.link.decoding, "free_in_helper", noted)
    page = await page_of(site)
    port = await port_of(site, page)
    post(page, LARGE["fixups"])
    connection = connection_of(site)
    await until(lambda: connection.ports.waiting_bytes)
    gate = site.hold_up()
    port.start()
    await until(waits(site))
    port.close()
    gate.set()
    await until(lambda: freed)


async def test_a_port_that_is_transferred_while_it_decodes_takes_the_message_along(
    site: Site, work: list[Work]
) -> None:
    page = await page_of(site)
    _, frames = await unread(site)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, LARGE["parcel of numbers"], 2)
    connection = connection_of(site)
    await until(lambda: connection.ports.waiting_bytes > 1_000_000)
    gate = site.hold_up()
    port.start()
    await until(waits(site))
    connection_of(site, "c" * 32).document.frame.post_message("port", None, [port])
    gate.set()
    await until(lambda: sum(map(len, frames)) > 1_000_000)
    await settled()
    assert heard == []
    assert in_loop(work, "write") <= LARGE_TEXT


async def test_what_was_kept_can_be_taken_when_its_link_has_ended(site: Site) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, LARGE["parcel"])
    connection = connection_of(site)
    await until(lambda: connection.ports.waiting_bytes)
    connection.reset("ended")
    port.start()
    await until(lambda: len(heard) == 2)
    assert heard == [LARGE["parcel"], "close"]
    await until(lambda: site.hub.account.held == 0)


async def test_what_was_kept_can_be_taken_when_the_server_has_stopped(site: Site) -> None:
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, LARGE["parcel"], LARGE["fixups"])
    connection = connection_of(site)
    await until(lambda: connection.link.received == page.link.last and connection.unpacking is None)
    await site.hub.stop()
    port.start()
    await until(lambda: len(heard) == 3)
    assert heard == [LARGE["parcel"], LARGE["fixups"], "close"]


async def test_what_there_is_no_memory_for_arrives_as_none_with_a_line_in_the_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webipc.link.decoding, "ROOM_SECONDS", 0.1)
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    post(page, LARGE["parcel of numbers"], 2)
    connection = connection_of(site)
    await until(lambda: connection.link.received == page.link.last and connection.unpacking is None)
    share = site.hub.account.share
    share.capacity = share.held + 10_000_000
    other = site.hub.account.purse("another", connection.holdings)
    other.take(share.capacity - share.held - 1_000_000, lasting=True)
    port.start()
    await until(lambda: len(heard) == 2)
    assert heard == [None, 2]
    assert "no memory for a message of about" in caplog.text
    assert not connection.ended
    other.give(other.held, lasting=True)


async def test_a_large_value_that_is_none_arrives_as_none_and_ends_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "webipc")
    page = await page_of(site)
    port = await port_of(site, page)
    heard = listen(port)
    deep: Any = 0
    for _ in range(700):
        deep = [deep]
    for is_started in (False, True):
        if is_started:
            port.start()
            await until(lambda: len(heard) == 3)
        page.link.post(encode_message(["port", 1], wrong([TEXT], [["d", [7]]]), None, [[]]))
        page.link.post(encode_message(["port", 1], wrong([TEXT, deep], [["u", [0]]]), None, [[]]))
        post(page, 1)
    await until(lambda: len(heard) == 6)
    assert heard == [None, None, 1] * 2
    assert "cannot be decoded" in caplog.text
    assert page.closes == []


def wrong(skeleton: Any, fixups: Any) -> Any:
    return webipc.core.clone.Cloned(skeleton, fixups, [])


# --- to another page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("was_kept", [False, True])
async def test_what_is_forwarded_is_copied_in_the_event_loop_and_not_written(
    site: Site, kind: str, was_kept: bool, work: list[Work]
) -> None:
    page = await page_of(site)
    _, frames = await unread(site)
    port = await port_of(site, page)
    target = connection_of(site, "c" * 32).document.frame
    connection = connection_of(site)
    if not was_kept:
        target.post_message("port", None, [port])
    work.clear()
    post(page, 1, LARGE[kind], 2)
    await until(lambda: connection.link.received == page.link.last and connection.unpacking is None)
    if was_kept:
        assert connection.ports.waiting_bytes > 0
        target.post_message("port", None, [port])
    size = len(dump(webipc.core.clone.encode(LARGE[kind]).skeleton))
    await until(lambda: sum(map(len, frames)) > size)
    assert is_short(work)
    assert max(each.size for each in work if each.what == "write") <= 100


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("channel", ["news", "\ud800"])
async def test_what_is_sent_to_another_page_is_copied_in_the_event_loop_and_not_written(
    site: Site, kind: str, channel: str, work: list[Work]
) -> None:
    page = await page_of(site)
    await port_of(site, page)
    _, frames = await unread(site)
    (_, contents) = site.ipc_main.get_all_web_contents()
    work.clear()
    page.post("send-to", contents.id, channel, value=[LARGE[kind]])
    page.flush()
    size = len(dump(webipc.core.clone.encode(LARGE[kind]).skeleton))
    await until(lambda: sum(map(len, frames)) > size)
    assert is_short(work)
    if kind != "fixups":
        # A frame without a large text is written again: its fixups are not decoded.
        assert max(each.size for each in work if each.what == "write") <= 100


async def test_what_arrives_is_what_was_posted(site: Site) -> None:
    page, other = await page_of(site), PostingPage(site.app, LIMITS, "c" * 32)
    other.features = ["ports"]
    await other.connect()
    port = await port_of(site, page)
    connection_of(site, "c" * 32).document.frame.post_message("port", None, [port])
    buffer = bytes(range(256)) * 4_000
    values = [[TEXT, "\ud800", DATE], {"bytes": buffer, "text": TEXT}, LARGE["fixups"]]
    post(page, *values)

    def has_all() -> bool:
        if other.link.ack_owed:
            other.write(other.link.bare_frame())
        return len(other.arrived) == 4

    await until(has_all)
    assert [webipc.core.envelope.decode_value(each) for each in other.arrived[1:]] == values


async def test_what_is_too_deep_to_be_forwarded_is_refused_without_being_written_in_the_event_loop(
    site: Site, work: list[Work], caplog: pytest.LogCaptureFixture
) -> None:
    page = await page_of(site)
    await unread(site)
    port = await port_of(site, page)
    connection_of(site, "c" * 32).document.frame.post_message("port", None, [port])
    deep = "[" * 1_010 + "]" * 1_010
    text = f'["port",1,["{TEXT}",{deep}],[]]'
    work.clear()
    page.write(f"[{page.link.last + 1},0,{text}]")
    await until(lambda: "could not be forwarded" in caplog.text)
    assert in_loop(work, "write") == 0
    assert is_short(work)


# --- order, whatever happens ------------------------------------------------------------------------------------------

VALUES = {"small": 1, **LARGE, "bytes": bytes(500_000)}
steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from(sorted(VALUES))),
        st.tuples(st.sampled_from(["start", "iterate", "turns"]), st.just("")),
    ),
    min_size=3,
    max_size=12,
)


@given(steps)
@settings(max_examples=15, deadline=None)
async def test_messages_of_a_port_arrive_once_and_in_order(plan: list[tuple[str, str]]) -> None:
    site = Site()
    page = await page_of(site)
    port = await port_of(site, page)
    heard: list[int] = []
    port.on("message", lambda event: heard.append(number_of(event)))
    count = 0
    for what, how in [*plan, ("start", "")]:
        if what == "post":
            post(page, [count, VALUES[how]])
            count += 1
        elif what == "start":
            port.start()
        elif what == "turns":
            await settled()
        elif len(heard) < count:
            async for _ in port:
                break
    await until(lambda: len(heard) == count)
    assert heard == list(range(count))
    await page.end()
    await site.ipc_main._provider.end()


def number_of(event: MessageEvent) -> int:
    number: int = event.data[0]
    return number
