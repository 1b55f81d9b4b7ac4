"""`MessagePortMain`: one end of a channel, as the main process has it (docs/electron-parity.md, ports).

An emitter of `message` and `close` around an end (ports/ends.py). Must not know where the other end is.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

from webipc.channels.emitter import EventEmitter
from webipc.concurrency.fatal import contained
from webipc.concurrency.loops import loop_here, run_soon_in, running_loop
from webipc.core.errors import LocalError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.values import undefined
from webipc.ports.ends import LocalEnd, PortMessage, entangling

logger = logging.getLogger("webipc")


class TransferError(LocalError):
    """A list of ports that cannot be sent. The texts are Electron's."""

    code = "bad-transfer"


class TransferTypeError(TransferError, TypeError):
    """A list of ports that is none, or has something else in it. Electron throws a TypeError."""


class MessageEvent(NamedTuple):
    """What a listener of `message` gets: the value, and the ports that came with it (Electron's `{ data, ports }`)."""

    data: Any
    ports: "list[MessagePortMain]"


class MessagePortMain(EventEmitter):
    """One end of a channel; the other may be in this program or in a page.

    Emits `message` (MessageEvent) and `close` (nothing). What comes waits until `start`, the close of the other end
    too; of one page no more waits than `kept_bytes` and `kept_messages`, or the fullest port is closed; adding a
    listener does not start a port, and `async for event in port` does. Messages arrive in the order in which they
    were posted, each once, also over lost sockets. Methods may be called from any thread; listeners run in the
    event loop (a thread that the program has made itself, and that is no `def` handler's, has none: a port that is
    made there is heard once it, or its other end, gets to one). A port that is started stays as long as something
    may come; one that is not started, and that nobody holds any more, is closed.
    """

    def __init__(self, end: LocalEnd, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """For MessageChannelMain and for what arrives: a program makes a channel, and never a port by itself."""
        super().__init__()
        # None once the port was sent away.
        self._end: LocalEnd | None = end
        self._loop = loop or loop_here()
        self._is_started = False
        self._is_closed = False
        # A turn of the loop will look what has come.
        self._is_scheduled = False
        # What was given to iterations that have not come back for the next message.
        self._held = 0
        # Ends an iteration each; in the port's loop.
        self._iterations: list[Callable[[], None]] = []
        self._forsaken = weakref.finalize(self, _forsake, end, self._loop)
        self._forsaken.atexit = False

    def post_message(self, message: Any = undefined, transfer: "Sequence[MessagePortMain]" = ()) -> None:
        """Say something to the other end; the ports of `transfer` go with it and cannot be used here any more.

        Does nothing on a port that is closed or was sent away, whatever the arguments are. Raises CloneError and
        LimitError when the message cannot be sent, TransferTypeError and TransferError (Electron's texts) for a wrong
        list; the port stays open in every case. Electron's `port.postMessage`.
        """
        end = self._end
        if end is None or end.peer is None:
            return
        value = PortMessage.encode(message, DEFAULT_LIMITS)
        ports = self._checked(transfer)
        end.post(value.with_ends(port.neuter() for port in ports))

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
        """Let what has come, and what will, reach the listeners. Does nothing where the port is started or gone."""
        end = self._end
        if end is None or self._is_started or self._is_closed:
            return
        self._is_started = True
        self._loop = self._loop or loop_here()
        # From now on the end holds the port: somebody may say something, and a listener is to hear it.
        end.start(self._schedule)

    def close(self) -> None:
        """Close both ends. `close` is emitted here at once, and at the other end behind what was posted before.

        Called in a thread that is not the loop's, it is emitted as soon as may be.
        """
        end = self._end
        with entangling:
            if end is None or self._is_closed:
                return
            self._is_closed = True
        end.close()
        self._forsaken.detach()
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
        self._forsaken.detach()
        for ended in tuple(self._iterations):
            assert self._loop is not None, "an iteration without an event loop"
            run_soon_in(self._loop, ended)
        return end

    def __aiter__(self) -> AsyncIterator[MessageEvent]:
        """Start the port and iterate over what comes, until either end is closed or this one is sent away.

        Leaving the loop closes nothing.

        The next message is taken when the body is done with the one before, by `message` listeners as well: what comes
        faster waits as before `start`, where a page's words are bounded.
        """
        return self._events()

    async def _events(self) -> AsyncIterator[MessageEvent]:
        queue: asyncio.Queue[MessageEvent | None] = asyncio.Queue()

        held = 0

        def came(event: MessageEvent) -> None:
            nonlocal held
            held += 1
            queue.put_nowait(event)
            self._hold()

        def ended() -> None:
            queue.put_nowait(None)

        if self._is_closed or self._end is None:
            return
        self.on("message", came)
        self.on("close", ended)
        self._iterations.append(ended)
        self.start()
        try:
            while (event := await queue.get()) is not None:
                yield event
                held -= 1
                self._let_go(1)
        finally:
            self.off("message", came)
            self.off("close", ended)
            self._iterations.remove(ended)
            self._let_go(held)

    def _hold(self) -> None:
        """Take nothing until what was given away is let go."""
        self._held += 1
        if self._end is not None:
            self._end.pause()

    def _let_go(self, count: int) -> None:
        self._held -= count
        if count and not self._held and self._end is not None and not self._is_closed:
            self._end.start(self._schedule)

    def _schedule(self) -> None:
        """Have the loop look what has come. Called under the lock, in any thread."""
        if self._is_scheduled:
            return
        loop = self._loop = self._loop or loop_here()
        if loop is None:
            # Neither end has been near an event loop. Whatever brings the port there brings this too.
            return
        self._is_scheduled = True
        if running_loop() is loop:
            loop.call_soon(self._drain)
        else:
            run_soon_in(loop, self._drain)

    def _drain(self) -> None:
        """Emit what has come so far; what comes of it has another turn, so that the loop goes on in between."""
        self._is_scheduled = False
        end = self._end
        if end is None:
            return
        for _ in range(end.news):
            with entangling:
                # A listener, or another thread, may have closed the port or sent it away: then nothing here is its own.
                if self._end is not end or not end.news or self._held:
                    return
                message = end.take()
            self._came(end, message)
        with entangling:
            if end.news and self._end is end and not self._held:
                self._schedule()

    def _came(self, end: LocalEnd, message: PortMessage | None) -> None:
        if message is not None:
            self._emit("message", MessageEvent(_value_of(message), self._ports_of(message)))
            return
        self._is_closed = True
        # Nothing comes any more, and nothing has to be told: the end lets go of the port.
        end.pause()
        self._forsaken.detach()
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
        return message.decode()
    except ProtocolError as error:
        # Whoever passed it on did not look at it (PROTOCOL.md 4.4).
        logger.warning("A message through a port cannot be read, and arrives as None: %s", error.detail)
        return None


def _forsake(end: LocalEnd, loop: asyncio.AbstractEventLoop | None) -> None:
    """Close the end of a port that nobody holds any more.

    In the loop, and not where the garbage collector happens to run: that may be in the middle of a transfer.
    """
    if loop is None:
        end.close()
    else:
        run_soon_in(loop, end.close)
