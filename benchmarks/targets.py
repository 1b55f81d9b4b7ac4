"""The targets for webipc. The medians decide, the worst rounds warn."""

from benchmarks.catalogue import (
    BARE,
    BEFORE,
    FASTAPI_RPC,
    NODE_SOCKETIO,
    NODE_WS,
    OURS,
    PICOWS,
    PYTHON_SOCKETIO,
    SHARED,
    TUTORIAL,
    WORKERS,
)
from benchmarks.cells.waits import SHAPES
from benchmarks.table import Target
from benchmarks.values import ORJSON, TIMES

_LOADS = "orjson.loads of the same text"
_LONG_WAIT_MS = 5  # a shorter one is no wait, however fast orjson is


def _four_times(shape: str) -> Target:
    return Target(
        f"V:{shape}:encode:{TIMES}", OURS, OURS, 4.5, over=f"V:{shape}:encode:1", over_text="what a quarter takes"
    )


def _waits(shape: str) -> tuple[Target, ...]:
    return (
        Target(f"W:{shape}:in", OURS, OURS, 1.5, f"W:{shape}:loads", _LOADS, enough=_LONG_WAIT_MS),
        Target(f"W:{shape}:in", OURS, BEFORE, 0.5, enough=_LONG_WAIT_MS),
        Target(f"W:{shape}:out", OURS, BEFORE, 0.5, enough=_LONG_WAIT_MS),
    )


TARGETS = (
    Target("B1a", OURS, BARE, 1.2),
    Target("B2", OURS, NODE_SOCKETIO, 1.4),
    Target("B2", OURS, NODE_WS, 1.5),
    Target("B2", OURS, PYTHON_SOCKETIO, 0.7),
    Target("B3", OURS, PYTHON_SOCKETIO, 10),
    Target("B3", OURS, FASTAPI_RPC, 8),
    Target("B3", OURS, TUTORIAL, 3),
    Target("B3", OURS, NODE_SOCKETIO, 1.5),
    Target("B3", OURS, NODE_WS, 1.3),
    Target("B3c", OURS, PYTHON_SOCKETIO, 10),
    Target("B3c", OURS, NODE_SOCKETIO, 1.5),
    Target("B4a", OURS, None, 10),
    Target("B4b", OURS, None, 30),
    Target("B5", OURS, NODE_WS, 1.5),
    Target("B5", OURS, PYTHON_SOCKETIO, 10),
    Target("B6", OURS, PICOWS, 1.3),
    Target("B6", OURS, PYTHON_SOCKETIO, 0.35),
    Target("B7", OURS, PYTHON_SOCKETIO, 1.2),
    Target("B7", OURS, NODE_SOCKETIO, 1.5),
    Target("B8", OURS, None, 12),
    Target("B8", OURS, NODE_SOCKETIO, 1.0),
    Target("B9:5000:percent", OURS, None, 0.4),
    Target("V:dated:encode:1", OURS, ORJSON, 20),
    Target("V:models:encode:1", OURS, ORJSON, 20),
    _four_times("plain"),
    _four_times("dated"),
    _four_times("models"),
    *(target for shape in SHAPES for target in _waits(shape.key)),
    Target("F:sends-8:late", OURS, None, 15),
    Target("F:pings-8:late", OURS, None, 15),
    Target("F:fragments-8:late", OURS, None, 15),
    # 0.85 of a core for each of two workers. D2 is the larger figure of one process: with two pages it does less.
    Target("D8", WORKERS, OURS, 1.7, over="D2", over_text="one page at one process"),
    Target("D8", SHARED, OURS, 1.7, over="D2", over_text="one page at one process"),
    Target("G", OURS, None, 17_000),
)
