"""An application tests its routers and guards as docs/testing.md says."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, IpcRouter, MessageChannelMain
from webipc.testing import InvokeError, Renderer, SyncError


async def require_login(x_user: Annotated[str, Header()] = "") -> str:
    if not x_user:
        raise HTTPException(401, "please log in")
    return x_user


router = IpcRouter(prefix="todos:", dependencies=[Depends(require_login)])


@router.handle("add")
async def add(event: IpcMainInvokeEvent, title: str) -> str:
    return title.upper()


@router.on("seen")
async def seen(event: IpcMainEvent, number: int) -> None:
    event.return_value = number + 1


def made(may: Callable[[Any, str], bool] | None = None) -> tuple[FastAPI, IpcMain]:
    app = FastAPI()
    ipc_main = IpcMain(authorize=may)
    ipc_main.include_router(router)
    ipc_main.mount(app)
    return app, ipc_main


async def test_a_router_of_a_module_is_tested_in_an_application_for_each_test() -> None:
    for _ in range(2):
        app, _ = made()
        async with Renderer(app, headers={"x-user": "ada"}) as page, Renderer(app) as stranger:
            assert await page.invoke("todos:add", "tea") == "TEA"
            assert await page.send_sync("todos:seen", 1) == 2
            with pytest.raises(InvokeError) as caught:
                await stranger.invoke("todos:add", "tea")
            assert (caught.value.code, caught.value.detail) == ("unauthorized", "please log in")


async def test_an_override_takes_the_place_of_a_guard_of_a_router() -> None:
    app, _ = made()
    app.dependency_overrides[require_login] = lambda: "a test"
    async with Renderer(app) as page:
        assert await page.invoke("todos:add", "tea") == "TEA"


async def test_a_loop_over_all_channels_shows_that_a_stranger_may_use_none() -> None:
    app, ipc_main = made(lambda event, channel: False)
    ipc_main.on("plain", lambda event: None)
    names = [listed["channel"] for listed in ipc_main.channels()]
    assert names == ["todos:add", "todos:seen", "plain"]
    async with Renderer(app) as page:
        for name in names:
            with pytest.raises(InvokeError) as caught:
                await page.invoke(name)
            assert caught.value.code == "forbidden"
            with pytest.raises(SyncError) as thrown:
                await page.send_sync(name)
            assert thrown.value.code == "forbidden"


async def test_what_was_sent_before_a_call_has_run_or_was_dropped_when_the_call_is_answered() -> None:
    app, ipc_main = made(lambda event, channel: channel != "closed")
    heard: list[str] = []
    for name in ("open", "closed"):
        ipc_main.on(name, lambda event, *args, name=name: heard.append(name))
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        for name in ("closed", "open"):
            page.send(name)
            page.post_message(name, None, [MessageChannelMain().port1])
        await page.invoke("end")
        assert heard == ["open", "open"]
