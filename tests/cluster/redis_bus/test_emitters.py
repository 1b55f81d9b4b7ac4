"""Programs that are no workers send to pages: what arrives, what is refused, and what they may do in Redis."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.support.buses import BusWorker, RedisRig, shared_server
from tests.support.redis_server import RedisServer, redis_server
from tests.support.waiting import until
from webipc import CloneError, LimitError
from webipc.cluster.bus.bus import Position
from webipc.cluster.spread.messages import message_of
from webipc.core.limits import DEFAULT_LIMITS
from webipc.redis_emitter import AsyncRedisEmitter, NotWrittenError, RedisEmitter

PASSWORD = "the-secret-of-the-emitter"


@pytest.fixture
async def rig() -> AsyncIterator[RedisRig]:
    made = RedisRig(shared_server())
    yield made
    await made.close()


def heard(worker: BusWorker) -> list[tuple[str, Any, bytes]]:
    """Return what came: kind, head and the JSON of the message, which a page would take."""
    found = []
    for message in worker.to_all:
        said = message.said
        assert said.origin == ""
        assert message.own == 0
        found.append((said.kind, dict(said.head), message_of(said.rows, DEFAULT_LIMITS, worker="").json))
    return found


async def test_each_worker_hears_what_a_program_sends_in_order_and_to_whom(rig: RedisRig) -> None:
    first, second = await rig.worker(), await rig.worker()
    with RedisEmitter(rig.server.url, name=rig.name) as pages:
        ids = [
            pages.broadcast("price", {"id": 7}),
            pages.to(2**40 + 1).send("done", None),
            pages.to_principal("a" * 32).send("note", "text"),
            pages.to_user("kim").send("note", [1.5]),
            pages.to_group("admins").send("note", b"bytes"),
        ]
    assert sorted(set(ids)) == sorted(ids)
    await until(lambda: len(first.to_all) == len(second.to_all) == 5)
    assert heard(first) == heard(second)
    assert [(kind, head.get("to")) for kind, head, _ in heard(first)] == [
        ("broadcast", None),
        ("shout", {"contents": 2**40 + 1}),
        ("shout", {"principal": "a" * 32}),
        ("shout", {"user": "kim"}),
        ("shout", {"group": "admins"}),
    ]
    assert heard(first)[0][2] == b'["send","price",[{"id":7}]]'
    assert first.missed_counts == []


async def test_asynchronous_emitter_sends_the_same(rig: RedisRig) -> None:
    worker = await rig.worker()
    async with AsyncRedisEmitter(rig.server.url, name=rig.name) as pages:
        await pages.broadcast("price", {"id": 7})
        await pages.to_user("kim").send("note", b"bytes")
        # Many at once keep their order, and share one connection.
        await asyncio.gather(*(pages.to(1).send("count", number) for number in range(50)))
    await until(lambda: len(worker.to_all) == 52)
    numbers = [json for kind, _, json in heard(worker) if b"count" in json]
    assert numbers == [b'["send","count",[%d]]' % number for number in range(50)]


async def test_realm_of_another_mount_hears_its_own_programs(rig: RedisRig) -> None:
    here, there = await rig.worker(), await rig.worker("/other/ipc")
    with RedisEmitter(rig.server.url, name=rig.name, prefix="/other/ipc") as pages:
        pages.broadcast("there")
    with RedisEmitter(rig.server.url, name=rig.name) as pages:
        pages.broadcast("here")
    await until(lambda: here.to_all and there.to_all)
    assert [json for *_, json in heard(here)] == [b'["send","here",[]]']
    assert [json for *_, json in heard(there)] == [b'["send","there",[]]']


async def test_message_larger_than_an_entry_of_workers_arrives_whole(rig: RedisRig) -> None:
    worker = await rig.worker()
    with RedisEmitter(rig.server.url, name=rig.name) as pages:
        pages.broadcast("large", bytes(1_000_000))
    await until(lambda: worker.to_all)
    assert len(worker.to_all[0].said.rows[1]) == 1_000_000


def test_what_cannot_cross_is_refused_before_redis_is_asked() -> None:
    pages = RedisEmitter("redis://127.0.0.1:1/0")
    with pytest.raises(CloneError):
        pages.broadcast("x", object())
    with pytest.raises(LimitError):
        pages.broadcast("x" * 100_000)
    for target in (0, -1, True, "1", None):
        with pytest.raises(ValueError, match="id of a web contents"):
            pages.to(target)  # type: ignore[arg-type]
    for name in ("", None, 1):
        with pytest.raises(ValueError, match="not empty"):
            pages.to_user(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://x", "redis://:se/cret@h", "redis://h:port/0", "redis://h/0?se=cret", "cret"])
def test_wrong_url_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ValueError, match="expected the URL of a Redis server") as refused:
        RedisEmitter(url)
    assert "cret" not in str(refused.value)


async def test_redis_that_is_not_there_is_told_and_another_message_tries_again(rig: RedisRig) -> None:
    with redis_server() as server:
        with RedisEmitter(server.url) as pages:
            pages.broadcast("one")
            server.kill()
            with pytest.raises(NotWrittenError, match=r"no connection to Redis at 127\.0\.0\.1"):
                pages.broadcast("two")
            server.start()
            assert pages.broadcast("three")
        async with AsyncRedisEmitter(server.url) as others:
            await others.broadcast("one")
            server.kill()
            with pytest.raises(NotWrittenError):
                await others.broadcast("two")
            server.start()
            assert await others.broadcast("three")


async def test_connection_that_was_cut_meanwhile_is_made_again_and_nothing_comes_twice(rig: RedisRig) -> None:
    worker = await rig.worker()
    with RedisEmitter(rig.server.url, name=rig.name) as pages:
        pages.broadcast("n", 1)
        rig.server.admin.client_kill_filter(_type="normal", skipme=True)
        pages.broadcast("n", 2)
    await until(lambda: len(worker.to_all) == 2)
    assert [json for *_, json in heard(worker)] == [b'["send","n",[1]]', b'["send","n",[2]]']


async def test_cancelled_message_does_not_take_the_answer_of_the_next(rig: RedisRig) -> None:
    async with AsyncRedisEmitter(rig.server.url, name=rig.name) as pages:
        await pages.broadcast("first")
        for turns in range(6):
            task = asyncio.ensure_future(pages.broadcast("cancelled"))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            written = await pages.broadcast("kept", turns)
            entry = rig.server.admin.xrange(f"webipc:{{{rig.name}}}:all", written, written)
            assert b'"kept",[%d]' % turns in entry[0][1][b"d"]


async def test_threads_share_an_emitter(rig: RedisRig) -> None:
    worker = await rig.worker()
    with RedisEmitter(rig.server.url, name=rig.name) as pages:

        def send(thread: int) -> None:
            for number in range(20):
                pages.broadcast("n", thread, number)

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            await asyncio.to_thread(one.join)
    await until(lambda: len(worker.to_all) == 80)
    jsons = [json for *_, json in heard(worker)]
    for thread in range(4):
        mine = [json for json in jsons if json.startswith(b'["send","n",[%d,' % thread)]
        assert mine == [b'["send","n",[%d,%d]]' % (thread, number) for number in range(20)]


FORKED = """
import os, sys
from webipc.redis_emitter import RedisEmitter
pages = RedisEmitter(sys.argv[1], name=sys.argv[2])
pages.broadcast("before")
pages._lock.acquire()  # as another thread may hold it at this moment
children = []
for number in range(3):
    child = os.fork()
    if not child:
        for count in range(5):
            pages.broadcast("child", number, count)
        os._exit(0)
    children.append(child)
