"""`EventEmitter`: Node's emitter with Node's semantics, under snake_case names.

Everything that has an `on` is one of these: `ipc_main`, a `WebContents`, a port. A subclass decides in `_callee` what
is called for a listener. Twin: js-client/src/channels/emitter.ts
"""

import asyncio
import inspect
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from math import inf, isnan
from typing import Any, ClassVar, Final, Self, TypeVar, overload

from webipc.core.errors import LocalError

Listener = Callable[..., Any]
ListenerT = TypeVar("ListenerT", bound=Listener)

NEW_LISTENER: Final = "newListener"
REMOVE_LISTENER: Final = "removeListener"


class Unset:
    """The type of UNSET: an argument that was not given, where None would be a mistake that is to be reported."""


UNSET: Final = Unset()


class MaxListenersExceededWarning(RuntimeWarning):
    """More listeners on one channel than `get_max_listeners()`: usually one is added per message or per page."""


class UnhandledError(LocalError):
    """`emit("error", value)` found no listener, and `value` is no exception that could be raised itself."""

    code = "unhandled-error"

    def __init__(self, context: str) -> None:
        """`context` shows the value that was emitted."""
        super().__init__(f"Unhandled error. ({context})")
        self.context = context

    def __reduce__(self) -> tuple[type["UnhandledError"], tuple[str]]:
        return type(self), (self.context,)


class Registration:
    """One listener on one channel. For `once` it is also what `raw_listeners` shows: callable, with `.listener`."""

    __slots__ = ("_claim", "callee", "channel", "fired", "listener", "once")

    def __init__(
        self, channel: str, listener: Listener, callee: Listener, claim: "Callable[[Registration], bool] | None"
    ) -> None:
        """`claim` removes this registration for its only call, and tells whether it was the first to do so."""
        self._claim = claim
        self.channel = channel
        # What was given to `on`: `off` compares it, and `listeners` returns it.
        self.listener = listener
        # What is called in its place (see `EventEmitter._callee`).
        self.callee = callee
        # True when the registration ends with its first call.
        self.once = claim is not None
        # True when that call has begun.
        self.fired = False

    def is_for(self, listener: object) -> bool:
        """Tell whether `off(listener)` means this one. Each access to a bound method makes a new object, hence `==`."""
        return self is listener or bool(self.listener == listener)

    def __call__(self, *args: Any) -> Any:
        """Call the listener as `emit` would: one of `once` is removed first, and called at most once."""
        if self._claim is None or self._claim(self):
            return self.callee(*args)
        return None


