"""`MessagePortMain`: one end of a channel, as the main process has it (docs/electron-parity.md, ports).

An emitter of `message` and `close` around an end (ports/ends.py). It does not depend on where the other end is.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

from webipc.channels.emitter import EventEmitter
from webipc.concurrency.fatal import contained
from webipc.concurrency.loops import loop_here, run_soon_in, running_loop
from webipc.core.errors import LocalError, RemoteError
from webipc.core.link.steps import MANY_STEPS
from webipc.core.values import undefined
from webipc.logs.refusals import REFUSALS
from webipc.ports.ends import LocalEnd, PortMessage, entangling


class TransferError(LocalError):
    """A list of ports that cannot be sent. The texts are Electron's."""

    code = "bad-transfer"


class TransferTypeError(TransferError, TypeError):
    """An argument that is no list of ports, or a list with something else in it. Electron throws a TypeError."""


class MessageEvent(NamedTuple):
    """What a listener of `message` gets: the value and the ports of the message (Electron's `{ data, ports }`)."""

    data: Any
    ports: "list[MessagePortMain]"


class MessagePortMain(EventEmitter):
    """One end of a channel; the other may be in this program or in a page.

    Emits `message` (MessageEvent) and `close` (no argument). Messages, and the close of the other end, are queued until
    `start`; adding a listener does not start a port, but `async for event in port` does. The queued messages of one
    page are bounded by `kept_bytes` and `kept_messages`: beyond that, the port in which most waits is closed. Messages
    arrive in the order in which they were posted, each once, even if a socket is lost in between.

    Methods may be called from any thread; listeners run in the event loop. A thread that the program has started itself
    (unlike that of a `def` handler) has no event loop: a port that is made there emits nothing until it, or its other
    end, is used in one. A started port is kept alive as long as a message may arrive; a port that is not started is
    closed when it is garbage-collected.
    """

    def __init__(self, end: LocalEnd, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """For MessageChannelMain and for received ports: an application makes a channel, and never a single port."""
        super().__init__()
        # None once the port was transferred.
        self._end: LocalEnd | None = end
        self._loop = loop or loop_here()
        self._is_started = False
        self._is_closed = False
        # True while `_drain` is scheduled in the loop.
        self._is_scheduled = False
        # How many messages iterations have taken and not finished.
        self._held = 0
        # One callback for each iteration, which ends it; to be called in the port's loop.
        self._iterations: list[Callable[[], None]] = []
        self._finalizer = weakref.finalize(self, _close_collected, end, self._loop)
        self._finalizer.atexit = False

    def post_message(self, message: Any = undefined, transfer: "Sequence[MessagePortMain]" = ()) -> None:
        """Post a message to the other end; the ports of `transfer` go with it and cannot be used here any more.

        Does nothing on a port that is closed or was transferred, whatever the arguments are. Raises CloneError and
        LimitError when the message cannot be sent, TransferTypeError and TransferError (Electron's texts) for a wrong
        list; the port stays open in every case. A thread that posts to a page faster than the event loop takes it has
        to wait, and gets a BufferFullError after five seconds. Electron's `port.postMessage`.
        """
        end = self._end
        peer = None if end is None else end.peer
        if end is None or peer is None:
            return
        count = len(transfer) if isinstance(transfer, list | tuple) else 0
        value = PortMessage.encode(message, peer.limits, ports=count)
        ports = self._checked(transfer)
        # Before a port is taken out: it may fail.
        carried = peer.admit(value)
        if ports:
            try:
                carried = carried.with_ends(port.neuter() for port in ports)
            except TransferError:
                # Another thread has transferred one meanwhile.
                carried.taken()
                raise
        end.post(carried)

    def _checked(self, transfer: Any) -> "list[MessagePortMain]":
        if not isinstance(transfer, list | tuple):
            raise TransferTypeError("transferables must be an array of MessagePorts")
        for index, port in enumerate(transfer):
            if not isinstance(port, MessagePortMain):
                raise TransferTypeError(f"Port at index {index} is not a valid port")
            if port is self:
                raise TransferError(f"Port at index {index} contains the source port.")
        refuse_unusable(transfer)
        return list(transfer)

    def start(self) -> None:
        """Deliver the queued messages, and all later ones, to the listeners. A second call does nothing.

        Does nothing on a port that is closed or was transferred. Electron's `port.start`.
        """
        end = self._end
        if end is None or self._is_started or self._is_closed:
            return
        self._is_started = True
        self._loop = self._loop or loop_here()
        # From now on the end keeps the port alive: a message may arrive for its listeners.
        end.start(self._schedule)

    def close(self) -> None:
        """Close both ends. `close` is emitted here at once, and at the other end behind what was posted before.

        In another thread than the loop's, it is emitted here in a later turn of the loop. Electron's `port.close`.
        """
        end = self._end
        with entangling:
            if end is None or self._is_closed:
                return
            self._is_closed = True
        end.close()
        self._finalizer.detach()
        if self._loop is None or running_loop() is self._loop:
            self.emit("close")
        else:
            run_soon_in(self._loop, self._emit, "close")

    @property
    def is_neutered(self) -> bool:
        """Whether the port was transferred. Not Electron's: for what webipc itself transfers."""
        return self._end is None

    def neuter(self) -> LocalEnd:
        """Take the end out of this port, which is transferred: from now on the port does nothing.

        Raises TransferError when it was transferred before. Not Electron's: for what webipc itself transfers.
        """
        with entangling:
            end, self._end = self._end, None
            if end is None:
                raise TransferError("Port at index 0 is already neutered.")
            end.pause()
        self._finalizer.detach()
        for ended in tuple(self._iterations):
            assert self._loop is not None, "an iteration without an event loop"
            run_soon_in(self._loop, ended)
        return end

    def __aiter__(self) -> AsyncIterator[MessageEvent]:
        """Start the port and iterate over its messages, until either end is closed or this one is transferred.

        Leaving the loop does not close the port. The next message is taken when the body has finished with the one
        before, for `message` listeners as well: messages that arrive faster are queued, as before `start`, and bounded.
        """
        return self._events()

    async def _events(self) -> AsyncIterator[MessageEvent]:
        queue: asyncio.Queue[MessageEvent | None] = asyncio.Queue()

        held = 0

        def received(event: MessageEvent) -> None:
            nonlocal held
            held += 1
            queue.put_nowait(event)
            self._hold()

        def ended() -> None:
            queue.put_nowait(None)

        if self._is_closed or self._end is None:
            return
        self.on("message", received)
        self.on("close", ended)
        self._iterations.append(ended)
        self.start()
        try:
            while (event := await queue.get()) is not None:
                yield event
                held -= 1
                self._release(1)
        finally:
            self.off("message", received)
            self.off("close", ended)
            self._iterations.remove(ended)
            self._release(held)

    def _hold(self) -> None:
        """Take no message until the iterations have finished with those that they have."""
        self._held += 1
        if self._end is not None:
            self._end.pause()

    def _release(self, count: int) -> None:
        self._held -= count
        if count and not self._held and self._end is not None and not self._is_closed:
            self._end.start(self._schedule)

    def _schedule(self) -> None:
        """Call `_drain` in a later turn of the loop. Called under the lock, in any thread."""
        if self._is_scheduled:
            return
        loop = self._loop = self._loop or loop_here()
        if loop is None:
            # Neither end has an event loop yet. The first call in one schedules this again.
            return
        self._is_scheduled = True
        if running_loop() is loop:
            loop.call_soon(self._drain)
        else:
            run_soon_in(loop, self._drain)

    def _drain(self) -> None:
        """Emit the messages that wait now, but no more than take a few milliseconds to be decoded.

        The rest, and those that arrive meanwhile, get another turn, so that the loop can go on.
        """
        self._is_scheduled = False
        end = self._end
        if end is None:
            return
        left = MANY_STEPS
        for _ in range(end.pending):
            if left < 0:
                break
            with entangling:
                # A listener or another thread may have closed or transferred the port: then the rest is not for it.
                if self._end is not end or self._held or not end.can_take():
                    return
                message = end.take()
            left -= 0 if message is None else message.value.steps
            self._receive(end, message)
        with entangling:
            if self._end is end and not self._held and end.can_take():
                self._schedule()

    def _receive(self, end: LocalEnd, message: PortMessage | None) -> None:
        if message is not None:
            self._emit("message", MessageEvent(_value_of(message), self._ports_of(message)))
            return
        self._is_closed = True
        # No message can arrive any more: the end need not keep the port alive.
        end.pause()
        self._finalizer.detach()
        self._emit("close")

    def _ports_of(self, message: PortMessage) -> "list[MessagePortMain]":
        return [MessagePortMain(end, self._loop) for end in message.ends]

    def _emit(self, name: str, *args: Any) -> None:
        with contained("A listener for '%s' of %r raised", name, self):
            self.emit(name, *args)

    def __repr__(self) -> str:
        state = "sent away" if self._end is None else "closed" if self._is_closed else "open"
        return f"<MessagePortMain {state}>"


class MessageChannelMain:
    """A channel: two ports that lead to each other. Electron's `MessageChannelMain`."""

    def __init__(self) -> None:
        one, other = LocalEnd(), LocalEnd()
        one.peer, other.peer = other, one
        self.port1 = MessagePortMain(one)
        self.port2 = MessagePortMain(other)


def refuse_unusable(ports: Sequence[MessagePortMain]) -> None:
    """Raise TransferError for a port that was transferred before, or is listed twice. The texts are Electron's."""
    for index, port in enumerate(ports):
        if port.is_neutered:
            raise TransferError(f"Port at index {index} is already neutered.")
        if any(port is other for other in ports[:index]):
            raise TransferError(f"Port at index {index} is a duplicate.")


def _value_of(message: PortMessage) -> Any:
    try:
        return message.value.decode()
    except RemoteError as error:
        # The server forwards a page's message without decoding it (PROTOCOL.md 4.4).
        text = f"A message of a port cannot be decoded and is delivered as None: {error}"
        REFUSALS.log(MessagePortMain, logging.WARNING, text)
        return None


def _close_collected(end: LocalEnd, loop: asyncio.AbstractEventLoop | None) -> None:
    """Close the end of a port that was garbage-collected.

    In the loop, and not where the garbage collector runs, which may be in the middle of a transfer.
    """
    if loop is None:
        end.close()
    else:
        run_soon_in(loop, end.close)
