"""B1 to B8: calls, events, broadcasts and bytes of one connection, and a crowd of idle ones."""

from collections.abc import Callable

from benchmarks.catalogue import (
    BARE,
    FASTAPI_RPC,
    NODE_SOCKETIO,
    NODE_WS,
    OURS,
    PICOWS,
    PYTHON_SOCKETIO,
    ROOMY,
    TUTORIAL,
)
from benchmarks.cells.crowd import Crowd
from benchmarks.cells.kinds import Cell, Lab, Samples, timed
from benchmarks.servers import Server, one_core
from benchmarks.table import Bench, Sample

TELLS = 11  # broadcasts in one cell; their median is its figure


def check(lab: Lab, server: Server) -> None:
    """Check values before the timing: 1,000 distinct calls at once, a round trip of 1 MiB, events in order.

    Raises:
        MeasurementError: a value was returned wrong, or not at all.

    """
    if server.subject.client is not None and lab.tools.why_no_page(server.subject) is None:
        lab.page(server, "check")
    if server.subject.dialect not in {None, "plain"} and lab.tools.load is not None:
        lab.calls(server, 0.1, 1000, 50)


def _round_trip_in_c(lab: Lab, server: Server) -> Samples:
    with one_core(server):
        told, _, server_us = timed(server, lambda: lab.calls(server, lab.seconds, 1, 1))
    return {"B1a": Sample(told["p50"], server_us, told["busy"])}


def _round_trip_of_a_page(lab: Lab, server: Server) -> Samples:
    with one_core(server):
        told, _, server_us = timed(server, lambda: lab.page(server, "rtt"))
    return {"B2": Sample(told["p50"], server_us, told["busy"])}


def _by_page(bench: str, job: str, in_flight: int = 1) -> Callable[[Lab, Server], Samples]:
    """A cell that counts what the subject's own client receives: calls, events, or mebibytes."""

    def measure(lab: Lab, server: Server) -> Samples:
        told, rate, server_us = timed(server, lambda: lab.page(server, job, in_flight))
        return {bench: Sample(rate, server_us, told["busy"])}

    return measure


def _calls_in_c(lab: Lab, server: Server) -> Samples:
    """Send as the clients do: webipc's sends the calls of one turn in one frame, the others each call in a frame."""
    per_frame = 50 if server.subject.dialect == "webipc" else 1
    told, rate, server_us = timed(server, lambda: lab.calls(server, lab.seconds, 1000, per_frame))
    return {"B3c": Sample(rate, server_us, told["busy"])}


def _processor_per_call(bench: str, per_frame: int) -> Callable[[Lab, Server], Samples]:
    """A cell whose figure is the server's processor time, under a load that keeps it busy."""

    def measure(lab: Lab, server: Server) -> Samples:
        told, _, server_us = timed(server, lambda: lab.calls(server, lab.seconds, 1024, per_frame))
        return {bench: Sample(server_us, server_us, told["busy"])}

    return measure


def _crowd(lab: Lab, server: Server) -> Samples:
    """Measure memory before any message. A small crowd first warms up what is allocated once."""
    assert lab.tools.load is not None
    for size, tells in ((20, 3), (lab.crowd, TELLS)):
        before = server.resident_bytes()
        with Crowd(lab.tools.load, server, "crowd", size) as crowd:
            kilobytes = (server.resident_bytes() - before) / 1024 / size
            spent = server.processor_seconds()
            last_ms = crowd.tell(tells)
            server_us = (server.processor_seconds() - spent) * 1e6 / tells / size
    return {"B6": Sample(last_ms, server_us), "B8": Sample(kilobytes)}


_CALLERS = (OURS, ROOMY, PYTHON_SOCKETIO, FASTAPI_RPC, TUTORIAL, NODE_SOCKETIO, NODE_WS)
_CALLERS_IN_C = tuple(name for name in _CALLERS if name != ROOMY)
_PUSHERS = (OURS, ROOMY, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)
_CROWDS = (OURS, ROOMY, BARE, PICOWS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)

CALLS = (
    Cell(
        (Bench("B1a", "round trip of a call, load in C, one core", "us, p50", "less", (OURS, ROOMY, BARE)),),
        _round_trip_in_c,
        "load",
    ),
    Cell(
        (Bench("B2", "round trip of a call, own client, one core", "us, p50", "less", _CALLERS_IN_C),),
        _round_trip_of_a_page,
        "page",
    ),
    Cell(
        (Bench("B3", "calls, 1,000 in flight, own client", "calls/s", "more", _CALLERS),),
        _by_page("B3", "flight", 1000),
        "page",
    ),
    Cell(
        (Bench("B3c", "calls, 1,000 in flight, load in C", "calls/s", "more", _CALLERS_IN_C),),
        _calls_in_c,
        "load",
    ),
    Cell(
        (Bench("B4a", "server's processor time per call, 64 in a frame", "us", "less", (OURS, BARE, NODE_WS)),),
        _processor_per_call("B4a", 64),
        "load",
    ),
    Cell(
        (Bench("B4b", "server's processor time per call, 1 in a frame", "us", "less", (OURS, BARE, NODE_WS)),),
        _processor_per_call("B4b", 1),
        "load",
    ),
    Cell(
        (Bench("B5", "events pushed one by one, own client", "events/s", "more", _PUSHERS),),
        _by_page("B5", "ticks"),
        "page",
    ),
    Cell(
        (
            Bench("B6", "100 bytes to a crowd, until the last has it", "ms", "less", _CROWDS),
            Bench("B8", "memory of an idle connection", "KiB", "less", _CROWDS),
        ),
        _crowd,
        "load",
        fresh=True,
    ),
    Cell(
        (Bench("B7", "1 MiB of bytes there and back, own client", "MiB/s each way", "more", (*_PUSHERS, BARE)),),
        _by_page("B7", "echo"),
        "page",
    ),
)
