"""Channels that come from a router are channels like any other, for a page as for the program."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from tests.support.applications import Application, application
from webipc import IpcMainEvent, IpcMainInvokeEvent, IpcRouter, MessageChannelMain
from webipc.testing import InvokeError, Renderer

# As in a module of an application: one router, which each application includes.
router = IpcRouter(prefix="users:")


class Public(BaseModel):
    name: str


class Row(Public):
    password: str


@router.handle("get")
async def get_user(event: IpcMainInvokeEvent, number: int) -> Public:
    """Return a user."""
    return Row(name=f"user {number}", password="secret")


@router.handle("count")
def count_users(event: IpcMainInvokeEvent) -> int:
    """Run in a thread."""
    return 3


@router.on("renamed")
def renamed(event: IpcMainEvent, name: str) -> None:
    """Reply, and answer a `sendSync`."""
    event.reply("noted", name)
    event.return_value = name.upper()


@router.on("file")
async def file(event: IpcMainEvent, name: str) -> None:
    """Answer through the port."""
    event.ports[0].post_message(name)


@pytest.fixture
def app() -> Iterator[Application]:
    made = Application()
    made.ipc_main.include_router(router)
    yield made
    router.remove_handler("late")


async def test_every_kind_of_message_reaches_a_router(app: Application) -> None:
    async with Renderer(app.app) as page:
        assert await page.invoke("users:get", 5) == {"name": "user 5"}
        assert await page.invoke("users:count") == 3
        page.send("users:renamed", "Ada")
        assert await page.received("noted") == ["Ada"]
        assert await page.send_sync("users:renamed", "Ada") == "ADA"
        channel = MessageChannelMain()
        page.post_message("users:file", "notes.txt", [channel.port2])
        assert (await anext(aiter(channel.port1))).data == "notes.txt"


async def test_the_arguments_of_a_router_are_validated_under_its_channel(app: Application) -> None:
    async with Renderer(app.app) as page:
        with pytest.raises(InvokeError, match=r"users:get: argument 1 \(number\) must be a valid integer"):
            await page.invoke("users:get", "x")


async def test_what_is_declared_while_pages_are_connected_is_there_at_once(app: Application) -> None:
    async with Renderer(app.app) as page:
        with pytest.raises(InvokeError, match="No handler registered for 'users:late'"):
            await page.invoke("users:late")

        router.handle("late", lambda event: "here")
        assert await page.invoke("users:late") == "here"

        router.remove_handler("late")
        with pytest.raises(InvokeError, match="No handler registered for 'users:late'"):
            await page.invoke("users:late")


async def test_two_applications_have_one_router(app: Application) -> None:
    other, its_ipc_main = application()
    its_ipc_main.include_router(router, prefix="admin:")

    async with Renderer(app.app) as one, Renderer(other) as two:
        assert await one.invoke("users:count") == await two.invoke("admin:users:count") == 3
        with pytest.raises(InvokeError, match="No handler registered"):
            await two.invoke("users:count")


async def test_one_tab_may_have_a_router_for_itself(app: Application) -> None:
    answers = IpcRouter()
    answers.handle("users:count", lambda event: 1)

    async with Renderer(app.app) as one:
        app.the_contents().ipc.include_router(answers)
        async with Renderer(app.app) as two:
            assert (await one.invoke("users:count"), await two.invoke("users:count")) == (1, 3)
