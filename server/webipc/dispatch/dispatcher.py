"""What becomes of each message that has arrived: a call of the application's code, or something for another page.

Decodes what the application is to see, and passes on undecoded what is for another page (PROTOCOL.md 4.4 and 4.7). The
router makes the calls, the link's job queue runs them.
"""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

from webipc.access.caller import Caller
from webipc.core.envelope import (
    Envelope,
    ErrorReply,
    Invoke,
    Port,
    PortClose,
    Post,
    Result,
    Send,
    SendTo,
    Sync,
    SyncDone,
    decode_value,
)
from webipc.core.errors import LimitError, ProtocolError, UnreadableError
from webipc.core.frame import EncodedMessage, encode_message
from webipc.core.limits import Limits
from webipc.core.link.written import forwarded
from webipc.dispatch.batch import Batch
from webipc.dispatch.policy import Policy, allows
from webipc.dispatch.replies import Replies
from webipc.dispatch.router import Router
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.link.calls.sync_calls import SyncCall, SyncTimeoutError
from webipc.link.connection import Connection
from webipc.logs.lines import escaped
from webipc.logs.refusals import REFUSALS

# What `welcome` names: the kinds beyond the first that this file takes.
FEATURES: list[str] = ["ports", "sync", "send-to", "beacons"]

FULL_PORT = (
    "%r: a port is closed, and the messages that wait in it are dropped. The program has not started it, or reads more "
    "slowly than the page sends, and all ports of the page exceed a limit (kept_bytes: %d, kept_messages: %d, or what "
    "its address may hold of `memory`). Start every port that you keep, with port.start() or `async for`, and close "
    "the others."
)


class Dispatcher:
    """Routes the messages of every page of a hub."""

    def __init__(
        self,
        router: Router,
        replies: Replies,
        limits: Limits,
        from_id: Callable[[int], Tab | None],
        may_send_to: Policy | None,
        send_elsewhere: Callable[[Document, SendTo], None],
    ) -> None:
        """`from_id` finds a tab; `may_send_to(sender, target)` is the application's policy for `sendTo`, if any.

        `send_elsewhere` is given what a document sends to a tab that is not found.
        """
        self._router = router
        self._replies = replies
        self._limits = limits
        self._from_id = from_id
        self._may_send_to = may_send_to
        self._send_elsewhere = send_elsewhere
        self._rare: dict[type, Callable[[Connection, Any, Batch, Caller], None]] = {
            Sync: self._sync,
            SyncDone: self._sync_done,
            Post: self._post,
            Port: self._port,
            PortClose: self._port_close,
            SendTo: self._send_to,
            Result: self._answered,
            ErrorReply: self._answered,
        }

    def dispatch(self, connection: Connection, envelopes: Sequence[Envelope], caller: Caller) -> None:
        """Route what `caller` has brought, in order. Raises ProtocolError at the first that is wrong; those before it
        stay.

        A message whose value cannot be read fails alone. What stands behind a message that has ended the link is given
        up with it.
        """
        limits, router, jobs = self._limits, self._router, connection.jobs
        batch = Batch(connection.holdings, len(envelopes))
        for envelope in envelopes:
            if connection.ended:
                return
            try:
                if type(envelope) is Invoke:
                    connection.answers.begin(envelope.id)
                    args = _arguments(envelope, limits)
                    jobs.put_call(router.invoke(connection, caller, envelope.id, envelope.channel, args), batch)
                elif type(envelope) is Send:
                    jobs.put(router.send(connection, caller, envelope.channel, _arguments(envelope, limits)), batch)
                elif (rare := self._rare.get(type(envelope))) is not None:
                    rare(connection, envelope, batch, caller)
                elif envelope.kind != "void":
                    raise ProtocolError(f"expected a kind of a feature that this server named, got {envelope.kind!r}")
            except UnreadableError as error:
                self._unreadable(connection, envelope, error)

    def _unreadable(self, connection: Connection, envelope: Envelope, error: UnreadableError) -> None:
        """Answer a call with the error; drop any other message, with a line in the log (PROTOCOL.md section 5)."""
        if isinstance(envelope, Invoke):
            if connection.answers.finish(envelope.id):
                connection.post_here(self._replies.refusal(envelope.id, error))
            return
        if isinstance(envelope, Post):
            for end in connection.ports.accept(envelope.ports):
                end.close()
        text = f"{connection.document!r}: a message for '{escaped(getattr(envelope, 'channel', ''), 200)}' is dropped: "
        REFUSALS.log(connection.document.tab.contents, logging.WARNING, f"{text}{error}")

    def _sync(self, connection: Connection, envelope: Sync, batch: Batch, caller: Caller) -> None:
        connection.answers.begin(envelope.id)
        call = SyncCall(envelope.id, envelope.channel, connection.around, self._replies.result, self._replies.refusal)
        call.ended = functools.partial(connection.answers.finish, envelope.id)
        late = SyncTimeoutError(envelope.channel, self._limits.sync_ms)
        call.expire_after(self._limits.sync_ms, self._replies.refusal(envelope.id, late))
        connection.syncs.begin(call)
        try:
            args = _arguments(envelope, self._limits)
        except UnreadableError as error:
            call.settle(self._replies.refusal(envelope.id, error))
        else:
            connection.jobs.put(self._router.sync(connection, caller, call, args), batch)

    def _sync_done(self, connection: Connection, envelope: SyncDone, batch: Batch, caller: Caller) -> None:
        connection.syncs.done(envelope.id)

    def _post(self, connection: Connection, envelope: Post, batch: Batch, caller: Caller) -> None:
        message = decode_value(envelope, self._limits)
        ends = connection.ports.accept(envelope.ports)
        connection.jobs.put(self._router.post(connection, caller, envelope.channel, message, ends), batch)

    def _port(self, connection: Connection, envelope: Port, batch: Batch, caller: Caller) -> None:
        for _ in range(connection.ports.receive(envelope)):
            limits = self._limits
            text = FULL_PORT % (connection.document, limits.kept_bytes, limits.kept_messages)
            REFUSALS.log(connection.document.tab.contents, logging.WARNING, text)

    def _port_close(self, connection: Connection, envelope: PortClose, batch: Batch, caller: Caller) -> None:
        connection.ports.receive_close(envelope)

    def _answered(self, connection: Connection, envelope: Result | ErrorReply, batch: Batch, caller: Caller) -> None:
        connection.outgoing_calls.settle(envelope)

    def _send_to(self, connection: Connection, envelope: SendTo, batch: Batch, caller: Caller) -> None:
        sender = connection.document
        tab = self._from_id(envelope.contents)
        if tab is None:
            self._send_elsewhere(sender, envelope)
            return
        target = None if tab.destroyed else tab.shown
        if target is None or not allows(self._may_send_to, sender, tab):
            return
        try:
            target.pass_on(forwarded_message(sender, envelope))
        except LimitError as error:
            text = f"{sender!r}: a message for {tab!r} cannot be forwarded: {error}"
            REFUSALS.log(sender.tab.contents, logging.WARNING, text)


def forwarded_message(sender: Document, envelope: SendTo) -> EncodedMessage:
    """Return what the target of a `sendTo` gets. Raises LimitError when it is nested too deeply to be written."""
    meta = {"senderId": sender.tab.id, "senderIsMainFrame": sender.parent is None}
    return encode_message(["send", envelope.channel], forwarded(envelope), meta)


def _arguments(envelope: Invoke | Send | Sync, limits: Limits) -> list[Any]:
    value = decode_value(envelope, limits)
    if type(value) is not list:
        raise ProtocolError("expected the array of arguments as the value, got something else")
    return value
