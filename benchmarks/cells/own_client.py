"""C and G: what the page's half costs by itself: its microseconds for a call, and its size."""

import gzip
from collections.abc import Mapping, Sequence

from benchmarks.catalogue import BY_NAME, NODE_SOCKETIO, NODE_WS, OURS
from benchmarks.cells.kinds import Joint, Lab, MeasurementError, Samples, report
from benchmarks.table import Bench, Sample
from benchmarks.workshop import BUNDLE, NODE

_NAMES = (OURS, NODE_WS, NODE_SOCKETIO)
_IDS = ("C1", "C2")


def _calls(lab: Lab, names: Sequence[str]) -> Mapping[str, Samples]:
    return {name: _calls_of(lab, name) for name in names}


def _calls_of(lab: Lab, name: str) -> Samples:
    """Measure a client whose socket is replaced by one that answers at once, in the same process."""
    if name == NODE_SOCKETIO:
        return dict.fromkeys(_IDS, "its socket cannot be replaced by one that answers at once")
    if reason := lab.tools.why_no_page(BY_NAME[name], needs_packages=False):
        return dict.fromkeys(_IDS, reason)
    try:
        told = report([lab.tools.node, NODE / "own.mjs", BY_NAME[name].client, lab.seconds / 2])
    except MeasurementError as error:
        return dict.fromkeys(_IDS, str(error))
    return {"C1": Sample(told["lone"]), "C2": Sample(told["flight"])}


def _size(lab: Lab, names: Sequence[str]) -> Mapping[str, Samples]:
    page = BUNDLE.with_name("client.js")
    if not page.is_file():
        return {OURS: {"G": "the client is not built (run: make build)"}}
    return {OURS: {"G": Sample(len(gzip.compress(page.read_bytes(), 9)))}}


OWN_CLIENT = Joint(
    (
        Bench("C1", "the client's own processor time for a lone call, on Node", "us", "less", _NAMES),
        Bench("C2", "the same with 1,000 in flight", "us", "less", _NAMES),
    ),
    _calls,
    rounds=5,
)
SIZE = Joint((Bench("G", "the client after gzip", "bytes", "less", (OURS,)),), _size, rounds=1)
