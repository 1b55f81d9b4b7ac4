"""What mypy knows about registering listeners and handlers. This file is type-checked and never run."""

import asyncio
from collections.abc import Iterator
from typing import Any, assert_type

from fastapi import Depends

from webipc.channels.emitter import EventEmitter
from webipc.channels.handler import Handler
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.channels.ipc_router import IpcRouter
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent
from webipc.ipc_main import IpcMain

emitter = EventEmitter()
ipc_main = IpcMainImpl()
router = IpcRouter(prefix="todos:")


# A decorator returns the function with its own type, so that a unit test can call it.


@ipc_main.handle("add")
async def add(event: IpcMainInvokeEvent, a: float, b: float = 0) -> float:
    """Handle, asynchronously."""
    return a + b


@ipc_main.handle_once("once")
def once(event: IpcMainInvokeEvent) -> str:
    """Handle, once."""
    return ""


@ipc_main.on("ping")
@ipc_main.once("pong")
@ipc_main.prepend_listener("ping")
@ipc_main.prepend_once_listener("ping")
@ipc_main.add_listener("ping")
def ping(event: IpcMainEvent, *args: int) -> None:
    """Listen."""


@router.handle("list")
@router.handle_once("first")
async def list_all(event: IpcMainInvokeEvent, limit: int = 10) -> list[str]:
    """Handle in a router."""
    return []


@router.on("changed")
@router.once("changed")
def changed(event: IpcMainEvent, title: str) -> None:
    """Listen in a router."""


@emitter.on("destroyed")
def destroyed() -> int:
    """Listen to an emitter whose events have no event object."""
    return 1


async def call(invoke_event: IpcMainInvokeEvent, event: IpcMainEvent) -> None:
    """Call what the decorators returned."""
    assert_type(await add(invoke_event, 1), float)
    assert_type(once(invoke_event), str)
    assert_type(destroyed(), int)
    ping(event, 1, 2)
    ping(event, "x")  # type: ignore[arg-type]  # the parameters are still known
    await add(invoke_event)  # type: ignore[call-arg]  # the same
    await asyncio.to_thread(once, invoke_event)
    assert_type(await list_all(invoke_event), list[str])
    changed(event)  # type: ignore[call-arg]  # the same


# With a listener as argument, `on` and similar methods return the emitter with its own class.

assert_type(ipc_main.on("ping", ping), IpcMainImpl)
assert_type(ipc_main.once("ping", ping).off("ping", ping).remove_all_listeners(), IpcMainImpl)
assert_type(emitter.on("ping", print).set_max_listeners(0), EventEmitter)
assert_type(ipc_main.calls("ping"), Iterator[Handler])
assert_type(ipc_main.take_handler("ping"), Handler | None)
assert_type(ipc_main.emit("ping", 1, 2), bool)


# A router as well.

assert_type(router.on("changed", changed).once("changed", changed).off("changed", changed), IpcRouter)
assert_type(router.prefix, str)
ipc_main.include_router(router, prefix="v2:")
router.include_router(IpcRouter())
ipc_main.include_router(ipc_main)  # type: ignore[arg-type]  # not a router
router.handle("none", 5)  # type: ignore[call-overload]  # not a function


# Guards of a channel and of a router.


def login() -> None:
    """Guard."""


@ipc_main.handle("guarded", dependencies=[Depends(login)])
async def guarded(event: IpcMainInvokeEvent) -> int:
    """Handle behind a guard."""
    return 1


async def call_guarded(invoke_event: IpcMainInvokeEvent) -> None:
    """Call what the decorator returned."""
    assert_type(await guarded(invoke_event), int)


ipc_main.include_router(IpcRouter(prefix="a:", dependencies=[Depends(login)]), dependencies=[Depends(login)])
assert_type(ipc_main.on("guarded", ping, dependencies=[Depends(login)]), IpcMainImpl)
ipc_main.handle("guarded", add, dependencies=[login])  # type: ignore[list-item]  # not Depends(login)


# `authorize` takes the event of every kind of message.


def may(event: IpcMainEvent | IpcMainInvokeEvent, channel: str) -> bool:
    """Decide which channels a page may use."""
    return event.user is not None or channel.startswith("public:")


async def may_later(event: IpcMainEvent | IpcMainInvokeEvent, channel: str) -> bool:
    """Decide too late."""
    return True


def may_some(event: IpcMainInvokeEvent, channel: str) -> bool:
    """Decide about an `invoke` alone."""
    return True


IpcMain(authorize=may)
IpcMain(authorize=may_later)  # type: ignore[arg-type]  # a coroutine is no decision
IpcMain(authorize=may_some)  # type: ignore[arg-type]  # other messages have another event


# `handle` returns None, like Electron's.


def returns_nothing(main: IpcMainImpl) -> None:
    """Use `handle` without a decorator."""
    main.handle("add", add)
    assert_type([main.handle_once("add", once)], list[None])


# mypy refuses what cannot be a handler.

ipc_main.handle("none", 5)  # type: ignore[call-overload]  # not a function
ipc_main.handle(add)  # type: ignore[call-overload]  # the channel is missing

# A function without the event parameter is refused at registration: a type for that would forbid lambdas.
ipc_main.handle("any", lambda event, *args: None)


def untyped(*args: Any, **kwargs: Any) -> Any:
    """Accept any arguments."""


ipc_main.handle("untyped", untyped)
