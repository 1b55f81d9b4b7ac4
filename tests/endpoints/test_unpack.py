"""What is large is decoded in the helper thread: where, in which order, what the others notice, and what is charged.

The helper thread is held up by a function that waits for the test, so that everything else can be seen meanwhile.
"""

import asyncio
import datetime as dt
import json
import logging
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator

import webipc.core.clone
import webipc.core.envelope
import webipc.endpoints.unpack
import webipc.link.features
from tests.support.held_up import Site, page_of, waits
from tests.support.waiting import settled, until
from webipc import IpcMainEvent
from webipc.core.errors import CloseCode
from webipc.core.frame import encode_body, encode_parcel, sized
from webipc.core.frame.json_text import load_any_array
from webipc.core.link.large import LARGE_TEXT, unpacked
from webipc.core.link.steps import MANY_FIXUPS
from webipc.link.timeouts import sweep

TEXT = "x" * 300_000
DATES = [dt.datetime.fromtimestamp(second, dt.UTC) for second in range(MANY_FIXUPS + 1)]

LARGE: dict[str, Any] = {"frame": TEXT, "parcel": TEXT * 3, "fixups": DATES}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    made.end()
    if made.ipc_main._provider.hub is not None:
        await made.ipc_main._provider.end()


@pytest.mark.parametrize("kind", LARGE)
async def test_another_page_and_the_loop_go_on_while_something_large_is_decoded(site: Site, kind: str) -> None:
    page, other = await page_of(site), await page_of(site, "c" * 32)
    gate = site.hold_up()
    page.post("send", "say", value=["large", LARGE[kind]])
    page.post("send", "say", value=["behind"])
    page.flush()
    await until(waits(site))
    other.post("invoke", 1, "echo", value=["served"])
    other.flush()
    await until(lambda: other.results)
    assert (other.results[0], site.said) == (["result", 1, "served"], [])
    gate.set()
    await until(lambda: site.said == ["large", "behind"])


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("way", ["socket", "body"])
async def test_nothing_overtakes_what_is_being_decoded(site: Site, kind: str, way: str) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    page.post("send", "say", value=["large", LARGE[kind]])
    page.flush()
    await until(waits(site))
    page.post("send", "say", value=["small"])
    if way == "socket":
        await page.connect()
        page.flush()
    else:
        page.upload(page.ask("ask", "answer"))
    for _ in range(5):
        await settled()
    assert site.said == []
    gate.set()
    await until(lambda: site.said == ["large", "small"])
    assert set(await page.end()) <= {200}


