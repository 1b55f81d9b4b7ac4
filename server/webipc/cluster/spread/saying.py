"""`Saying`: messages to the page of a tab by its id, wherever it is, at most once: `remote(id).send`, and `sendTo`.

The home of the tab numbers them, as it does its own. It also asks the application's policy about `sendTo`: a value is
passed on undecoded, with a record of its sender (PROTOCOL.md 4.7). A message that comes where its tab is not any more
is passed on once. What was left for a parked tab is delivered by the worker that takes it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, cast

import orjson
from pydantic import ValidationError

from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.bus.rows import RowsError, decode_rows, encode_rows
from webipc.cluster.spread.messages import WrongMessageError, message_of, rows_of
from webipc.cluster.spread.ways import Ways
from webipc.cluster.worker import Worker
from webipc.concurrency.fatal import contained
from webipc.core.envelope import SendTo
from webipc.core.errors import LimitError
from webipc.core.frame import EncodedMessage
from webipc.core.link.held import held_by
from webipc.dispatch.dispatcher import forwarded_message
from webipc.electron.document import Document
from webipc.electron.remote_sender import RemoteSender
from webipc.electron.tab import Tab
from webipc.link.outlet import LinkOutlet
from webipc.logs.refusals import REFUSALS

logger = logging.getLogger("webipc")

SAY: Final = "say"


class SenderHead(HeadModel):
    """The document that has used `sendTo`. See `RemoteSender`."""

    principal: str
    identity: str | None
    origin: str
    frame_token: str
    web_contents_id: int
    is_main_frame: bool


class SayHead(HeadModel):
    """The head of a message for a tab."""

    contents: int
    # Whether a worker has passed it on that did not have the tab.
    passed_on: bool = False
    # None where the program has sent it.
    sender: SenderHead | None = None


class Word:
    """One message on its way to a tab: a `Step`."""

    __slots__ = ("_saying", "head", "message", "payer", "size", "from_elsewhere")

    def __init__(
        self,
        saying: "Saying",
        head: SayHead,
        message: EncodedMessage,
        payer: Hashable = None,
        *,
        from_elsewhere: bool = False,
    ) -> None:
        self._saying = saying
        self.head = head
        self.message = message
        self.payer = payer
        self.size = held_by(message)
        self.from_elsewhere = from_elsewhere

    def here(self, tab: Tab) -> None:
        """See `Step`."""
        self._saying.deliver(tab, self)

    def there(self, worker: str) -> None:
        """See `Step`."""
        self._saying.post(worker, self)

    def word(self) -> bytes | None:
        """See `Step`."""
        return encode_rows([orjson.dumps(self.head.model_dump()), *rows_of(self.message)])

    def failed(self, why: str) -> None:
        """See `Step`."""
        self._saying.drop(self, why)


class Saying:
    """Of one worker. All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker, ways: Ways) -> None:
        """`worker` is this one."""
        self._hub, self._bus = worker.hub, worker.bus
        self._ways = ways
        # How many messages did not arrive, by the reason.
        self.dropped: Counter[str] = Counter()
        worker.mailbox.on(SAY, SayHead, self._said)

    def send(self, contents_id: int, message: EncodedMessage) -> None:
        """Send a message of the program."""
        self._ways.go(contents_id, Word(self, SayHead(contents=contents_id), message))

    def send_to(self, sender: Document, envelope: SendTo) -> None:
        """Pass on a message of a page to a tab that is not here."""
        try:
            message = forwarded_message(sender, envelope)
        except LimitError as error:
            text = f"{sender!r}: a message for web contents {envelope.contents} cannot be forwarded: {error}"
            REFUSALS.log(sender.tab.contents, logging.WARNING, text)
            return
        head = SayHead(contents=envelope.contents, sender=_record_of(sender))
        outlet = sender.outlet
        # A document that is gone has sent its last messages: there is nobody to charge.
        payer = outlet.connection.holdings.payer if isinstance(outlet, LinkOutlet) else ""
        self._ways.go(envelope.contents, Word(self, head, message, payer))

    def post(self, worker: str, word: Word) -> None:
        """Say it to the worker that has the tab."""
        member = self._bus.members.get(worker)
        if word.from_elsewhere and word.head.passed_on:
            self.drop(word, "moved")
        elif member is not None and member.is_slow:
            self.drop(word, "slow")
        else:
            head = {**word.head.model_dump(), "passed_on": word.from_elsewhere}
            self._bus.post(worker, SAY, head, rows_of(word.message))

    def _said(self, origin: str, head: SayHead, rows: Sequence[bytes]) -> None:
        word = self._word_of(origin, head, rows)
        if word is not None:
            self._ways.go(head.contents, word)

    def _word_of(self, worker: str, head: SayHead, rows: Sequence[bytes]) -> Word | None:
        try:
            message = message_of(rows, self._hub.limits, worker=worker, has_sender=head.sender is not None)
        except WrongMessageError as error:
            self._count("wrong", f"page #{head.contents}: {str(error)[:200]!a}")
            return None
        # Other workers have charged who sends: here nobody is.
        return Word(self, head, message, from_elsewhere=True)

    def deliver(self, tab: Tab, word: Word) -> None:
        """Give it to the document that the tab shows, if the policy allows that."""
        shown = tab.shown
        if shown is None:
            self.drop(word, "no-document")
        elif word.head.sender is None or self._may_send_to(RemoteSender(**word.head.sender.model_dump()), tab):
            shown.pass_on(word.message)

    def _may_send_to(self, sender: RemoteSender, target: Tab) -> bool:
        policy = self._hub.settings.may_send_to
        if policy is None:
            return (sender.principal, sender.identity) == (target.principal, target.identity)
        with contained("The policy for sendTo raised: %r does not reach %r", sender, target.contents):
            # It may be written for documents of this worker alone: then it raises.
            return bool(cast("Callable[[Any, Any], bool]", policy)(sender, target.contents))
        return False

    def deliver_words(self, tab: Tab, words: Iterable[bytes]) -> None:
        """Give a tab that this worker has taken what was left for it, in the turn in which it was restored.

        For every tab that is taken, also where nothing was left: what has come for it meanwhile follows.
        """
        for piece in words:
            try:
                first, *rows = decode_rows(piece)
                # Workers alone can write there.
                word = self._word_of(self._bus.worker, SayHead.model_validate(orjson.loads(first)), rows)
            except (RowsError, ValueError, ValidationError):
                self._count("wrong", f"page #{tab.id}")
                continue
            if word is not None:
                self.deliver(tab, word)
        self._ways.arrived(tab.id)

    def drop(self, word: Word, why: str) -> None:
        """Count a message that does not arrive. What a page sends into the blue makes no line in the log."""
        if word.head.sender is not None:
            self.dropped[why] += 1
        else:
            self._count(why, f"page #{word.head.contents}")

    def _count(self, why: str, what: str) -> None:
        self.dropped[why] += 1
        count = self.dropped[why]
        if count & (count - 1) == 0:
            text = "%d messages to pages by their ids did not arrive (%s); the last was for %s"
            logger.warning(text, count, why, what)


def _record_of(sender: Document) -> SenderHead:
    tab = sender.tab
    return SenderHead(
        principal=tab.principal,
        identity=tab.identity,
        origin=sender.origin,
        frame_token=sender.frame_token,
        web_contents_id=tab.id,
        is_main_frame=sender.parent is None,
    )
