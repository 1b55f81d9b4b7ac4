"""How a worker begins with Redis: what is refused, in one sentence without a secret, and what is only warned of."""

import logging
import subprocess
import sys
import textwrap

import pytest

from tests.support.buses import REDIS_FAULTS, BusWorker, RedisRig, refusal, workers
from tests.support.redis_server import RedisServer, redis_server
from tests.support.serving import free_port, wait_until
from tests.support.waiting import until
from webipc.cluster.bus.bus import BusError
from webipc.cluster.redis_bus.making import redis_buses
from webipc.cluster.redis_bus.redis_bus import RedisBus
from webipc.cluster.redis_bus.server.address import Address
from webipc.cluster.redis_bus.server.checks import check


async def test_redis_that_is_not_there_is_one_sentence() -> None:
    port = free_port()
    text = await refusal(f"redis://user:secret@127.0.0.1:{port}/0")
    assert text.startswith(f"webipc cannot begin with Redis: no connection to Redis at 127.0.0.1:{port}: ")


async def test_wrong_password_and_none_are_one_sentence_each(server: RedisServer) -> None:
    server.admin.config_set("requirepass", "right")
    for url in (
        f"redis://:secret@127.0.0.1:{server.port}/0",
        f"redis://kim:secret@127.0.0.1:{server.port}/0",
        server.url,
    ):
        assert "refuses the user or the password of its URL" in await refusal(url)


async def test_redis_that_removes_keys_is_refused(server: RedisServer) -> None:
    server.admin.config_set("maxmemory-policy", "allkeys-lru")
    assert "set maxmemory-policy to noeviction" in await refusal(server.url)


async def test_user_that_may_not_write_is_refused(server: RedisServer) -> None:
    server.admin.execute_command("ACL", "SETUSER", "kim", "on", ">secret", "~*", "+@all", "-@write")
    assert "refuses" in await refusal(f"redis://kim:secret@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize("url", ["", "http://h", "redis://:se/secret@h", "redis://h:secret/0", "redis://h?secret=1"])
def test_wrong_url_is_one_sentence_without_a_word_of_it(url: str) -> None:
    with pytest.raises(BusError, match="expected the URL of a Redis server") as refused:
        redis_buses(url)
    assert "secret=" not in str(refused.value)
    assert "se/secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["a b", "a:b", "{a}", "*", "a" * 101])
def test_name_that_would_be_another_key_is_refused(name: str) -> None:
    with pytest.raises(BusError, match="name of Redis keys"):
        redis_buses("redis://h", name)


def test_old_redis_is_refused_and_valkey_is_not() -> None:
    address = Address("redis://h")
    memory = b"maxmemory_policy:noeviction\r\n"
    for version in (b"6.2.7", b"5.0.0", b""):
        with pytest.raises(BusError, match="needs Redis 7 or newer"):
            check(address, [b"redis_version:" + version + b"\r\n", memory])
    check(address, [b"redis_version:7.0.15\r\n", memory])
    check(address, [b"redis_version:10.1.0\r\n", memory])
    check(address, [b"redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n", memory])


async def test_user_that_may_not_renew_a_lease_is_told_what_is_missing(server: RedisServer, lines: list[str]) -> None:
    server.admin.execute_command("ACL", "SETUSER", "kim", "on", ">secret", "~*", "+@all", "-time")
    bus = RedisBus(f"redis://kim:secret@127.0.0.1:{server.port}/0", "0123456789abcdef", settings=REDIS_FAULTS)
    with pytest.raises(BusError, match=r"a renewal of the lease: .*command"):
        await bus.begin(BusWorker(bus))
    assert sum("refused to renew the lease" in line for line in lines) == 1


async def test_node_of_a_cluster_that_has_the_hash_tag_is_enough() -> None:
    # Its other port would be 10,000 above the first, where the system's connections have theirs.
    with redis_server(options=("--cluster-enabled", "yes", "--cluster-port", str(free_port()))) as server:
        server.admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in server.admin.execute_command("CLUSTER", "INFO"), "the node is up")
        rig = RedisRig(server)
        first, second = await workers(rig, 2)
        first.say(second, 1, bytes(200_000))
        first.say_to_all(2)
        await until(lambda: second.said and second.to_all)
        first.bus.directory.tab_born(5, "2" * 32)
        await first.bus.directory.park(5, b"snapshot", ["1" * 32], 60)
        assert await second.bus.directory.take(5) is not None
        await rig.close()


async def test_user_that_may_not_ask_for_info_is_warned(server: RedisServer, lines: list[str]) -> None:
    server.admin.execute_command("ACL", "SETUSER", "kim", "on", ">secret", "~*", "+@all", "-info")
    rig = RedisRig(server, REDIS_FAULTS, url=f"redis://kim:secret@127.0.0.1:{server.port}/0")
    worker = await rig.worker()
    worker.say_to_all(1)
    await rig.close()
    assert [line for line in lines if "does not let this user ask for INFO" in line]
    assert not any("secret" in line for line in lines)


def test_missing_package_is_one_sentence() -> None:
    code = """
        import sys
        sys.modules["redis"] = None
        from webipc.cluster.redis_bus.making import redis_buses
        from webipc.cluster.bus.bus import BusError
        try:
            redis_buses("redis://h")
        except BusError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout == "a bus over Redis needs the package redis: pip install 'webipc[redis]'\n"


def test_loop_that_ends_without_the_bus_ends_all_the_same(server: RedisServer) -> None:
    code = f"""
        import asyncio, faulthandler
        from webipc.cluster.redis_bus.redis_bus import RedisBus
        faulthandler.dump_traceback_later(15, exit=True)
        class Deaf:
            def __getattr__(self, name):
                return lambda *_: None
        async def main():
            buses = [RedisBus({server.url!r}, name * 16) for name in "ab"]
            for bus in buses:
                await bus.begin(Deaf())
            buses[0].post_all("say", {{}})
            raise SystemExit(7)
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 7, done.stderr


async def test_each_worker_says_by_which_name_the_others_will_know_it(
    server: RedisServer, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Lines of other workers name it; without the password of the URL."""
    caplog.set_level(logging.INFO, "webipc")
    server.admin.config_set("requirepass", "secret")
    rig = RedisRig(server, REDIS_FAULTS, url=f"redis://:secret@127.0.0.1:{server.port}/0", name="shop")
    first, second = await workers(rig, 2)
    where = f"INFO joined the others in Redis at 127.0.0.1:{server.port}, under the name shop, as worker"
    assert [line for line in lines if "joined" in line] == [
        f"{where} {first.name}; 1 live",
        f"{where} {second.name}; 2 live",
    ]
    await rig.close()