pages._lock.release()
pages.broadcast("after")
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
pages.broadcast("end")
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"fastapi", "starlette", "uvicorn", "websockets"}))
print(sorted(name for name in sys.modules if name.startswith(("webipc.hub", "webipc.electron", "webipc.link"))))
"""


async def test_program_that_forks_as_celery_does_sends_from_each_process_and_loads_no_server(rig: RedisRig) -> None:
    worker = await rig.worker()
    program = [sys.executable, "-W", "error", "-c", FORKED, rig.server.url, rig.name]
    done = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["[]", "[]"]
    await until(lambda: len(worker.to_all) == 18)
    jsons = [json for *_, json in heard(worker)]
    for child in range(3):
        mine = [json for json in jsons if json.startswith(b'["send","child",[%d,' % child)]
        assert mine == [b'["send","child",[%d,%d]]' % (child, count) for count in range(5)]


def test_importing_webipc_does_not_import_redis() -> None:
    code = "import sys, webipc; webipc.IpcMain; print('redis' in sys.modules, 'hiredis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "False"]


# --- accounts -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """A server with the two accounts of docs/workers.md."""
    with redis_server() as server:
        documented = Path(__file__).parents[3].joinpath("docs", "workers.md").read_text(encoding="utf-8")
        rules = [line for line in documented.splitlines() if line.startswith("ACL SETUSER ")]
        assert len(rules) == 2
        for rule in rules:
            server.admin.execute_command(*rule.replace("PASSWORD", PASSWORD).split())
        yield server


def url_of(server: RedisServer, user: str) -> str:
    return f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}/0"


async def test_account_of_a_worker_is_enough_for_a_worker(guarded: RedisServer) -> None:
    rig = RedisRig(guarded, url=url_of(guarded, "shop-worker"), name="shop")
    first, second = await rig.worker(), await rig.worker()
    try:
        first.say(second, 1, bytes(200_000))
        first.say_to_all(2)
        await until(lambda: second.said and second.to_all and first.bus.members.get(second.name))
        directory = first.bus.directory
        assert await directory.claim("1" * 32) is None
        directory.tab_born(5, "2" * 32)
        await directory.park(5, b"snapshot", ["1" * 32], 60)
        assert await second.bus.directory.leave_word(5, b"word")
        assert await second.bus.directory.take(5) is not None
        assert await second.bus.since(Position(0, 0)) is not None
        assert rig.bus_of(first).stats()["refused"] == 0
    finally:
        await rig.close()
    # Keys of other applications are none of its.
    with pytest.raises(NoPermissionError):
        Redis.from_url(url_of(guarded, "shop-worker"), protocol=2).get("other")


async def test_account_of_an_emitter_may_append_to_one_stream_and_nothing_else(guarded: RedisServer) -> None:
    rig = RedisRig(guarded, url=url_of(guarded, "shop-worker"), name="shop")
    worker = await rig.worker()
    try:
        with RedisEmitter(url_of(guarded, "shop-emitter"), name="shop") as pages:
            pages.broadcast("price", 1)
        async with AsyncRedisEmitter(url_of(guarded, "shop-emitter"), name="shop") as others:
            await others.broadcast("price", 2)
        await until(lambda: len(worker.to_all) == 2)
        with RedisEmitter(url_of(guarded, "shop-emitter"), name="another") as pages, pytest.raises(NotWrittenError):
            pages.broadcast("price", 1)
        thief = Redis.from_url(url_of(guarded, "shop-emitter"), protocol=2)
        run: Callable[..., Any] = thief.execute_command
        for command in (
            ("XREAD", "STREAMS", "webipc:{shop}:all", "0"),
            ("XLEN", "webipc:{shop}:all"),
            ("XTRIM", "webipc:{shop}:all", "MAXLEN", "0"),
            ("DEL", "webipc:{shop}:all"),
            ("XADD", f"webipc:{{shop}}:m:{worker.name}", "*", "d", "x"),
            ("GET", "webipc:{shop}:gen"),
            ("KEYS", "*"),
            ("EVAL", "return redis.call('FLUSHALL')", "0"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("INFO",),
            ("CLIENT", "LIST"),
        ):
            with pytest.raises(NoPermissionError):
                run(*command)
        thief.close()
    finally:
        await rig.close()


async def test_entry_of_a_thief_neither_stops_a_worker_nor_hides_what_another_says(guarded: RedisServer) -> None:
    rig = RedisRig(guarded, url=url_of(guarded, "shop-worker"), name="shop")
    first, second = await rig.worker(), await rig.worker()
    thief = Redis.from_url(url_of(guarded, "shop-emitter"), protocol=2)
    try:
        wrong: list[dict[Any, Any]] = [
            {"d": b"\xff\xff\xff\xffx"},
            {"d": b""},
            {"x": "y"},
            {"o": b"\xff", "d": "x"},
            {"n": "-1", "d": "x"},
            {"n": "9" * 5_000, "d": "x"},
            # It claims to be what the first worker says next.
            {"o": first.name, "n": 1, "d": b'\x09\x00\x00\x00{"k":"x"}'},
            {"o": first.name, "n": 10**12, "i": "word", "d": b'\x09\x00\x00\x00{"k":"x"}'},
            # A key that does not exist, and one of another kind.
            {"b": "none"},
            {"o": first.name, "n": 5, "g": "guess", "b": "none"},
        ]
        for fields in wrong:
            thief.xadd("webipc:{shop}:all", fields)
        for number in range(3):
            first.say_to_all(number)
        await until(lambda: second.to_all and second.to_all[-1].said.head.get("n") == 2)
        assert [m.said.head["n"] for m in second.to_all if m.said.kind == "say"] == [0, 1, 2]
        assert [m.said.origin for m in second.to_all] == ["", "", *[first.name] * 3]
        assert rig.bus_of(second).stats()["wrong"] == 8
        assert second.missed_counts == []
        assert second.gaps == 0
    finally:
        thief.close()
        await rig.close()
