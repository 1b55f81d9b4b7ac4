"""`Registering`: on, once, handle and handle_once, the same for an `IpcMain` and for a router.

Checks what it is given, and inspects the function. What is done with it then is for the class to decide.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar, overload

from webipc.channels.emitter import UNSET, Listener, ListenerT, channel_name, require_function
from webipc.channels.handler import Handler, HandlerError, Role
from webipc.core.errors import LocalError
from webipc.dependencies.guards import Guards, checked_dependencies

# A function that takes the event first. `Concatenate` would say so, but then mypy cannot infer a lambda.
HandlerFunction = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=HandlerFunction)


class SecondHandlerError(LocalError):
    """The channel has a handler already. The text is Electron's."""

    code = "second-handler"

    def __init__(self, channel: str) -> None:
        super().__init__(f"Attempted to register a second handler for '{channel}'")
        self.channel = channel

    def __reduce__(self) -> tuple[type["SecondHandlerError"], tuple[str]]:
        return type(self), (self.channel,)


class Registering:
    """Where an application registers listeners and handlers."""

    # What stands before each channel that is registered here.
    _prefix: str = ""
    # What is solved before each call of what is registered here.
    _guards: Guards = ()

    @overload
    def on(self, channel: str, *, dependencies: Guards = ()) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def on(self, channel: str, listener: Listener, *, dependencies: Guards = ()) -> Self: ...
    def on(self, channel: str, listener: Any = UNSET, *, dependencies: Guards = ()) -> Any:
        """Add a listener behind those of the channel; the same function may be added again, and then runs again.

        It takes the event first, then the arguments, which are validated against its annotations. `dependencies`, such
        as `[Depends(require_login)]`, are solved before each call, and only an `async def` may have them. Called with a
        listener, returns this object. Called without, returns a decorator that gives the function back unchanged.

        Raises TypeError when the listener is not callable, the channel not a string or one of the `dependencies` none,
        and HandlerError (a TypeError) when the function cannot be a listener (see `Handler`). Warns once per channel
        when there are more than `get_max_listeners()`. Electron's `ipcMain.on`.
        """
        return self._register_function("on", "on", channel, listener, dependencies, once=False)

    @overload
    def once(self, channel: str, *, dependencies: Guards = ()) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def once(self, channel: str, listener: Listener, *, dependencies: Guards = ()) -> Self: ...
    def once(self, channel: str, listener: Any = UNSET, *, dependencies: Guards = ()) -> Any:
        """Add a listener that is removed just before its first call. Else as `on`."""
        return self._register_function("once", "on", channel, listener, dependencies, once=True)

    @overload
    def handle(self, channel: str, *, dependencies: Guards = ()) -> Callable[[HandlerT], HandlerT]: ...
    @overload
    def handle(self, channel: str, handler: HandlerFunction, *, dependencies: Guards = ()) -> None: ...
    def handle(self, channel: str, handler: Any = UNSET, *, dependencies: Guards = ()) -> Any:
        """Register the one function that answers `ipcRenderer.invoke(channel, ...)`.

        It takes the event first, then the arguments, which are validated against its annotations. What it returns,
        awaited if need be, is the answer. `async def` runs on the event loop, `def` in a worker thread. `dependencies`,
        such as `[Depends(require_login)]`, are solved before each call, before the arguments are looked at. Called
        without a function, returns a decorator that gives the function back unchanged.

        Raises SecondHandlerError when the channel has a handler here, HandlerError (a TypeError) when the function is
        none, or cannot be a handler (see `Handler`), and TypeError when one of the `dependencies` is none. Electron's
        `ipcMain.handle`.
        """
        return self._register_function("handle", "handle", channel, handler, dependencies, once=False)

    @overload
    def handle_once(self, channel: str, *, dependencies: Guards = ()) -> Callable[[HandlerT], HandlerT]: ...
    @overload
    def handle_once(self, channel: str, handler: HandlerFunction, *, dependencies: Guards = ()) -> None: ...
    def handle_once(self, channel: str, handler: Any = UNSET, *, dependencies: Guards = ()) -> Any:
        """Register a handler for one call: it is removed before it runs, so a second call finds none even meanwhile.

        A call that the `dependencies` refuse is that one call.
        """
        return self._register_function("handle_once", "handle", channel, handler, dependencies, once=True)

    def _place(self, handler: Handler, *, once: bool) -> Callable[[], None]:
        """Register a function that was inspected already, on its channel; return what removes this registration.

        Raises SecondHandlerError.
        """
        raise NotImplementedError

    def _refuse_second(self, channel: str) -> None:
        """Raise SecondHandlerError when the channel has a handler here."""
        raise NotImplementedError

    def _register_function(
        self, method: str, role: Role, channel: object, function: Any, dependencies: Guards, *, once: bool
    ) -> Any:
        name = self._prefix + channel_name(method, channel)
        guards = (*self._guards, *checked_dependencies(dependencies))
        if function is not UNSET:
            self._inspect_and_place(name, role, function, guards, once=once)
            return self if role == "on" else None

        def decorate(function: HandlerT) -> HandlerT:
            self._inspect_and_place(name, role, function, guards, once=once)
            return function

        return decorate

    def _inspect_and_place(self, channel: str, role: Role, function: Any, guards: Guards, *, once: bool) -> None:
        if role == "on":
            require_function("listener", function)
        else:
            # In this order, as in Electron: a second handler is refused before its type is checked.
            self._refuse_second(channel)
            if not callable(function):
                found = type(function).__name__
                raise HandlerError(channel, f"Expected handler to be a function, but found type '{found}'")
        self._place(Handler(function, channel, role, guards), once=once)
