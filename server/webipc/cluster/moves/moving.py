"""A tab as a snapshot, and a tab of another hub that goes on from it: its documents, their links and its groups.

What does not move: listeners and handlers of the tab, its user, who is asked for again, and its ports, which are closed
before.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.access.payers import payer_of
from webipc.access.visitor import RefusedError, Visitor
from webipc.cluster.moves.link_record import NotQuietError, go_on, record_of
from webipc.cluster.moves.snapshot import FORMAT, FrameRecord, Head, Heard, Snapshot, TabRecord
from webipc.core.errors import CloseCode
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.hub.hub import Hub
from webipc.hub.tabs import digest_of
from webipc.link.connection import Connection
from webipc.link.features import LinkName, known_features
from webipc.link.outlet import LinkOutlet

TOKENS: Final = 8
"""So many tokens of a tab are carried on: its page may have been away while it moved."""


def snapshot(
    hub: Hub, tab: Tab, connections: Iterable[Connection] | None = None, heard: Heard | None = None
) -> Snapshot:
    """Return a tab of this hub as it is at this moment.

    It should be quiet (quiet.py), and its ports closed (`LinkPorts.close_all`). `connections` are those of `links_of`,
    where they are known. `heard` is how far this process is in what is said to every page of all processes. Raises
    NotQuietError where something runs that cannot be written down.
    """
    named = hub.groups.named
    rows: list[bytes] = []
    frames: list[FrameRecord] = []
    places: dict[Document, int] = {}
    for connection in links_of(hub, tab) if connections is None else connections:
        document = connection.document
        parent = None if document.parent is None else places.get(document.parent)
        if document.parent is not None and parent is None:
            raise NotQuietError(f"{document!r} cannot be written down: the document that embeds it has gone")
        places[document] = len(frames)
        frames.append(record_of(connection, parent, named.names_of(document), rows))
    contents = TabRecord(
        id=tab.id,
        tree_id=tab.frame_tree_node_id,
        principal=tab.principal,
        principal_was_shown=tab.principal_was_shown,
        tokens=[*tab.earlier_tokens, digest_of(tab.token)][-TOKENS:],
        identity=tab.identity,
        is_closing=tab.is_closing,
        groups=named.names_of(tab),
    )
    documents = [places[document] for document in tab.documents]
    return Snapshot(Head(format=FORMAT, contents=contents, frames=frames, documents=documents, heard=heard), rows)


def restore(hub: Hub, moved: Snapshot, visitor: Visitor) -> Tab:
    """Let a tab go on in this hub, without a socket. `visitor` is who has come for it, and pays for its links.

    No listener runs. Its page resumes as after any lost socket. Raises RefusedError and BufferFullError where there is
    no room for all of it, ValueError where the tab is here already: then nothing of it is.
    """
    tab = _tab_of(hub, moved.head.contents)
    connections: list[Connection] = []
    try:
        rows = iter(moved.rows)
        for frame in moved.head.frames:
            connections.append(_begun(hub, tab, frame, connections, visitor))
            go_on(connections[-1], frame, rows, hub.replies)
        _check_whole(connections)
    except Exception:
        # No link has ended: the tab may go on elsewhere.
        hub.let_go(tab, [connection for connection in connections if not connection.ended])
        raise
    _show(hub, tab, moved.head, connections)
    _join(hub, tab, moved.head, connections)
    for connection in connections:
        # The first may end: the hub has too many that are away.
        if connection.was_attached and not connection.ended:
            # Links count as made by a request until a socket has carried them.
            hub.links.attached(connection)
            hub.links.detached(connection)
    return tab


def _tab_of(hub: Hub, record: TabRecord) -> Tab:
    # All that a tab takes of who it was made for.
    cookie = None if record.principal_was_shown else ""
    visitor = Visitor(origin="", peer="", address="", principal=record.principal, cookie=cookie)
    caller = Caller(AttachScope({"type": "http", "headers": []}), None, record.identity)
    tab = hub.tabs.adopt(record.id, record.tree_id, visitor, caller, record.tokens)
    tab.is_closing = record.is_closing
    return tab


def _begun(hub: Hub, tab: Tab, frame: FrameRecord, earlier: list[Connection], visitor: Visitor) -> Connection:
    parent = None if frame.parent is None else earlier[frame.parent].document
    name = LinkName(frame.link, bytes.fromhex(frame.secret), known_features(frame.features))
    return hub.births.adopt(name, partial(_document, tab, frame, parent), payer_of(visitor))


def _document(tab: Tab, frame: FrameRecord, parent: Document | None, connection: Connection) -> Document:
    return Document(
        tab,
        LinkOutlet(connection, connection.around),
        routing_id=frame.routing_id,
        frame_tree_node_id=frame.tree_id,
        frame_token=frame.frame_token,
        origin=frame.origin,
        url=frame.url,
        name=frame.name,
        parent=parent,
    )


def _check_whole(connections: Sequence[Connection]) -> None:
    """Raise RefusedError where one document has given way to another one."""
    if any(connection.ended for connection in connections):
        raise RefusedError(CloseCode.TRY_LATER, f"the server has no room for a tab of {len(connections)} documents")


def _show(hub: Hub, tab: Tab, head: Head, connections: Sequence[Connection]) -> None:
    for place in head.documents:
        hub.tabs.show(connections[place].document)
    if not any(frame.parent is None for frame in head.frames):
        hub.tabs.await_document(tab, hub.clock.now)


def _join(hub: Hub, tab: Tab, head: Head, connections: Iterable[Connection]) -> None:
    if tab.identity is not None:
        hub.groups.users.add(tab.identity, tab)
    named = hub.groups.named
    for name in head.contents.groups:
        named.add(name, tab)
    for frame, connection in zip(head.frames, connections, strict=True):
        for name in frame.groups:
            named.add(name, connection.document)
        # They are charged in any case: they were in these groups before.
        hub.groups.charge(connection.document)


def links_of(hub: Hub, tab: Tab) -> Iterator[Connection]:
    """Yield the links of a tab, in the order in which they began."""
    return (connection for connection in hub.links if connection.document.tab is tab)
