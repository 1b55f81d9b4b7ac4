"""K: the memory that a server holds for each message that a page has not acknowledged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.catalogue import NODE_SOCKETIO, NODE_WS, OURS, PYTHON_SOCKETIO
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples
from benchmarks.pages.dialects import open_page
from benchmarks.pages.wire import WireError
from benchmarks.servers import Server
from benchmarks.table import Bench, Sample

SOURCE = "127.0.0.2"
# When nothing more comes for so long, the rest is held back.
QUIET_SECONDS = 1.0
# Characters of a message, and how many: within `kept_messages` and `kept_bytes`.
CASES = ((100, 20_000), (1_000, 20_000), (20_000, 2_000))
_NAMES = (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)
_UNABLE = dict.fromkeys(_NAMES[1:], "keeps nothing that it has written")


def _cell(size: int, count: int) -> Callable[[Lab, Server], Samples]:
    def measure(lab: Lab, server: Server) -> Samples:
        few = count // 100
        many = few if lab.small else count
        try:
            # The first page warms up what is allocated once. Its messages stay, and are in `before`.
            with _pushed(server, few, size):
                before = server.resident_bytes()
                with _pushed(server, many, size):
                    held = server.resident_bytes() - before
        except (WireError, OSError) as error:
            raise MeasurementError(f"{error} (the server: {server.complaint()})") from None
        return {f"K{size}": Sample(held / many)}

    return measure


@contextmanager
def _pushed(server: Server, count: int, size: int) -> Iterator[None]:
    """Let the server send messages to a page that reads all that comes, and never acknowledges one.

    It holds back what is beyond the window of the link, so another page asks when all are sent.
    """
    page, other = (open_page(server.subject.dialect, server.port, SOURCE) for _ in range(2))
    try:
        before = other.call("pushed", None)[0]
        page.send("push", count, size)
        page.wire.socket.settimeout(QUIET_SECONDS)
        last = f'["{count - 1:08d}'.encode()
        with suppress(TimeoutError):
            while last not in page.wire.receive()[1]:
                pass
        assert other.call("pushed", None)[0] == before + 1
        yield
    finally:
        page.wire.close()
        other.wire.close()


KEPT = tuple(
    Cell(
        (Bench(f"K{size}", f"memory for a kept message of {size:,} characters", "bytes", "less", _NAMES),),
        _cell(size, count),
        "python",
        fresh=True,
        rounds=3,
        unable=_UNABLE,
    )
    for size, count in CASES
)
