"""`IpcRouter`: the channels of one module, registered in Electron's words and included wherever they are served.

FastAPI's APIRouter for channels. Each declaration of a router is placed in everything that includes it, under the
prefixes on the way; what is declared or removed later is placed and removed there too.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, Self
from weakref import WeakSet

from webipc.channels.complaint import shown
from webipc.channels.emitter import Listener, channel_name, received, require_function
from webipc.channels.handler import Handler, Role
from webipc.channels.registering import Registering, SecondHandlerError
from webipc.dependencies.guards import Guards, checked_dependencies


class Place(Protocol):
    """Registers a function that was inspected already, on its channel."""

    def __call__(self, handler: Handler, *, once: bool) -> Callable[[], None]:
        """Return what removes this registration. Raises SecondHandlerError, and HandlerError as `Handler.within`."""


# Held while it is noted which router is included where, never while the application's code runs.
_LOCK: Final = threading.Lock()


class Including(Registering):
    """What includes routers."""

    # What is included here. A tuple that is replaced: thousands of tabs include nothing.
    _inclusions: "tuple[Inclusion, ...]" = ()

    def include_router(self, router: "IpcRouter", *, prefix: str = "", dependencies: Guards = ()) -> None:
        """Register what a router declares, now and from now on, until this object is gone.

        A channel is `prefix`, then the prefix of the router, then its name there. The router may be included in other
        places as well, and here again with another prefix. `dependencies`, such as `[Depends(require_login)]`, are
        solved before those of the router, whose come before those of the channel.

        Raises TypeError when it is no IpcRouter, the prefix is no string or one of the `dependencies` none, ValueError
        when the router includes this one, SecondHandlerError when a channel of it has a handler here, and HandlerError
        when a listener of it is no `async def` and there are `dependencies`: then nothing of it is registered.
        FastAPI's `include_router`.
        """
        if not isinstance(router, IpcRouter):
            raise TypeError(f"include_router takes an IpcRouter, got {received(router)}")
        if router.includes(self):
            raise ValueError(f"{self!r} cannot be included in itself: {router!r} includes it")
        guards = (*self._guards, *checked_dependencies(dependencies))
        inclusion = Inclusion(router, self._place, self._prefix + checked_prefix(prefix), guards)
        router.fill(inclusion)
        with _LOCK:
            self._inclusions += (inclusion,)


class Declared:
    """One function that a router declares on a channel."""

    __slots__ = ("handler", "is_removed", "once")

    def __init__(self, handler: Handler, *, once: bool) -> None:
        # Its channel begins with the prefix of the router.
        self.handler = handler
        self.once = once
        self.is_removed = False

    def is_for(self, channel: str | None, role: Role) -> bool:
        """Tell whether it is on this channel, or on any for None, in this role."""
        return self.handler.role == role and channel in (None, self.handler.channel)


class IpcRouter(Including):
    """Listeners and handlers of one module, to be included in an `IpcMain` by `include_router`.

        router = IpcRouter(prefix="todos:")

        @router.handle("add")
        async def add(event: IpcMainInvokeEvent, todo: Todo) -> Todo: ...

        ipc_main.include_router(router)

    It may be included in several `IpcMain`s and routers. What is declared after that is registered in all of them, and
    what is removed through the router is removed from all. A declaration of `once` and `handle_once` counts in each
    place for itself, and stays declared until it is removed. Safe to use from any thread.
    """

    def __init__(self, *, prefix: str = "", dependencies: Guards = ()) -> None:
        """`prefix` stands before each channel. `dependencies`, such as `[Depends(login)]`, are solved before each call.

        With `dependencies`, all listeners of the router have to be `async def`. Raises TypeError when the prefix is no
        string or one of the `dependencies` none.
        """
        self._prefix = checked_prefix(prefix)
        self._guards = checked_dependencies(dependencies)
        # What it declares, in the order of registration, and where it is included. Those places are kept by what they
        # are in, so that a router of a module keeps no application alive.
        self._declared: list[Declared] = []
        self._places: WeakSet[Inclusion] = WeakSet()

    @property
    def prefix(self) -> str:
        """What stands before each channel."""
        return self._prefix

    def off(self, channel: str, listener: Listener) -> Self:
        """Remove one declaration of the listener, the most recent, everywhere; do nothing when there is none.

        Raises TypeError when the listener is not callable or the channel not a string.
        """
        require_function("listener", listener)
        name = self._prefix + channel_name("off", channel)
        with _LOCK:
            declared = [one for one in self._declared if one.is_for(name, "on") and one.handler.function == listener]
        if declared:
            self._remove(declared[-1])
        return self

    remove_listener = off

    def remove_all_listeners(self, channel: str | None = None) -> Self:
        """Remove every listener that the router declares on the channel, or on all channels, everywhere."""
        name = None if channel is None else self._prefix + channel_name("remove_all_listeners", channel)
        self._remove_all(name, "on")
        return self

    def remove_handler(self, channel: str) -> None:
        """Remove the handler that the router declares on the channel, if there is one, everywhere.

        Calls that are running go on.
        """
        self._remove_all(self._prefix + channel_name("remove_handler", channel), "handle")

    def _place(self, handler: Handler, *, once: bool) -> Callable[[], None]:
        declared = Declared(handler, once=once)
        with _LOCK:
            if handler.role == "handle":
                self._refuse_second(handler.channel)
            self._declared.append(declared)
            places = list(self._places)
        try:
            for place in places:
                place.add(declared)
        except BaseException:
            self._remove(declared)
            raise
        return partial(self._remove, declared)

    def includes(self, other: Including) -> bool:
        """Tell whether this is `other`, or `other` is included in it, at any depth."""
        return self is other or any(inclusion.router.includes(other) for inclusion in self._inclusions)

    def fill(self, place: "Inclusion") -> None:
        """Register in a new place what this declares, and what it will declare.

        Raises what the place raises for a declaration: then nothing of it stays there.
        """
        with _LOCK:
            self._places.add(place)
            declared = self._declared.copy()
        try:
            for one in declared:
                place.add(one)
        except BaseException:
            with _LOCK:
                self._places.discard(place)
            place.end()
            raise

    def _refuse_second(self, channel: str) -> None:
        if any(declared.is_for(channel, "handle") for declared in self._declared):
            raise SecondHandlerError(channel)

    def _remove_all(self, channel: str | None, role: Role) -> None:
        with _LOCK:
            declared = [one for one in self._declared if one.is_for(channel, role)]
        for one in reversed(declared):
            self._remove(one)

    def _remove(self, declared: Declared) -> None:
        with _LOCK:
            if declared.is_removed:
                return
            declared.is_removed = True
            self._declared.remove(declared)
            places = list(self._places)
        for place in places:
            place.remove(declared)

    def __repr__(self) -> str:
        return f"<IpcRouter {shown(self._prefix)}>"


class Inclusion:
    """One router in one place: what of it is registered there."""

    __slots__ = ("__weakref__", "_guards", "_has_ended", "_place", "_prefix", "_removals", "router")

    def __init__(self, router: IpcRouter, place: Place, prefix: str, guards: Guards) -> None:
        """`place` registers a function there; `prefix` and `guards` come before those of the router."""
        # Kept, because what is included in the router comes through it.
        self.router = router
        self._place = place
        self._prefix = prefix
        self._guards = guards
        # What removes each declaration from there.
        self._removals: dict[Declared, Callable[[], None]] = {}
        self._has_ended = False

    def add(self, declared: Declared) -> None:
        """Register one declaration, unless it is removed meanwhile."""
        handler = declared.handler
        remove = self._place(handler.at(self._prefix + handler.channel, self._guards), once=declared.once)
        with _LOCK:
            if not (declared.is_removed or self._has_ended):
                self._removals[declared] = remove
                return
        remove()

    def remove(self, declared: Declared) -> None:
        """Remove what was registered for a declaration, if it is still there."""
        with _LOCK:
            remove = self._removals.pop(declared, None)
        if remove is not None:
            remove()

    def end(self) -> None:
        """Remove everything that was registered."""
        with _LOCK:
            self._has_ended = True
            removals = list(self._removals.values())
        for remove in reversed(removals):
            remove()


def checked_prefix(prefix: object) -> str:
    """Return a prefix of channels. Raises TypeError when it is no string."""
    if not isinstance(prefix, str):
        raise TypeError(f"the prefix of a router must be a string, such as 'todos:'; got {received(prefix)}")
    return prefix