@pytest.mark.parametrize("kind", LARGE)
async def test_a_value_is_decoded_in_the_helper_thread_and_nothing_large_in_the_loop(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = threading.get_ident()
    texts: list[tuple[bool, int]] = []
    fixups: list[tuple[bool, int]] = []

    def counted_load(data: Any) -> Any:
        texts.append((threading.get_ident() == here, len(data)))
        return load_any_array(data)

    def counted_decode(skeleton: Any, found: Any, *rest: Any) -> Any:
        fixups.append((threading.get_ident() == here, len(found)))
        return webipc.core.clone.decode(skeleton, found, *rest)

    monkeypatch.setattr(webipc.link.features, "load_any_array", counted_load)
    page = await page_of(site)
    page.post("send", "say", value=["large", LARGE[kind]])
    body = page.ask("ask", [LARGE[kind], DATES[0]])
    monkeypatch.setattr(webipc.core.envelope, "decode", counted_decode)
    page.flush()
    page.upload(body)
    await until(lambda: site.said == ["large"])
    assert set(await page.end()) == {200}
    assert max(size for in_loop, size in texts if in_loop) <= LARGE_TEXT
    assert max([count for in_loop, count in fixups if in_loop], default=0) <= MANY_FIXUPS
    assert [size for in_loop, size in [*texts, *fixups] if not in_loop]


async def test_arguments_are_validated_where_their_handler_runs(site: Site) -> None:
    threads: list[int] = []

    def note(value: Any) -> Any:
        threads.append(threading.get_ident())
        return value

    def plain(event: IpcMainEvent, value: Annotated[list[Any], BeforeValidator(note)]) -> int:
        threads.append(threading.get_ident())
        return len(value)

    async def coroutine(event: IpcMainEvent, value: Annotated[list[Any], BeforeValidator(note)]) -> int:
        threads.append(threading.get_ident())
        return len(value)

    here = threading.get_ident()
    page = await page_of(site)
    for number, handler in enumerate((plain, coroutine)):
        site.ipc_main.handle(handler.__name__, handler)
        page.post("invoke", 2 * number + 1, handler.__name__, value=[DATES])
        page.flush()
        await until(lambda: len(page.results) == number + 1)  # noqa: B023 - called in this turn
        assert page.results[-1] == ["result", 2 * number + 1, len(DATES)]
    assert threads[0] == threads[1] != here
    assert threads[2:] == [here, here]


async def test_the_fixups_of_one_frame_count_together(site: Site) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    for number in range(3):
        page.post("send", "say", value=[f"part {number}", DATES[: MANY_FIXUPS // 2]])
    frame = page.link.backlog()
    (joined,) = frame if len(frame) == 1 else [_one_frame(frame)]
    page.write(joined)
    await until(waits(site))
    assert site.said == ["part 0", "part 1"]
    gate.set()
    await until(lambda: site.said == ["part 0", "part 1", "part 2"])


def _one_frame(frames: list[str | bytes]) -> str:
    """Return text frames as one, which may be larger than the frames of a client."""
    parsed = [json.loads(frame) for frame in frames]
    return json.dumps([*parsed[0][:2], *(message for frame in parsed for message in frame[2:])])


# --- what is wrong ----------------------------------------------------------------------------------------------------

BAD_TEXT = '["send","say",["bad","' + "x" * 300_000 + '"'
BAD: dict[str, str] = {
    "no JSON": BAD_TEXT,
    "an unknown kind": BAD_TEXT.replace("send", "shout", 1) + "]]",
    "a wrong fixup": BAD_TEXT + '],[["d",[7]]]]',
    "no arguments": BAD_TEXT.replace('["bad",', "", 1) + "]",
}


def frames_with(bad: str, how: str, seq: int) -> list[bytes | str]:
    """Return the frames with a message that is wrong: one, or the parts of its parcel."""
    if how == "frame":
        return [f"[{seq},0,{bad}]"]
    parcel = encode_parcel(sized(bad.encode(), []))
    frames: list[bytes | str] = []
    for start in range(0, len(parcel), 100_000):
        piece = parcel[start : start + 100_000]
        rest = len(parcel) - start - len(piece)
        head = json.dumps([seq + len(frames), 0, ["part", rest], [[len(piece)]]]).encode()
        frames.append(len(head).to_bytes(4, "little") + head + bytes(-(4 + len(head)) % 8) + piece)
    return frames


@pytest.mark.parametrize("how", ["frame", "parcel"])
@pytest.mark.parametrize("name", BAD)
async def test_what_is_wrong_ends_its_link_as_it_does_in_the_loop(
    site: Site, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    page, other = await page_of(site), await page_of(site, "c" * 32)
    page.write('[1,0,["send","say",["good"]]]')
    for frame in frames_with(BAD[name], how, 2):
        page.write(frame)
    await until(lambda: page.closes)
    close = page.closes[0]
    assert close[0] == CloseCode.PROTOCOL_ERROR
    await until(lambda: site.said == ["good"])
    assert "violated the protocol" in caplog.text
    assert "xxx" not in caplog.text + close[1]
    assert other.closes == []


async def test_an_error_behind_a_newer_socket_is_told_to_that_socket(site: Site) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    for frame in frames_with(BAD["a wrong fixup"], "parcel", 1):
        page.write(frame)
    await until(waits(site))
    await page.connect()
    assert page.closes == []
    gate.set()
    await until(lambda: page.closes)
    assert (page.resets, page.closes[0][0]) == (["protocol"], CloseCode.PROTOCOL_ERROR)


async def test_an_error_in_a_body_is_answered_with_its_code(site: Site) -> None:
    page = await page_of(site)
    body = encode_body([page.hello(0), *frames_with(BAD["a wrong fixup"], "parcel", 1)])
    status, content = await page.upload(body)
    assert (status, content["code"]) == (400, 4400)
    await until(lambda: page.closes)


async def test_messages_before_the_wrong_one_are_dispatched(site: Site) -> None:
    page = await page_of(site)
    dates = ",".join("0" for _ in range(MANY_FIXUPS + 1))
    fixups = ",".join(f'["d",[1,{place}]]' for place in range(MANY_FIXUPS + 1))
    good = f'["send","say",["good",[{dates}]],[{fixups}]]'
    bad = f'["send","say",["bad",[{dates}]],[{fixups},["d",[7]]]]'
    page.write(f"[1,0,{good},{bad},{good}]")
    await until(lambda: page.closes and site.said)
    await settled()
    assert site.said == ["good"]


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LARGE)
async def test_what_was_received_is_dispatched_though_its_socket_is_lost(site: Site, kind: str) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    page.post("send", "say", value=["large", LARGE[kind]])
    page.flush()
    await until(waits(site))
    ending = asyncio.create_task(page.end())
    await settled()
    gate.set()
    await ending
    await until(lambda: site.said == ["large"])


@pytest.mark.parametrize("kind", ["parcel", "fixups"])
async def test_the_last_message_is_dispatched_before_bye_ends_the_link(site: Site, kind: str) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    last = page.post("send", "say", value=["large", LARGE[kind]])
    page.flush()
    await until(waits(site))
    (contents,) = site.ipc_main.get_all_web_contents()
    page.link.kept.clear()
    bye = page.upload(page.body(f'[0,0,["bye",{last}]]'), path="/ipc/beacon")
    await settled()
    assert contents.main_frame is not None
    gate.set()
    assert (await bye)[0] == 204
    await until(lambda: contents.main_frame is None)
    assert site.said == ["large"]


async def test_a_bye_that_has_overtaken_the_last_message_waits_for_it(site: Site) -> None:
    page = await page_of(site)
    gate = site.hold_up()
    last = page.post("send", "say", value=["large", DATES])
    assert (await page.upload(encode_body([page.hello(0), f'[0,0,["bye",{last}]]']), path="/ipc/beacon"))[0] == 204
    page.flush()
    await until(waits(site))
    (contents,) = site.ipc_main.get_all_web_contents()
    (connection,) = site.hub._links
    assert connection.bye_deadline is not None
    site.hub.clock.now = connection.bye_deadline + 1
    sweep(connection, 1.0)
    assert contents.main_frame is not None
    gate.set()
    await until(lambda: contents.main_frame is None and site.said == ["large"])


async def test_what_a_link_that_has_ended_has_sent_is_freed_in_the_helper_thread(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await page_of(site)
    cleared: list[bool] = []
    here = threading.get_ident()

    class Watched(list[Any]):
        def clear(self) -> None:
            cleared.append(threading.get_ident() == here)
            super().clear()

    def watched(*arguments: Any) -> Any:
        done, error = unpacked(*arguments)
        return Watched(done), error

    monkeypatch.setattr(webipc.endpoints.unpack, "unpacked", watched)
    gate = site.hold_up()
    page.post("send", "say", value=["large", LARGE["parcel"]])
    page.flush()
    await until(waits(site))
    (connection,) = site.hub._links
    connection.reset("ended")
    gate.set()
    await until(lambda: cleared)
    assert (cleared, site.said, connection.unpacking) == ([False], [], None)


# --- memory -----------------------------------------------------------------------------------------------------------


async def test_a_text_is_charged_while_it_is_decoded_and_given_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await page_of(site)
    held: list[int] = []

    def noted(*arguments: Any) -> Any:
        held.append(site.hub.account.held)
        return unpacked(*arguments)

    monkeypatch.setattr(webipc.endpoints.unpack, "unpacked", noted)
    before = site.hub.account.held
    gate = site.hold_up()
    page.post("send", "say", value=["large", LARGE["parcel"]])
    page.flush()
    await until(waits(site))
    assert site.hub.account.held >= before + len(LARGE["parcel"])
    gate.set()
    await until(lambda: site.said == ["large"])
    assert held[0] >= before + len(LARGE["parcel"])
    assert site.hub.account.held < before + len(TEXT)


async def test_a_message_waits_for_memory_and_its_link_is_not_read_meanwhile(site: Site) -> None:
    page = await page_of(site)
    hub = site.hub
    # Enough for the message, not enough for the most that so many bytes could take: so they are counted.
    hub.account.share.capacity = hub.account.held + 20 * len(TEXT)
    (connection,) = hub._links
    other = hub.account.purse("another", connection.holdings)
    size = hub.account.limit - hub.account.held - len(TEXT)
    other.take(size, lasting=True)
    page.post("send", "say", value=["large", LARGE["parcel"]])
    page.post("send", "say", value=["behind"])
    page.flush()
    await until(lambda: connection.unpacking is not None)
    await asyncio.sleep(0.15)
    assert site.said == []
    other.give(size, lasting=True)
    await until(lambda: site.said == ["large", "behind"])


async def test_a_message_that_never_gets_memory_resets_its_link_with_overflow(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webipc.endpoints.unpack, "ROOM_SECONDS", 0.1)
    page = await page_of(site)
    share = site.hub.account.share
    share.capacity = share.held + 20 * len(TEXT)
    (connection,) = site.hub._links
    other = site.hub.account.purse("another", connection.holdings)
    other.take(share.capacity - share.held - len(TEXT), lasting=True)
    page.post("send", "say", value=["large", LARGE["parcel"]])
    page.flush()
    await until(lambda: page.closes)
    assert (page.closes[0][0], page.resets) == (CloseCode.OVERFLOW, ["overflow"])
    assert "no memory for a message of about" in caplog.text
    other.give(other.held, lasting=True)


@pytest.mark.parametrize("lists", [120_000, 400_000], ids=["frame", "parcel"])
async def test_a_message_that_can_never_fit_is_refused_with_both_numbers(
    site: Site, lists: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "webipc")
    page = await page_of(site)
    site.hub.account.share.capacity = 4_000_000
    page.post("send", "say", value=["large", [[] for _ in range(lists)]])
    page.flush()
    await until(lambda: page.closes)
    code, reason = page.closes[0]
    assert code == CloseCode.TOO_LARGE
    assert reason.startswith("a message that takes about ")
    assert "the server has 3.8 MiB for all pages" in reason
    assert site.said == []
