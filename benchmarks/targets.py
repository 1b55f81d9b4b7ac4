"""The targets for webipc. The medians decide, the worst rounds warn."""

from benchmarks.catalogue import OURS
from benchmarks.cells import BARE, FASTAPI_RPC, NODE_SOCKETIO, NODE_WS, PICOWS, PYTHON_SOCKETIO, TUTORIAL
from benchmarks.table import Target

TARGETS = (
    Target("B1a", OURS, BARE, 1.6),
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
    Target("B5", OURS, PYTHON_SOCKETIO, 10),
    Target("B6", OURS, PICOWS, 1.6),
    Target("B6", OURS, PYTHON_SOCKETIO, 0.35),
    Target("B7", OURS, PYTHON_SOCKETIO, 1.0),
    Target("B7", OURS, NODE_SOCKETIO, 0.9),
    Target("B8", OURS, PYTHON_SOCKETIO, 0.95),
)
