"""`Depends(current_user)` in a handler, where `current_user` is `IpcMain(authenticate=...)`: the user who was asked."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, FastAPI, HTTPException, Security

from tests.support.applications import application
from tests.support.oauth2_tutorial import (
    User,
    get_active_scoped_user,
    get_current_active_user,
    get_current_user,
    get_scoped_user,
)
from tests.support.waiting import until
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent, IpcRouter
from webipc.testing import ClosedError, InvokeError, Renderer


class Sessions:
    """A table of sessions, and an application whose users it has."""

    def __init__(self) -> None:
        self.names = {"first": "ada"}
        self.asked = 0
        self.app, self.ipc_main = application(authenticate=self.current_user)

    async def current_user(self, session: Annotated[str | None, Cookie()] = None) -> str:
        self.asked += 1
        if session not in self.names:
            raise HTTPException(401, "log in")
        return self.names[session]

    async def greeting(self, user: str) -> str:
        return f"hello {user}"


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
async def page(sessions: Sessions) -> AsyncIterator[Renderer]:
    async with Renderer(sessions.app, headers={"Cookie": "session=first"}) as page:
        # The cookie has rotated since: the link is healthy, and what the page's socket brought is out of date.
        sessions.names = {"second": "ada"}
        yield page


async def test_it_is_the_user_of_the_event_at_every_depth_and_asks_nobody(sessions: Sessions, page: Renderer) -> None:
    async def greeting(user: Annotated[str, Depends(sessions.current_user)]) -> str:
        return f"hello {user}"

    @sessions.ipc_main.handle("async")
    async def in_loop(
        event: IpcMainInvokeEvent, user: str = Depends(sessions.current_user), text: str = Depends(greeting)
    ) -> list[Any]:
        return [user, text, event.user]

    @sessions.ipc_main.handle("def")
    def in_thread(event: IpcMainInvokeEvent, text: Annotated[str, Depends(greeting)]) -> list[Any]:
        return [text, event.user]

    assert await page.invoke("async") == ["ada", "hello ada", "ada"]
    assert await page.invoke("def") == ["hello ada", "ada"]
    assert sessions.asked == 1


async def test_it_is_so_in_listeners_and_where_a_tab_and_a_frame_have_their_own_channels(
    sessions: Sessions, page: Renderer
) -> None:
    heard: list[str] = []

    async def answer(event: IpcMainInvokeEvent, user: Annotated[str, Depends(sessions.current_user)]) -> str:
        return user

    @sessions.ipc_main.on("note")
    async def note(event: IpcMainEvent, user: Annotated[str, Depends(sessions.current_user)]) -> None:
        heard.append(user)

    contents = sessions.ipc_main.from_id(page.web_contents_id)
    assert contents is not None
    assert contents.main_frame is not None
    contents.ipc.handle("tab", answer)
    contents.main_frame.ipc.handle("frame", answer)
    # The browser sends the cookie of the first session still, and an iframe is asked as well.
    sessions.names["first"] = "ada"
    async with page.open_frame() as inner:
        frame = contents.main_frame.frames[0]
        frame.ipc.handle("inner", answer)
        assert [await page.invoke("tab"), await page.invoke("frame"), await inner.invoke("inner")] == ["ada"] * 3
    page.send("note")
    await until(lambda: heard == ["ada"])
    assert sessions.asked == 2


async def test_the_trees_of_a_router_are_made_where_it_is_included(sessions: Sessions, page: Renderer) -> None:
    router = IpcRouter(prefix="todos:")
    late = IpcRouter(dependencies=[Depends(sessions.current_user)])

    @router.handle("whoami")
    async def answer(event: IpcMainInvokeEvent, user: Annotated[str, Depends(sessions.current_user)]) -> str:
        return user

    router.include_router(late)
    sessions.ipc_main.include_router(router)
    late.handle("late", answer)
    assert [await page.invoke("todos:whoami"), await page.invoke("todos:late")] == ["ada", "ada"]
    # The same router in an application that asks nobody: there it is a dependency like any other.
    app, ipc_main = application()
    ipc_main.include_router(router)
    async with Renderer(app, headers={"Cookie": "session=second"}) as other:
        assert await other.invoke("todos:whoami") == "ada"
    assert sessions.asked == 2


async def test_an_override_of_it_counts_when_the_page_is_asked_and_so_everywhere(sessions: Sessions) -> None:
    async def greeting(user: Annotated[str, Depends(sessions.current_user)]) -> str:
        return f"hello {user}"

    async def other_greeting(user: Annotated[str, Depends(sessions.current_user)]) -> str:
        return f"good day, {user}"

    @sessions.ipc_main.handle("greet")
    async def greet(
        event: IpcMainInvokeEvent,
        user: Annotated[str, Depends(sessions.current_user)],
        text: Annotated[str, Depends(greeting)],
    ) -> list[str]:
        return [user, text, event.user]

    sessions.app.dependency_overrides = {sessions.current_user: lambda: "grace", greeting: other_greeting}
    async with Renderer(sessions.app) as page:
        assert await page.invoke("greet") == ["grace", "good day, grace", "grace"]
    assert sessions.asked == 0


# --- FastAPI's tutorial --------------------------------------------------------------------------------------------


def tutorial(authenticate: Any) -> tuple[FastAPI, IpcMain]:
    app, ipc_main = application(authenticate=authenticate)

    @ipc_main.handle("me")
    async def read_users_me(
        event: IpcMainInvokeEvent, current_user: Annotated[User, Depends(get_current_active_user)]
    ) -> User:
        return current_user

    @ipc_main.handle("items")
    def read_own_items(
        event: IpcMainInvokeEvent, current_user: Annotated[User, Security(get_active_scoped_user, scopes=["items"])]
    ) -> list[Any]:
        return [{"item_id": "Foo", "owner": current_user.username}]

    return app, ipc_main


JOHN = {"username": "johndoe", "email": "johndoe@example.com", "full_name": "John Doe", "disabled": False}


@pytest.mark.parametrize("as_header", [True, False])
async def test_the_user_of_the_tutorial_works_unchanged(*, as_header: bool) -> None:
    app, _ = tutorial(get_current_user)
    john = Renderer(app, headers={"Authorization": "Bearer johndoe"}) if as_header else Renderer(app, token="johndoe")
    async with john as page:
        # Only the fields of the annotation are sent: no password.
        assert await page.invoke("me") == JOHN


async def test_whom_the_tutorial_does_not_know_is_not_let_in_and_whom_it_refuses_reads_why() -> None:
    app, _ = tutorial(get_current_user)
    for token in (None, "mallory"):
        with pytest.raises(ClosedError) as caught:
            await Renderer(app, token=token).connect()
        assert caught.value.close_code == 4401
    async with Renderer(app, token="alice") as page:
        with pytest.raises(InvokeError, match="Inactive user") as refused:
            await page.invoke("me")
        assert refused.value.code == "400"


@pytest.mark.parametrize("authenticate", [get_scoped_user, get_active_scoped_user, get_current_user, None])
async def test_scopes_of_the_tutorial_are_checked_in_every_call(authenticate: Any) -> None:
    app, _ = tutorial(authenticate)
    async with Renderer(app, token="johndoe.me.items") as page:
        assert await page.invoke("items") == [{"item_id": "Foo", "owner": "johndoe"}]
    async with Renderer(app, token="johndoe.me") as page:
        with pytest.raises(InvokeError, match="Not enough permissions") as caught:
            await page.invoke("items")
    assert caught.value.code == "unauthorized"
