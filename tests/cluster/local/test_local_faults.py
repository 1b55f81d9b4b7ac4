"""The local bus where one end says something wrong, or ends: only that one is affected."""

import asyncio
import logging
import os
import random
import subprocess
import sys

import pytest

from tests.support.buses import BusWorker, LocalRig, connection_of
from tests.support.waiting import PATIENCE, settled, until
from webipc.cluster.bus.bus import BusError, Position
from webipc.cluster.bus.directory import Home, key_of
from webipc.cluster.local import local_connection
from webipc.cluster.local.frames import encode_frame
from webipc.cluster.local.local_bus import LocalBus
from webipc.cluster.local.local_connection import WEBIPC_BUS, inherited


async def test_garbage_ends_the_connection_of_the_worker_that_sends_it_and_no_other(
    rig: LocalRig, caplog: pytest.LogCaptureFixture
) -> None:
    worker, other = await rig.worker(), await rig.worker()
    transport = connection_of(worker)._transport
    assert transport is not None
    transport.write(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
    await until(lambda: other.lost_workers == [worker.name])
    assert "sent something else" in caplog.text
    assert not worker.bus.is_connected
    other.say_to_all(1)
    await until(lambda: other.to_all)


async def test_wrong_frames_of_a_worker_are_counted_and_affect_nothing_else(
    rig: LocalRig, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(11)
    worker, other = await rig.worker(), await rig.worker()
    transport = connection_of(worker)._transport
    assert transport is not None
    assert await worker.bus.directory.claim(key_of("link")) is None
    kinds = ["post", "state", "ask", "change", "lost-post", "lost-posts-to-all", "enter", "what"]
    names = ["find", "claim", "park", "take", "where", "kept", "since", "note", "tab-born", "link-ended", "what"]
    values = [None, True, -1, 1.5, 2**53, "", "a", [], {}, [[1]], {"is_draining": 1}, {"pages": -1}, "NaN"]
    with caplog.at_level(logging.WARNING):
        for _ in range(2_000):
            head: list[object] = [chance.choice(kinds), chance.choice([1, 1, 1, 2, None, "a"])]
            if head[0] in ("state", "ask"):
                head += [chance.choice([7, 7, "x"])] if head[0] == "ask" else []
                head += [chance.choice(names)]
            head += [chance.choice(values) for _ in range(chance.randrange(4))]
            transport.write(b"".join(encode_frame(head, bytes(chance.randrange(5)))))
    await until(lambda: rig.server.stats()["wrong"] > 300)
    await asyncio.sleep(0.05)
    assert 1 <= len([record for record in caplog.records if "frames of worker" in record.message]) < 15
    # Both live, and what they say arrives.
    worker.say(other, 1)
    await until(lambda: 1 in other.numbers())
    assert await other.bus.directory.find(key_of("link"), None, None) == Home(worker.name)


async def test_payload_that_is_no_message_is_dropped_at_its_target(
    rig: LocalRig, caplog: pytest.LogCaptureFixture
) -> None:
    worker, other = await rig.worker(), await rig.worker()
    connection = connection_of(worker)
    assert isinstance(worker.bus, LocalBus)
    before = other.bus.position.number
    for payload in (b"", b"\xff\xff\xff\xff", b"\x02\x00\x00\x00{}", b"\x01\x00\x00\x001", b"abc"):
        connection.post(worker.bus._hub, other.name, payload)
        connection.post_all(worker.bus._hub, payload)
    worker.say(other, 1)
    worker.say_to_all(1)
    await until(lambda: other.said and other.to_all)
    assert (other.numbers(), other.numbers_of_all()) == ([1], [1])
    assert other.bus.stats()["bus_wrong"] == 10
    assert other.bus.position.number == before + 6
    assert await other.bus.since(Position(before, 0)) == other.to_all
    assert "messages of other workers were none" in caplog.text


async def test_wrong_frames_of_the_parent_are_counted_and_the_worker_goes_on(rig: LocalRig) -> None:
    chance = random.Random(5)
    worker = await rig.worker()
    [attached] = rig.server._attached
    kinds = ["said", "all", "member", "members", "lost", "missed", "waits", "answer", "fault", "entered", "what"]
    values = [None, True, -1, 1.5, "", "a", [], {}, [1], {"a": "b"}]
    for _ in range(1_000):
        head: list[object] = [chance.choice(kinds), chance.choice([1, 1, 2, None])]
        head += [chance.choice(values) for _ in range(chance.randrange(3))]
        attached._send(head)
    await until(lambda: worker.bus.stats()["bus_wrong"] > 200)
    worker.say(worker, 1)
    await until(lambda: 1 in worker.numbers())


async def test_parent_that_ends_is_told_to_the_process_and_fails_what_was_asked(rig: LocalRig) -> None:
    worker = await rig.worker()
    connection = connection_of(worker)
    lost = asyncio.Event()
    connection.on_lost = lost.set
    [attached] = rig.server._attached
    assert attached._transport is not None
    attached._transport.pause_reading()
    asking = asyncio.create_task(worker.bus.directory.where(1))
    await settled()
    rig.server.close()
    await asyncio.wait_for(lost.wait(), PATIENCE)
    with pytest.raises(BusError, match="has ended"):
        await asking
    assert not worker.bus.is_connected
    # Questions fail, relayed sockets close, and nobody is there who could take a tab.
    assert worker.gaps == 1
    assert list(worker.bus.members) == []
    with pytest.raises(BusError):
        await worker.bus.directory.where(1)
    worker.say(worker, 1)
    await worker.bus.end()


async def test_parent_that_ends_while_a_worker_begins_is_an_error_of_its_begin(rig: LocalRig) -> None:
    connection = rig.connection()
    await connection.open()
    [attached] = rig.server._attached
    assert attached._transport is not None
    attached._transport.pause_reading()
    worker = BusWorker(LocalBus(connection, "/ipc", "a" * 16))
    beginning = asyncio.create_task(worker.bus.begin(worker))
    await settled()
    rig.server.close()
    with pytest.raises(BusError, match="has ended"):
        await beginning


async def test_claim_that_nobody_waits_for_any_more_is_given_back(rig: LocalRig) -> None:
    worker, other = await rig.worker(), await rig.worker()
    claiming = asyncio.create_task(worker.bus.directory.claim(key_of("link")))
    await asyncio.sleep(0)
    claiming.cancel()
    await asyncio.wait([claiming])
    await settled()
    await until(lambda: not connection_of(worker)._asked)
    await worker.bus.directory.where(1)
    assert await other.bus.directory.claim(key_of("link")) is None


async def test_hubs_of_one_process_share_its_connection_and_leave_with_it(rig: LocalRig) -> None:
    connection = rig.connection()
    one, two = await rig.worker("/ipc", connection), await rig.worker("/ipc", connection)
    more, other = await rig.worker("/more", connection), await rig.worker()
    one.say(two, 1)
    two.say(other, 2)
    more.say_to_all(3)
    await until(lambda: two.said and other.said and more.to_all)
    assert one.to_all == []
    await one.bus.end()
    await until(lambda: two.lost_workers == other.lost_workers == [one.name])
    two.say(other, 4)
    await until(lambda: other.numbers() == [2, 4])
    connection.close()
    await until(lambda: other.lost_workers == [one.name, two.name])
    assert rig.server.stats()["realms"]["/more"]["members"] == 0


async def test_worker_of_another_version_is_refused_in_one_sentence(
    rig: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_connection, "VERSION", 2)
    with pytest.raises(BusError, match="restart the parent process"):
        await rig.worker()


async def test_worker_that_is_a_member_already_is_refused(rig: LocalRig) -> None:
    worker = await rig.worker()
    twin = BusWorker(LocalBus(rig.connection(), "/ipc", worker.name))
    with pytest.raises(BusError, match="no member yet"):
        await twin.bus.begin(twin)
    worker.say(worker, 1)
    await until(lambda: worker.said)


@pytest.mark.parametrize("number", ["", "x", "-1", "99999", "99999999999999999999"])
def test_number_of_no_socket_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv(WEBIPC_BUS, number)
    with pytest.raises(BusError, match=r"expected the number of an inherited socket in WEBIPC_BUS"):
        inherited()
    # Programs that this one starts do not look for it.
    assert WEBIPC_BUS not in os.environ


def test_parent_loads_neither_fastapi_nor_pydantic() -> None:
    program = "import sys, webipc.cluster.local.local_server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    tops = {name.partition(".")[0] for name in loaded}
    assert tops & {"fastapi", "pydantic", "starlette", "uvicorn", "redis", "websockets"} == set()
