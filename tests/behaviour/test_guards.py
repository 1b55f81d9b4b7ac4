"""`dependencies=` of channels and routers: when they run, and what a page learns when one refuses."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException

from tests.support.applications import application
from tests.support.logged import troubles
from webipc import IpcMainEvent, IpcMainInvokeEvent, IpcRouter
from webipc.testing import InvokeError, Renderer, SyncError

HEADERS = {"x-role": "editor"}


class User:
    """Who is asked for at the attach."""

    def __init__(self, role: str) -> None:
        self.id = role
        self.role = role


def note(name: str, seen: list[str]) -> Callable[[], None]:
    """Return a dependency that notes when it is solved."""

    async def dependency() -> None:
        seen.append(name)

    return dependency  # type: ignore[return-value] # FastAPI awaits it


async def role(x_role: Annotated[str, Header()]) -> str:
    return x_role


def require(wanted: str) -> Any:
    async def check(found: Annotated[str, Depends(role)]) -> None:
        if found != wanted:
            raise HTTPException(403, f"only for the role {wanted}")

    return Depends(check)


async def test_a_guard_that_refuses_ends_the_call_with_its_words(caplog: pytest.LogCaptureFixture) -> None:
    app, ipc_main = application()
    called: list[str] = []
    router = IpcRouter(dependencies=[require("admin")])

    @router.handle("remove")
    async def remove(event: IpcMainInvokeEvent, number: int) -> None:
        called.append("handler")

    @router.handle("remove in a thread")
    def remove_in_thread(event: IpcMainInvokeEvent, number: int) -> None:
        called.append("handler")

    ipc_main.include_router(router)
    async with Renderer(app, headers=HEADERS) as page:
        for channel in ("remove", "remove in a thread"):
            # A page that may not call it does not learn what it takes.
            for args in ([1], [], ["x"]):
                with pytest.raises(InvokeError) as caught:
                    await page.invoke(channel, *args)
                assert caught.value.detail == "only for the role admin"
                assert caught.value.code == "forbidden"
    assert called == []
    assert troubles(caplog) == []


async def test_guards_run_from_the_outermost_to_that_of_the_channel_and_before_the_function_s_own() -> None:
    seen: list[str] = []

    def may(event: Any, channel: str) -> bool:
        seen.append("authorize")
        return True

    app, ipc_main = application(authorize=may)
    router = IpcRouter(dependencies=[Depends(note("router", seen)), Depends(note("router, second", seen))])
    outer = IpcRouter(dependencies=[Depends(note("outer router", seen))])
    outer.include_router(router, dependencies=[Depends(note("inclusion", seen))])
    ipc_main.include_router(outer, dependencies=[Depends(note("outer inclusion", seen))])

    @router.handle("add", dependencies=[Depends(note("channel", seen))])
    async def add(event: IpcMainInvokeEvent, own: Annotated[None, Depends(note("own", seen))]) -> None:
        seen.append("handler")

    async with Renderer(app) as page:
        await page.invoke("add")
    assert seen == [
        "authorize",
        "outer inclusion",
        "outer router",
        "inclusion",
        "router",
        "router, second",
        "channel",
        "own",
        "handler",
    ]


async def test_a_guard_and_a_dependency_that_are_one_function_run_once_in_a_call() -> None:
    app, ipc_main = application()
    seen: list[str] = []

    async def login() -> str:
        seen.append("login")
        return "Ada"

    @ipc_main.handle("me", dependencies=[Depends(login)])
    async def me(event: IpcMainInvokeEvent, name: Annotated[str, Depends(login)]) -> str:
        return name

    async with Renderer(app) as page:
        assert [await page.invoke("me"), await page.invoke("me")] == ["Ada", "Ada"]
    assert seen == ["login", "login"]


@pytest.mark.parametrize("kind", ["send", "sendSync", "postMessage"])
async def test_a_listener_behind_a_guard_that_refuses_is_not_called(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    app, ipc_main = application()
    called: list[str] = []

    @ipc_main.on("x", dependencies=[require("admin")])
    async def admins(event: IpcMainEvent, *args: Any) -> None:
        called.append("admins")
        event.return_value = "for admins"

    @ipc_main.on("x", dependencies=[require("editor")])
    async def editors(event: IpcMainEvent, *args: Any) -> None:
        called.append("editors")

    ipc_main.handle("end", lambda event: None)
    async with Renderer(app, headers=HEADERS) as page:
        if kind == "send":
            page.send("x")
        elif kind == "postMessage":
            page.post_message("x", None)
        else:
            # No other listener has answered.
            with pytest.raises(SyncError, match="only for the role admin") as caught:
                await page.send_sync("x")
            assert caught.value.code == "forbidden"
        await page.invoke("end")
    assert called == ["editors"]
    assert "only for the role admin" in caplog.text
    assert troubles(caplog) == []


async def test_the_user_of_the_attach_is_what_a_router_s_guard_gets() -> None:
    """Declared before the application is known, and included at two depths."""
    asked: list[str] = []

    async def current_user(x_role: Annotated[str, Header()]) -> User:
        asked.append(x_role)
        return User(x_role)

    async def editors_only(user: Annotated[User, Depends(current_user)]) -> None:
        if user.role != "editor":
            raise HTTPException(403, "only for editors")

    router = IpcRouter(dependencies=[Depends(editors_only)])
    outer = IpcRouter(prefix="outer:")
    outer.include_router(router)

    @router.handle("me")
    async def me(event: IpcMainInvokeEvent, user: Annotated[User, Depends(current_user)]) -> bool:
        return user is event.user

    app, ipc_main = application(authenticate=current_user)
    ipc_main.include_router(router)
    ipc_main.include_router(outer)
    async with Renderer(app, headers=HEADERS) as page, Renderer(app, headers={"x-role": "guest"}) as guest:
        (contents,) = (each for each in ipc_main.get_all_web_contents() if each.id == page.web_contents_id)
        contents.ipc.include_router(router, prefix="tab:")
        for channel in ("me", "outer:me", "tab:me"):
            assert await page.invoke(channel) is True
        with pytest.raises(InvokeError, match="only for editors"):
            await guest.invoke("me")
    assert sorted(asked) == ["editor", "guest"]


async def test_one_router_has_the_user_of_each_application_that_includes_it() -> None:
    async def ada() -> User:
        return User("ada")

    async def bob() -> User:
        return User("bob")

    router = IpcRouter()

    @router.handle("who")
    async def who(
        event: IpcMainInvokeEvent, a: Annotated[User, Depends(ada)], b: Annotated[User, Depends(bob)]
    ) -> list[bool]:
        return [a is event.user, b is event.user]

    first, of_ada = application(authenticate=ada)
    second, of_bob = application(authenticate=bob)
    of_ada.include_router(router)
    of_bob.include_router(router)
    async with Renderer(first) as one, Renderer(second) as two:
        assert await one.invoke("who") == [True, False]
        assert await two.invoke("who") == [False, True]


async def test_a_guard_with_yield_is_closed_after_the_handler_and_before_the_answer() -> None:
    seen: list[str] = []

    async def transaction() -> AsyncIterator[None]:
        seen.append("begin")
        yield
        seen.append("commit")

    app, ipc_main = application()
    router = IpcRouter(dependencies=[Depends(transaction)])

    @router.handle("add")
    def add(event: IpcMainInvokeEvent) -> None:
        seen.append("add")

    ipc_main.include_router(router)
    async with Renderer(app) as page:
        await page.invoke("add")
        assert seen == ["begin", "add", "commit"]


async def test_a_call_that_a_guard_refuses_is_the_one_call_of_handle_once() -> None:
    app, ipc_main = application()
    ipc_main.handle_once("x", lambda event: "once", dependencies=[require("admin")])
    async with Renderer(app, headers=HEADERS) as page:
        with pytest.raises(InvokeError, match="only for the role admin"):
            await page.invoke("x")
        with pytest.raises(InvokeError, match="No handler registered"):
            await page.invoke("x")


async def test_guards_are_asked_about_what_authorize_allows_alone() -> None:
    seen: list[str] = []
    app, ipc_main = application(authorize=lambda event, channel: channel == "open")
    for channel in ("open", "closed"):
        ipc_main.handle(channel, lambda event: "here", dependencies=[Depends(note(channel, seen))])

        @ipc_main.on(channel, dependencies=[Depends(note(channel, seen))])
        async def listener(event: IpcMainEvent) -> None:
            event.return_value = "heard"

    async with Renderer(app) as page:
        assert await page.invoke("open") == "here"
        assert await page.send_sync("open") == "heard"
        for call in (page.invoke("closed"), page.send_sync("closed")):
            with pytest.raises((InvokeError, SyncError), match="forbidden"):
                await call
    assert seen == ["open", "open"]