class EventEmitter:
    """Node's EventEmitter.

    Listeners of a channel run in the order of their registration, synchronously. An `async def` listener begins as a
    task of the running event loop, and what it raises goes to the loop's exception handler, as an unhandled rejection
    does in Node. Registering and removing is safe from any thread: the listeners of a channel are a tuple that is
    replaced, never changed, so that an `emit` under way keeps its snapshot.
    """

    # The limit of an emitter that has none of its own (Node: `EventEmitter.defaultMaxListeners`).
    default_max_listeners: ClassVar[float] = 10

    def __init__(self) -> None:
        # Registrations by channel, in the order of their calls; a channel without any has no entry.
        self._registrations: dict[str, tuple[Registration, ...]] = {}
        # None until `set_max_listeners`.
        self._max_listeners: float | None = None
        # Channels that were warned about, and have had more than one listener ever since.
        self._warned: tuple[str, ...] = ()
        # Tasks of `async def` listeners: the event loop holds only weak references. None until there is one: every tab
        # is an emitter, there may be thousands, and an empty set takes 216 bytes.
        self._tasks: set[asyncio.Task[Any]] | None = None
        # Held while a tuple is replaced, never while the application's code runs.
        self._lock = threading.Lock()

    @overload
    def on(self, channel: str) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def on(self, channel: str, listener: Listener) -> Self: ...
    def on(self, channel: str, listener: Any = UNSET) -> Any:
        """Add a listener behind those of the channel; the same function may be added again, and then runs again.

        Called with a listener, returns the emitter. Called without, returns a decorator that gives the function back
        unchanged. Raises TypeError when the listener is not callable or the channel not a string. Warns once per
        channel when there are more than `get_max_listeners()`. Node's `emitter.on`.
        """
        return self._register(channel, listener, once=False, front=False)

    add_listener = on

    @overload
    def once(self, channel: str) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def once(self, channel: str, listener: Listener) -> Self: ...
    def once(self, channel: str, listener: Any = UNSET) -> Any:
        """Add a listener that is removed just before its first call. Else as `on`."""
        return self._register(channel, listener, once=True, front=False)

    @overload
    def prepend_listener(self, channel: str) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def prepend_listener(self, channel: str, listener: Listener) -> Self: ...
    def prepend_listener(self, channel: str, listener: Any = UNSET) -> Any:
        """Add a listener before those of the channel. Else as `on`."""
        return self._register(channel, listener, once=False, front=True)

    @overload
    def prepend_once_listener(self, channel: str) -> Callable[[ListenerT], ListenerT]: ...
    @overload
    def prepend_once_listener(self, channel: str, listener: Listener) -> Self: ...
    def prepend_once_listener(self, channel: str, listener: Any = UNSET) -> Any:
        """Add a listener before those of the channel, for one call. Else as `once`."""
        return self._register(channel, listener, once=True, front=True)

    def off(self, channel: str, listener: Listener) -> Self:
        """Remove one registration of the listener, the most recently added; do nothing when there is none."""
        require_function("listener", listener)
        name = channel_name("off", channel)
        with self._lock:
            found = next((r for r in reversed(self._registrations.get(name, ())) if r.is_for(listener)), None)
            removed = found is not None and self._drop(found)
        if found is not None and removed:
            self._announce(REMOVE_LISTENER, found)
        return self

    remove_listener = off

    def remove_all_listeners(self, channel: str | None = None) -> Self:
        """Remove every listener of the channel, the last added first; without a channel, those of all channels."""
        if channel is not None:
            self._remove_all(channel_name("remove_all_listeners", channel))
            return self
        for name in self.event_names():
            # Its own listeners last: they are called for every other listener that is removed.
            if name != REMOVE_LISTENER:
                self._remove_all(name)
        self._remove_all(REMOVE_LISTENER)
        return self

    def emit(self, channel: str, *args: Any) -> bool:
        """Call the listeners of the channel at once, in this process. Return whether there were any.

        The listeners are those at the time of the call: one removed meanwhile still runs, one added meanwhile does not.
        If a listener raises, the later ones are not called, and `emit` raises its exception. `emit("error", e)` without
        a listener raises `e`, or UnhandledError when that is no exception. Raises RuntimeError when an `async def`
        listener is reached outside of a running event loop.
        """
        if channel not in self._registrations:
            if channel == "error":
                raise _unhandled(args)
            return False
        for callee in self.calls(channel):
            returned = callee(*args)
            if returned is not None and inspect.iscoroutine(returned):
                self._start(channel, returned)
        return True

    def calls(self, channel: str) -> Iterator[Listener]:
        """Yield what is to be called for one message, from a snapshot that is taken at the first `next`.

        A `once` listener is removed when it is reached; those that are not reached stay.
        """
        for registration in self._registrations.get(channel, ()):
            if not registration.once or self._claim(registration):
                yield registration.callee

    def event_names(self) -> list[str]:
        """Return the channels that have listeners, in the order in which they got their first."""
        return list(self._registrations)

    def listener_count(self, channel: str, listener: Listener | None = None) -> int:
        """Return how many listeners the channel has; with a listener, how often that one is among them."""
        registrations = self._registrations.get(channel, ())
        if listener is None:
            return len(registrations)
        return sum(registration.is_for(listener) for registration in registrations)

    def listeners(self, channel: str) -> list[Listener]:
        """Return a copy of the channel's listeners, as they were given."""
        return [registration.listener for registration in self._registrations.get(channel, ())]

    def raw_listeners(self, channel: str) -> list[Listener]:
        """Return a copy of the channel's listeners, those of `once` in their wrappers (which have `.listener`)."""
        return [r if r.once else r.listener for r in self._registrations.get(channel, ())]

    def set_max_listeners(self, count: float) -> Self:
        """Warn above this number of listeners on one channel; 0 or infinity for never.

        Raises TypeError when `count` is not a number, and ValueError when it is negative or NaN.
        """
        if isinstance(count, bool) or not isinstance(count, int | float):
            raise TypeError(f'The "set_max_listeners" argument must be of type number. Received {received(count)}')
        if isnan(count) or count < 0:
            raise ValueError(f'The value of "set_max_listeners" is out of range. It must be >= 0. Received {count}')
        self._max_listeners = count
        return self

    def get_max_listeners(self) -> float:
        """Return the number of listeners above which a channel is warned about."""
        return self.default_max_listeners if self._max_listeners is None else self._max_listeners

    def _callee(self, channel: str, listener: Listener) -> Listener:
        """Return what is called for a listener. Called before it is registered: may raise, to refuse it."""
        return listener

    def _register(self, channel: str, listener: Any, *, once: bool, front: bool) -> Any:
        name = channel_name("on", channel)
        if listener is not UNSET:
            self._add(self._registration(name, listener, once=once), front=front)
            return self

        def decorate(function: ListenerT) -> ListenerT:
            self._add(self._registration(name, function, once=once), front=front)
            return function

        return decorate

    def _registration(self, channel: str, listener: Any, *, once: bool) -> Registration:
        require_function("listener", listener)
        return Registration(channel, listener, self._callee(channel, listener), self._claim if once else None)

    def _add(self, registration: Registration, *, front: bool) -> None:
        # Node emits `newListener` before it adds: a listener that is added meanwhile comes first.
        self._announce(NEW_LISTENER, registration)
        channel = registration.channel
        with self._lock:
            others = self._registrations.get(channel, ())
            listed = (registration, *others) if front else (*others, registration)
            self._registrations[channel] = listed
        self._warn_of_many(channel, len(listed))

    def _remove(self, registration: Registration) -> None:
        """Remove a registration, unless it was removed before."""
        with self._lock:
            removed = self._drop(registration)
        if removed:
            self._announce(REMOVE_LISTENER, registration)

    def _warn_of_many(self, channel: str, count: int) -> None:
        limit = self.get_max_listeners() or inf
        if count <= limit or channel in self._warned:
            return
        self._warned += (channel,)
        text = (
            f"Possible EventEmitter memory leak detected. {count} {channel} listeners added to "
            f"[{type(self).__name__}]. MaxListeners is {limit:g}. Use emitter.set_max_listeners() to increase limit"
        )
        warnings.warn(text, MaxListenersExceededWarning, stacklevel=_level_outside())

    def _drop(self, registration: Registration) -> bool:
        """Remove a registration, under the lock. Return False when it was removed before."""
        channel = registration.channel
        before = self._registrations.get(channel, ())
        rest = tuple(other for other in before if other is not registration)
        if rest:
            self._registrations[channel] = rest
        else:
            self._registrations.pop(channel, None)
        if len(rest) <= 1 and channel in self._warned:
            self._warned = tuple(other for other in self._warned if other != channel)
        return len(rest) < len(before)

    def _claim(self, registration: Registration) -> bool:
        """Remove a `once` registration for its only call. False when a nested `emit` or another thread was first."""
        with self._lock:
            if registration.fired:
                return False
            registration.fired = True
            removed = self._drop(registration)
        if removed:
            self._announce(REMOVE_LISTENER, registration)
        return True

    def _remove_all(self, channel: str) -> None:
        for registration in reversed(self._registrations.get(channel, ())):
            self._remove(registration)

    def _announce(self, meta: str, registration: Registration) -> None:
        if meta in self._registrations:
            self.emit(meta, registration.channel, registration.listener)

    def _start(self, channel: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            coroutine.close()
            raise RuntimeError(f"emit({channel!r}) reached an async listener outside of a running event loop") from None
        task = loop.create_task(coroutine)
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _level_outside() -> int:
    """Return the `stacklevel` for `warnings.warn` in the calling function that names the program's line, not ours."""
    here = __name__.rpartition(".")[0]
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(here):
        level, frame = level + 1, frame.f_back
    # This function is counted, and `warn` counts from 1.
    return level


def channel_name(method: str, channel: object) -> str:
    """Return the name of a channel; a number becomes its digits, as in JavaScript.

    Raises TypeError for anything else, such as the function that `@ipc_main.on` without parentheses passes.
    """
    if isinstance(channel, str):
        return channel
    if isinstance(channel, int) and not isinstance(channel, bool):
        return str(int(channel))
    usage = f'@emitter.{method}("channel")' if callable(channel) else f'{method}("channel", ...)'
    raise TypeError(f"{method} takes the channel, a string, first: {usage}. Received {received(channel)}")


def require_function(argument: str, value: object) -> None:
    """Raise TypeError with Node's text for a listener that is no function."""
    if not callable(value):
        raise TypeError(f'The "{argument}" argument must be of type function. Received {received(value)}')


def received(value: object) -> str:
    """Describe a wrong argument as Node does, with Python's names of types."""
    if value is None:
        return "None"
    if isinstance(value, bool | int | float | str):
        return f"type {type(value).__name__} ({value!r:.80})"
    return f"an instance of {type(value).__name__}"


def _unhandled(args: tuple[Any, ...]) -> BaseException:
    if args and isinstance(args[0], BaseException):
        return args[0]
    return UnhandledError(f"{args[0]!r:.80}" if args else "undefined")
