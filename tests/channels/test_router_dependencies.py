"""`dependencies=` of channels, routers and inclusions: which functions get them, and which cannot have them."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Body, Depends

from webipc.channels.handler import HandlerError
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.channels.ipc_router import IpcRouter
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent


def login() -> None:
    """Guard."""


def with_body(text: Annotated[str, Body()]) -> None:
    """Take what no message has."""


GUARDS = [Depends(login)]


def answer(event: IpcMainInvokeEvent) -> int:
    return 42


def hear(event: IpcMainEvent) -> None:
    """Listen."""


async def hear_later(event: IpcMainEvent) -> None:
    """Listen."""


@pytest.fixture
def ipc() -> IpcMainImpl:
    return IpcMainImpl()


def test_a_function_without_guards_needs_nothing_of_fastapi(ipc: IpcMainImpl) -> None:
    router = IpcRouter()
    router.handle("add", answer)
    ipc.include_router(router)

    handler = ipc.handler("add")
    assert handler is not None
    assert handler.needs is None


@pytest.mark.parametrize("where", ["channel", "router", "inclusion", "outer router", "outer inclusion"])
def test_a_guard_reaches_every_function_of_what_it_is_given_for(ipc: IpcMainImpl, where: str) -> None:
    def guards(name: str) -> list[Any]:
        return GUARDS if name == where else []

    router = IpcRouter(dependencies=guards("router"))
    outer = IpcRouter(dependencies=guards("outer router"))
    ipc.include_router(outer, dependencies=guards("outer inclusion"))
    outer.include_router(router, dependencies=guards("inclusion"))
    router.handle("add", answer, dependencies=guards("channel"))
    router.on("moved", hear_later, dependencies=guards("channel"))

    for handler in (ipc.handler("add"), *ipc.calls("moved")):
        assert handler is not None
        assert handler.needs is not None


def test_a_listener_that_is_no_coroutine_cannot_have_guards(ipc: IpcMainImpl) -> None:
    guarded = IpcRouter(prefix="a:", dependencies=GUARDS)
    plain = IpcRouter(prefix="b:")
    text = "with dependencies must be an `async def`, because they may have to be awaited: hear"
    refusals: list[tuple[str, Callable[[], object]]] = [
        ("x", lambda: ipc.on("x", hear, dependencies=GUARDS)),
        ("x", lambda: ipc.once("x", dependencies=GUARDS)(hear)),
        ("a:x", lambda: guarded.on("x", hear)),
        ("b:x", lambda: plain.once("x", hear, dependencies=GUARDS)),
    ]
    for channel, register in refusals:
        with pytest.raises(HandlerError) as caught:
            register()
        assert str(caught.value) == f"listener for '{channel}' {text}"
    assert ipc.event_names() == ["error"]


def test_guards_of_an_inclusion_refuse_a_router_with_such_a_listener_as_a_whole(ipc: IpcMainImpl) -> None:
    router = IpcRouter(prefix="a:")
    router.handle("add", answer)
    router.on("moved", hear)

    with pytest.raises(HandlerError, match=r"^listener for 'a:moved' with dependencies must be an `async def`"):
        ipc.include_router(router, dependencies=GUARDS)
    assert (ipc.event_names(), ipc.handler("a:add")) == (["error"], None)

    router.off("moved", hear)
    ipc.include_router(router, dependencies=GUARDS)
    with pytest.raises(HandlerError, match=r"^listener for 'a:moved' with dependencies must be an `async def`"):
        router.on("moved", hear)
    other = IpcMainImpl()
    other.include_router(router)
    assert other.event_names() == ["error"]


def test_a_guard_that_takes_what_a_message_does_not_have_is_refused(ipc: IpcMainImpl) -> None:
    refusals: list[Callable[[], object]] = [
        lambda: ipc.handle("x", answer, dependencies=[Depends(with_body)]),
        lambda: IpcRouter(dependencies=[Depends(with_body)]).handle("x", answer),
    ]
    for register in refusals:
        with pytest.raises(HandlerError, match="'text' of the dependency with_body"):
            register()
    assert ipc.handler("x") is None


def test_guards_are_no_parameters_of_a_channel(ipc: IpcMainImpl) -> None:
    router = IpcRouter(dependencies=GUARDS)

    @router.handle("add", dependencies=GUARDS)
    def add(event: IpcMainInvokeEvent, a: int, user: Annotated[None, Depends(login)]) -> int:
        """Add."""
        return a

    ipc.include_router(router)
    (listed,) = ipc.channels()
    assert [parameter["name"] for parameter in listed["functions"][0]["parameters"]] == ["a"]
