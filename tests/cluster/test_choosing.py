"""What lets an `IpcMain` reach other processes: its options, the environment, or nothing."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.redis_server import RedisServer, redis_server
from webipc import IpcMain, WebipcError
from webipc.cluster.bus.bus import BusError
from webipc.testing import Browser


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBIPC_REDIS", "WEBIPC_REDIS_NAME", "WEBIPC_BUS"):
        monkeypatch.delenv(name, raising=False)


def mounted(**options: Any) -> tuple[FastAPI, IpcMain]:
    app, ipc_main = FastAPI(), IpcMain(**options)
    ipc_main.mount(app)
    ipc_main.handle("echo", lambda event, value: value)
    return app, ipc_main


def test_end_without_options_is_alone() -> None:
    assert IpcMain()._make_bus is None
    assert IpcMain().shared is None


@pytest.mark.parametrize("option", ["redis", "redis_name"])
def test_option_that_is_no_text_is_refused(option: str) -> None:
    wanted: dict[str, Any] = {option: 6379}
    with pytest.raises(TypeError, match=f"expected a str or None as {option}, got int"):
        IpcMain(**wanted)


def test_wrong_url_is_refused_when_the_end_is_made_and_is_not_shown() -> None:
    with pytest.raises(WebipcError, match="expected the URL of a Redis server") as refused:
        IpcMain(redis="http://user:secret@host")
    assert "secret" not in str(refused.value)


def test_wrong_name_is_refused_when_the_end_is_made() -> None:
    with pytest.raises(WebipcError, match="expected a name of Redis keys"):
        IpcMain(redis="redis://localhost", redis_name="a{b}")


def test_environment_has_precedence_over_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBIPC_REDIS", "http://elsewhere")
    with pytest.raises(BusError, match="expected the URL of a Redis server"):
        IpcMain(redis="redis://localhost")
    monkeypatch.setenv("WEBIPC_REDIS", "redis://localhost")
    monkeypatch.setenv("WEBIPC_REDIS_NAME", "a b")
    with pytest.raises(BusError, match="expected a name of Redis keys"):
        IpcMain(redis="redis://localhost", redis_name="shop")


async def test_application_whose_redis_cannot_be_reached_does_not_start() -> None:
    app, ipc_main = mounted(redis="redis://127.0.0.1:1/0")
    with pytest.raises(RuntimeError, match="did not start"):
        async with Browser(app):
            pass
    assert ipc_main.shared is None


async def test_two_applications_with_one_redis_are_two_workers_and_with_another_name_alone() -> None:
    with redis_server() as redis:
        await _meet(redis)


async def _meet(redis: RedisServer) -> None:
    one, first = mounted(redis=redis.url)
    two, second = mounted(redis=redis.url)
    other, alone = mounted(redis=redis.url, redis_name="other")
    async with Browser(one) as browser, Browser(two), Browser(other):
        assert first.shared is not None
        assert second.shared is not None
        assert alone.shared is not None
        assert len(second.shared.workers) == 2
        assert [member.worker for member in alone.shared.workers] == [alone.shared.worker]
        # In the first ten seconds of a Redis too, in which workers register that may know it from before.
        assert redis.admin.exists("webipc:{default}:settling")
        async with browser.open() as page:
            tab = page.web_contents_id
            await page.disconnect()
            page._connection.client.app = two
            await page.connect()
            assert await page.invoke("echo", 1) == 1
            assert page.welcome is not None
            assert page.welcome.process == first.shared.worker
            await page.reload()
            assert page.web_contents_id == tab
        assert second.shared.stats()["relays_ever"] == 2
