"""`IpcMainImpl`: an emitter for what pages send, and one handler per channel for what they invoke.

The name is Electron's own: `ipc_main`, `web_contents.ipc` and `web_frame_main.ipc` are all of this class. A router
finds what to call by `calls` and `take_handler`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from webipc.channels.emitter import UNSET, EventEmitter, Listener, channel_name
from webipc.channels.handler import Handler, HandlerError
from webipc.core.errors import LocalError

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


class IpcMainImpl(EventEmitter):
    """Where an application registers its listeners (`on`) and handlers (`handle`). Safe to use from any thread.

    A listener's parameters are validated like a handler's; `listeners()` and `off()` use the function as it was given.
    """

    def __init__(self) -> None:
        super().__init__()
        # The handlers by channel, and the channels of those that `handle_once` registered.
        self._handlers: dict[str, Handler] = {}
        self._handlers_once: set[str] = set()
        # As in Electron: without it, a message on the channel `error` would raise. It is listed in `event_names()`.
        self.on("error", _ignore)

    @overload
    def handle(self, channel: str) -> Callable[[HandlerT], HandlerT]: ...
    @overload
    def handle(self, channel: str, handler: HandlerFunction) -> None: ...
    def handle(self, channel: str, handler: Any = UNSET) -> Any:
        """Register the one function that answers `ipcRenderer.invoke(channel, ...)`.

        It takes the event first, then the arguments, which are validated against its annotations. What it returns,
        awaited if need be, is the answer. `async def` runs on the event loop, `def` in a worker thread. Called without
        a function, returns a decorator that gives the function back unchanged.

        Raises SecondHandlerError when the channel has a handler here, and HandlerError (a TypeError) when the function
        is none, or cannot be a handler (see `Handler`). Electron's `ipcMain.handle`.
        """
        return self._register_handler("handle", channel, handler, once=False)

    @overload
    def handle_once(self, channel: str) -> Callable[[HandlerT], HandlerT]: ...
    @overload
    def handle_once(self, channel: str, handler: HandlerFunction) -> None: ...
    def handle_once(self, channel: str, handler: Any = UNSET) -> Any:
        """Register a handler for one call: it is removed before it runs, so a second call finds none even meanwhile."""
        return self._register_handler("handle_once", channel, handler, once=True)

    def remove_handler(self, channel: str) -> None:
        """Remove the channel's handler, if there is one. Calls that are running go on."""
        name = channel_name("remove_handler", channel)
        with self._lock:
            self._handlers.pop(name, None)
            self._handlers_once.discard(name)

    def handler(self, channel: str) -> Handler | None:
        """Return the channel's handler, and leave it there."""
        return self._handlers.get(channel)

    def take_handler(self, channel: str) -> Handler | None:
        """Return the handler for one call, or None; one of `handle_once` is gone from then on."""
        if channel not in self._handlers_once:
            return self._handlers.get(channel)
        with self._lock:
            if channel in self._handlers_once:
                self._handlers_once.discard(channel)
                return self._handlers.pop(channel)
        # Another thread took it first. A handler that was registered since is not for this call.
        return None

    if TYPE_CHECKING:
        # Not a method of its own, because each message would pass through it.
        def calls(self, channel: str) -> Iterator[Handler]:
            """Yield the listeners for one message, as `EventEmitter.calls`: each is a Handler, to bind and run."""
            ...

    def describe(self) -> Iterator[dict[str, Any]]:
        """Yield each channel with its functions: first those of `handle`, then those of `on`, as they were registered.

        `role` is "handle" or "on"; each of `functions` is what `Handler.describe` returns. Listeners of `once` stay.
        """
        # Copies, because another thread may register meanwhile.
        for channel, handler in self._handlers.copy().items():
            yield {"role": "handle", "channel": channel, "functions": [handler.describe()]}
        for channel, registrations in self._registrations.copy().items():
            # `_ignore` is not a listener of the application.
            callees = [one.callee for one in registrations if one.listener is not _ignore]
            if callees:
                functions = [cast("Handler", callee).describe() for callee in callees]
                yield {"role": "on", "channel": channel, "functions": functions}

    def _callee(self, channel: str, listener: Listener) -> Handler:
        return Handler(listener, channel, "on")

    def _register_handler(self, method: str, channel: str, handler: Any, *, once: bool) -> Any:
        name = channel_name(method, channel)
        if handler is not UNSET:
            self._add_handler(name, handler, once=once)
            return None

        def decorate(function: HandlerT) -> HandlerT:
            self._add_handler(name, function, once=once)
            return function

        return decorate

    def _add_handler(self, channel: str, function: Any, *, once: bool) -> None:
        # In this order, as in Electron: a second handler is refused before its type is checked.
        self._refuse_second(channel)
        if not callable(function):
            found = type(function).__name__
            raise HandlerError(channel, f"Expected handler to be a function, but found type '{found}'")
        handler = Handler(function, channel, "handle")
        with self._lock:
            self._refuse_second(channel)
            self._handlers[channel] = handler
            if once:
                self._handlers_once.add(channel)

    def _refuse_second(self, channel: str) -> None:
        if channel in self._handlers:
            raise SecondHandlerError(channel)


def _ignore(event: Any, *args: Any) -> None:
    """Do nothing with a message on the channel `error`."""
