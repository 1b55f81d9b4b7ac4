"""Two applications under one name in a Redis, by mistake: each worker names the other one once, and nothing else."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.cli.processes import line_with, running
from tests.support.buses import REDIS_SETTINGS, BusWorker
from tests.support.redis_server import RedisServer, redis_server
from tests.support.waiting import until
from webipc.cluster.redis_bus.applications import application_of
from webipc.cluster.redis_bus.redis_bus import RedisBus

Enter = Callable[..., Awaitable[BusWorker]]


@pytest.fixture
async def enter(server: RedisServer) -> AsyncIterator[Enter]:
    """Makes workers; each returns when all before it know it, and it them."""
    made: list[BusWorker] = []

    async def make(application: str, name: str = "default") -> BusWorker:
        url = f"redis://:secret@127.0.0.1:{server.port}/0"
        worker = secrets.token_hex(8)
        bus = RedisBus(url, worker, name=name, application=application, settings=REDIS_SETTINGS)
        made.append(BusWorker(bus))
        await bus.begin(made[-1])
        same = [each for each in made if each.bus._keys.prefix == bus._keys.prefix]  # type: ignore[attr-defined]
        await until(lambda: all(each.bus.members.get(other.name) for each in same for other in same))
        return made[-1]

    server.admin.config_set("requirepass", "secret")
    server.admin.auth("secret")
    yield make
    for worker in made:
        await worker.bus.end()


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if "two applications" in line]


async def test_each_worker_names_another_application_once_and_nothing_secret(enter: Enter, lines: list[str]) -> None:
    await enter("main:app")
    await enter("shop:app")
    said = warnings(lines)
    assert sorted(line[: line.index(",")].rpartition(" ")[2] for line in said) == ["main:app", "shop:app"]
    for line in said:
        assert line.startswith("WARNING Redis at 127.0.0.1:")
        assert "under the name 'default'" in line
        assert "main:app" in line
        assert "shop:app" in line
        assert "--redis-name" in line
        assert "secret" not in line
    # Another worker of the same is not said again by those that have said it.
    await enter("shop:app")
    assert len(warnings(lines)) == 3
    await enter("blog:app")
    # Each of the three names it; and it names both.
    assert len(warnings(lines)) == 3 + 3 + 2


@pytest.mark.parametrize(
    "one, other",
    [
        ("main:app", "main:app"),
        # One of them did not name the attribute.
        ("main", "main:application"),
        # Started in another way than by `webipc run`, or by a version that does not tell.
        ("main:app", ""),
        ("", ""),
    ],
)
async def test_what_may_be_the_same_application_is_silent(enter: Enter, lines: list[str], one: str, other: str) -> None:
    await enter(one)
    await enter(other)
    assert warnings(lines) == []


async def test_other_names_are_other_applications(enter: Enter, lines: list[str]) -> None:
    await enter("main:app")
    await enter("shop:app", "shop")
    assert warnings(lines) == []


async def test_what_others_tell_is_one_line_each_and_bounded(
    enter: Enter, server: RedisServer, lines: list[str]
) -> None:
    worker = await enter("main:app")
    told = ["\n\x1b[31m" + "x" * 5_000, *(f"m{number}:app" for number in range(50))]
    for number, application in enumerate(told):
        key = f"{number + 1:016x}"
        server.admin.hset(f"webipc:{{default}}:w:{key}", mapping={"ordinal": number + 1_000, "app": application})
        server.admin.sadd("webipc:{default}:ws", key)
    await until(lambda: worker.bus.members.get(f"{len(told):016x}"))
    assert len(warnings(lines)) == 20
    assert max(map(len, warnings(lines))) < 500


@pytest.mark.parametrize(
    "target, application",
    [
        ("/srv/shop/1\nmain\napp", "main:app"),
        ("/srv/shop/2\nmain\napp", "main:app"),
        ("/home/kim\nshop.web.main\napp", "main:app"),
        ("/home/kim\nmain\n", "main"),
        ("", ""),
        ("main", ""),
    ],
)
def test_an_application_is_the_last_part_of_the_target(target: str, application: str) -> None:
    assert application_of({"WEBIPC_TARGET": target}) == application


def test_two_programs_in_one_redis_are_told_and_another_release_of_one_is_not(tmp_path: Path) -> None:
    program = "from fastapi import FastAPI\nfrom webipc import IpcMain\napp = FastAPI()\nIpcMain().mount(app)\n"
    files = [tmp_path / "1" / "main.py", tmp_path / "2" / "main.py", tmp_path / "shop.py"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text(program, encoding="utf-8")
    first, next_release, other = ("run", str(files[0]), "--port", "0"), ("run", str(files[1])), ("run", str(files[2]))
    with redis_server() as server, running(*first, WEBIPC_REDIS=server.url) as one:
        line_with(one, "Uvicorn running on")
        with running(*next_release, "--port", "0", WEBIPC_REDIS=server.url) as two:
            line_with(two, "Uvicorn running on")
            with running(*other, "--port", "0", WEBIPC_REDIS=server.url) as three:
                for process in (one, two):
                    # The first of its kind: what was said before would be found first.
                    assert "main, which is this one, and shop." in line_with(process, "two applications")
                assert "shop, which is this one, and main." in line_with(three, "two applications")
