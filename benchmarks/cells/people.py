"""P: what an application with users costs: a guard, dependencies, an ask at each attach, a group of all pages.

Each subject is webipc with one of them, beside webipc with none.
"""

import time

from benchmarks.catalogue import ASKING, AUTHORIZE, DATABASE, DEPENDENCY, GROUP, OURS
from benchmarks.cells.crowd import Crowd
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples, timed
from benchmarks.pages.asker import Asker
from benchmarks.pages.wire import WireError
from benchmarks.servers import Server, one_core
from benchmarks.table import Bench, Sample

TELLS = 11  # as for B6
WARM = 20


def _calls(lab: Lab, server: Server) -> Samples:
    """Measure as B1a and as B4b do: one call after the other on one core, then 1,024 of them, one in a frame."""
    with one_core(server):
        lone, _, lone_us = timed(server, lambda: lab.calls(server, lab.seconds, 1, 1))
    many, _, many_us = timed(server, lambda: lab.calls(server, lab.seconds, 1024, 1))
    return {"P1": Sample(lone["p50"], lone_us, lone["busy"]), "P2": Sample(many_us, many_us, many["busy"])}


def _attaches(lab: Lab, server: Server) -> Samples:
    """Count the server's processor time until a crowd is connected. A small one first warms up."""
    assert lab.tools.load is not None
    with Crowd(lab.tools.load, server, "crowd", WARM):
        pass
    spent = server.processor_seconds()
    with Crowd(lab.tools.load, server, "crowd", lab.crowd):
        server_us = (server.processor_seconds() - spent) * 1e6 / lab.crowd
    return {"P3": Sample(server_us, server_us)}


def _asks(lab: Lab, server: Server) -> Samples:
    page = Asker(server.port)
    try:
        for _ in range(WARM):
            page.ask("ask")
        spent, count, ends = server.processor_seconds(), 0, time.monotonic() + lab.seconds
        while time.monotonic() < ends:
            page.ask("ask")
            count += 1
        server_us = (server.processor_seconds() - spent) * 1e6 / count
    except (WireError, OSError) as error:
        raise MeasurementError(f"{error} (the server: {server.complaint()})") from None
    finally:
        page.close()
    return {"P4": Sample(server_us, server_us)}


def _group(lab: Lab, server: Server) -> Samples:
    assert lab.tools.load is not None
    with Crowd(lab.tools.load, server, "crowd", lab.crowd) as crowd:
        crowd.tell(3)
        spent = server.processor_seconds()
        last_ms = crowd.tell(TELLS)
        server_us = (server.processor_seconds() - spent) * 1e6 / TELLS / lab.crowd
    return {"P5": Sample(last_ms, server_us)}


_CALLED = (OURS, AUTHORIZE, DEPENDENCY, DATABASE)

PEOPLE = (
    Cell(
        (
            Bench("P1", "round trip of a call, load in C, one core", "us, p50", "less", _CALLED),
            Bench("P2", "server's processor time per call, 1 in a frame", "us", "less", _CALLED),
        ),
        _calls,
        "load",
    ),
    Cell(
        (Bench("P3", "server's processor time for a page that connects", "us", "less", (OURS, ASKING)),),
        _attaches,
        "load",
        fresh=True,
        rounds=5,
    ),
    Cell(
        (Bench("P4", "server's processor time for a `sendSync`", "us", "less", (OURS, ASKING)),),
        _asks,
        "python",
        rounds=5,
    ),
    Cell(
        (Bench("P5", "100 bytes to a crowd that is one group, until the last has it", "ms", "less", (OURS, GROUP)),),
        _group,
        "load",
        fresh=True,
        rounds=5,
    ),
)
