"""T: another page's `def` call, which takes 100 ms in a thread, beside 400 of them from one page."""

import time

from benchmarks.catalogue import NODE_SOCKETIO, NODE_WS, OURS, PYTHON_SOCKETIO
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples
from benchmarks.pages.dialects import CallError, open_page
from benchmarks.pages.wire import TEXT, WireError, frame
from benchmarks.servers import Server
from benchmarks.table import Bench, Sample

CALLS, SECONDS = 400, 0.1
_UNABLE = {
    PYTHON_SOCKETIO: "runs `def` handlers on its event loop: all calls wait for each one",
    NODE_SOCKETIO: "has no threads for handlers",
    NODE_WS: "has no threads for handlers",
}


def _measure(lab: Lab, server: Server) -> Samples:
    try:
        page = open_page(server.subject.dialect, server.port, "127.0.0.2")
        other = open_page(server.subject.dialect, server.port, "127.0.0.3")
        count = CALLS // 10 if lab.small else CALLS
        calls = (f'[{n + 1},0,["invoke",{2 * n + 1},"rest",[{SECONDS}]]]' for n in range(count))
        page.wire.socket.sendall(b"".join(frame(TEXT, call.encode()) for call in calls))
        began = time.monotonic()
        _, ended = other.call("rest", str(SECONDS))
        page.wire.close()
        other.wire.close()
    except (WireError, CallError, OSError) as error:
        raise MeasurementError(f"{error} (the server: {server.complaint()})") from None
    return {"T": Sample((ended - began) * 1000)}


THREADS = Cell(
    (
        Bench(
            "T",
            f"another page's `def` call of 100 ms beside {CALLS}",
            "ms",
            "less",
            (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS),
        ),
    ),
    _measure,
    "python",
    fresh=True,
    rounds=3,
    unable=_UNABLE,
)
