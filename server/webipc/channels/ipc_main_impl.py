"""`IpcMainImpl`: an emitter for what pages send, and one handler per channel for what they invoke.

The name is Electron's own: `ipc_main`, `web_contents.ipc` and `web_frame_main.ipc` are all of this class. A router
finds what to call by `calls` and `take_handler`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from webipc.channels.emitter import EventEmitter, Listener, Registration, channel_name
from webipc.channels.handler import Handler
from webipc.channels.ipc_router import Including
from webipc.channels.registering import Registering, SecondHandlerError


class IpcMainImpl(Including, EventEmitter):
    """Where an application registers its listeners (`on`) and handlers (`handle`). Safe to use from any thread.

    A listener's parameters are validated like a handler's; `listeners()` and `off()` use the function as it was given.
    """

    def __init__(self, authenticate: Callable[..., Any] | None = None) -> None:
        """`Depends(authenticate)` of a function, at any depth, is the user of the caller: that function asked him."""
        super().__init__()
        self._authenticate = authenticate
        # The handlers by channel, and the channels of those that `handle_once` registered.
        self._handlers: dict[str, Handler] = {}
        self._handlers_once: set[str] = set()
        # As in Electron: without it, a message on the channel `error` would raise. It is listed in `event_names()`.
        self.on("error", _ignore)

    add_listener = Registering.on

    def for_pages(self) -> "IpcMainImpl":
        """Return an empty one of the same application: `web_contents.ipc` and `web_frame_main.ipc`."""
        return IpcMainImpl(self._authenticate)

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

    def channels(self) -> list[dict[str, Any]]:
        """Return what is registered here, as plain values: first the handlers, then the listeners, in their order.

        Each channel has its name (`channel`), its kind (`role`: "handle" or "on") and its `functions`: the handler, or
        every listener, those of `once` too. A function has its `name`, `doc`, `returns` and `parameters`, which are
        those that a page sends: each with `name`, `annotation`, `default` and `required`. From any thread.
        """
        return list(self._channels())

    def _channels(self) -> Iterator[dict[str, Any]]:
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
        return Handler(listener, channel, "on").within(self._authenticate)

    def _place(self, handler: Handler, *, once: bool) -> Callable[[], None]:
        handler = handler.within(self._authenticate)
        if handler.role == "handle":
            self._place_handler(handler, once=once)
            return partial(self._displace_handler, handler)
        registration = Registration(handler.channel, handler.function, handler, self._claim if once else None)
        try:
            self._add(registration, front=False)
        except BaseException:
            # A warning about many listeners may be an error. What was not returned could not be removed.
            self._remove(registration)
            raise
        return partial(self._remove, registration)

    def _place_handler(self, handler: Handler, *, once: bool) -> None:
        with self._lock:
            self._refuse_second(handler.channel)
            self._handlers[handler.channel] = handler
            if once:
                self._handlers_once.add(handler.channel)

    def _displace_handler(self, handler: Handler) -> None:
        """Remove this handler, unless it was removed before, even if another one has its channel now."""
        with self._lock:
            if self._handlers.get(handler.channel) is handler:
                del self._handlers[handler.channel]
                self._handlers_once.discard(handler.channel)

    def _refuse_second(self, channel: str) -> None:
        if channel in self._handlers:
            raise SecondHandlerError(channel)


def _ignore(event: Any, *args: Any) -> None:
    """Do nothing with a message on the channel `error`."""
