"""Whether a tab is quiet: nothing of it runs or waits that would have to go on in this process.

A quiet tab can move to another process whole. What is read here is what the link and its parts note anyway, so that the
path of a message knows nothing of this.
"""

from collections.abc import Iterable

from webipc.hub.attaches import Attaches
from webipc.link.connection import Connection


def is_quiet(connection: Connection, attaches: Attaches) -> bool:
    """Tell whether nothing of a link runs or waits, in its event loop's thread.

    No handler and no listener runs, neither in the event loop nor in a thread, and none is about to; no call of either
    side waits for its answer, a `sendSync` included; nothing waits to be forwarded by a port; nothing of it is decoded,
    or arrives in the body of a request; and nobody is asked who one of its sockets or requests is from.

    What still runs for a document that has ended is not seen here: its answers are dropped in any case.
    """
    ports, calls = connection.ports_if_made, connection.outgoing_calls_if_made
    return (
        connection.jobs.has_ended
        # A call is open until its answer is encoded, wherever its handler runs.
        and not connection.answers
        and (calls is None or not calls)
        and (ports is None or not ports.is_sending)
        and connection.unpacking is None
        and not attaches.is_visited(connection.link_id)
    )


def is_quiet_tab(connections: Iterable[Connection], attaches: Attaches) -> bool:
    """Tell whether a tab is quiet, whose links these are, in its event loop's thread.

    A document in an iframe whose parent has gone is about to go as well: its tab is quiet when it has.
    """
    return all(is_quiet(connection, attaches) and not _is_orphan(connection) for connection in connections)


def _is_orphan(connection: Connection) -> bool:
    parent = connection.document.parent
    return parent is not None and parent.is_gone
