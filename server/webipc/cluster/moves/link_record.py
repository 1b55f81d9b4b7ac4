"""One link as a `FrameRecord` with its rows, and the state of a new link from them.

What the core knows is written by the core's own snapshots; here is what stands beside it in `Connection`.
"""

from collections.abc import Iterator
from typing import Any

from webipc.cluster.moves.snapshot import CallNumbers, FrameRecord, KeptAnswer, LinkNumbers, PortNumbers
from webipc.core.calls import Answers
from webipc.core.frame import EncodedMessage, sized
from webipc.core.link import Side
from webipc.core.link import snapshot as core
from webipc.dispatch.replies import Replies
from webipc.link.calls.sync_calls import SyncCall
from webipc.link.connection import Connection
from webipc.link.holdings import FIRST_ROOM


class NotQuietError(Exception):
    """Something of a link runs that cannot be written down. The text says what."""


def check_quiet(connection: Connection) -> None:
    """Raise NotQuietError for what no record has a place for.

    Calls of the page that are open have one: the worker that takes the link has to answer them.
    """
    ports, calls, syncs = connection.ports_if_made, connection.outgoing_calls_if_made, connection.syncs_if_made
    reasons = {
        "something of it is being decoded": connection.unpacking is not None,
        "a call into its page waits": calls is not None and len(calls) > 0,
        "a sendSync waits for its answer": syncs is not None and syncs.has_open,
        "a port is open": ports is not None and (len(ports) > 0 or ports.is_sending),
    }
    for reason, holds in reasons.items():
        if holds:
            raise NotQuietError(f"{connection.document!r} cannot be written down: {reason}")


def record_of(connection: Connection, parent: int | None, groups: list[str], rows: list[bytes]) -> FrameRecord:
    """Return the record of a link, and append its rows. `groups` are those of its document. Raises NotQuietError."""
    check_quiet(connection)
    document, now = connection.document, connection.around.clock.now
    ports, calls, syncs = connection.ports_if_made, connection.outgoing_calls_if_made, connection.syncs_if_made
    deadline = connection.bye_deadline
    return FrameRecord(
        link=connection.link_id,
        secret=connection.secret_digest.hex(),
        features=list(connection.features),
        parent=parent,
        frame_token=document.frame_token,
        routing_id=document.routing_id,
        tree_id=document.frame_tree_node_id,
        origin=document.origin,
        url=document.url,
        name=document.name,
        groups=groups,
        was_attached=connection.was_attached,
        away_ms=0 if connection.transport is not None else max(0, round((now - connection.lost_at) * 1000)),
        page_last=connection.page_last,
        bye_ms=None if deadline is None else round((deadline - now) * 1000),
        core=_numbers_of(connection, rows),
        answers=CallNumbers(**connection.answers.snapshot()),
        calls_next=None if calls is None else calls.next_id,
        ports=None if ports is None else PortNumbers(**ports.numbers),
        syncs=[] if syncs is None else [_kept(*answer, rows) for answer in syncs.kept],
    )


def _numbers_of(connection: Connection, rows: list[bytes]) -> LinkNumbers:
    state = core.snapshot(connection.link)
    kept = state["kept"]
    for json, segments in kept:
        rows += (json, *segments)
    if state["remaining"]:
        rows.append(state["parcel"])
    numbers = {name: state[name] for name in LinkNumbers.model_fields if name != "kept"}
    return LinkNumbers(**numbers, kept=[1 + len(segments) for _, segments in kept])


def _kept(call_id: int, channel: str, message: EncodedMessage, rows: list[bytes]) -> KeptAnswer:
    rows += (message.json, *map(bytes, message.segments))
    return KeptAnswer(id=call_id, channel=channel, rows=1 + len(message.segments))


def go_on(connection: Connection, record: FrameRecord, rows: Iterator[bytes], replies: Replies) -> None:
    """Give a link that was just made the state of a record. Takes its rows.

    Raises BufferFullError where there is no room for what it keeps. It may end this link, or others, to make room.
    """
    limits, now = connection.around.limits, connection.around.clock.now
    # No socket carries it, and it is not over.
    state: dict[str, Any] = {**record.core.model_dump(), "attempt": None, "ended": False}
    state["kept"] = [[next(rows), [next(rows) for _ in range(count - 1)]] for count in record.core.kept]
    state["parcel"] = next(rows) if record.core.remaining else b""
    answers = [(answer, [next(rows) for _ in range(answer.rows)]) for answer in record.syncs]
    link = core.restore(Side.MAIN, limits, state, connection.holdings, FIRST_ROOM)
    if connection.ended:
        return
    link.load = connection.link.load
    connection.link = link
    if not connection.features:
        link.keep_whole()
    connection.holdings.count_parts()
    connection.answers = Answers.restore(Side.MAIN, limits, record.answers.model_dump())
    if record.calls_next is not None:
        connection.outgoing_calls.go_on_from(record.calls_next)
    if record.ports is not None:
        connection.ports.go_on_from(record.ports.model_dump())
    connection.was_attached = record.was_attached
    connection.lost_at = now - record.away_ms / 1000
    connection.page_last = record.page_last
    connection.bye_deadline = None if record.bye_ms is None else now + record.bye_ms / 1000
    for answer, (json, *segments) in answers:
        call = SyncCall(answer.id, answer.channel, connection.around, replies.result, replies.refusal)
        connection.syncs.begin(call)
        call.settle(sized(json, tuple(segments)))
