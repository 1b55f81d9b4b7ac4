"""Scenario `workers-door`: a crowd of connections of every kind comes at once to a program with two workers."""

import os
import signal
from pathlib import Path
from typing import Final

from tests.cluster.acceptor.visitors import Kind, Visitors, allowed
from tests.stress.run import Run
from tests.support.serving import wait_until
from tests.support.workers import Served, children_of, descriptors_of, principal_of, served, slot_of
from webipc.cli.acceptor.acceptor import Patience

SHORT: Final = 1_000
LONG: Final = 10_000
ROUNDS: Final = 20
"""In each, a slow one says one byte."""
OF_THE_DYING: Final = 10
"""One in so many comes to a worker that dies."""
MOST_BYTES: Final = 33_554_432
"""How much more memory the parent may have than without anybody."""
MOST_DESCRIPTORS: Final = 2 * Patience().connections + 100
"""Those that wait for their head, and for a worker; and those of its workers."""


def workers_door(run: Run) -> None:
    """Connections that say a byte now and then, nothing at all, TLS, three requests at once, or one behind the other;
    then a worker is killed to which some of them were handed. The long form has 10,000.

    Invariant: who asks is answered. A connection that gives way to others, or loses its worker, has ended for its
    visitor too. Others are served all the time, by the worker that has their tabs. The parent holds no more connections
    than it may have waiting, and no memory for those that it has handed out.
    """
    wanted = run.pages or (SHORT if run.is_short else LONG)
    count = allowed(wanted + wanted // OF_THE_DYING) * OF_THE_DYING // (OF_THE_DYING + 1)
    run.report({"connections": count})
    if count < wanted:
        run.report({"connections that the limit on open files does not allow": wanted - count})
    with served(run.folder) as server:
        _Door(run, server, count).run()


class _Door:
    """One run."""

    def __init__(self, run: Run, server: Served, count: int) -> None:
        self._run = run
        self._server = server
        self._count = count
        self._parent = server.process.pid
        self._visitors = Visitors(server.port)
        self._descriptors = self._most = descriptors_of(self._parent)
        self._resident = _resident(self._parent)
        self._others = 0

    def run(self) -> None:
        """Let them come and go."""
        try:
            self._come()
            self._finish()
            self._die()
        finally:
            self._visitors.close()
        wait_until(lambda: descriptors_of(self._parent) == self._descriptors, "the parent has closed every connection")
        wait_until(lambda: len(children_of(self._parent)) == 2, "no dead process is left")

    def _serve_another(self) -> None:
        """Ask as a page whose tabs are at one of the workers, and look at the parent."""
        slot = 1 + self._others % 2
        assert slot_of(self._server.port, principal_of(slot)) == slot
        self._look()

    def _look(self) -> None:
        self._others += 1
        self._most = max(self._most, descriptors_of(self._parent))

    def _come(self) -> None:
        visitors = self._visitors
        visitors.come(self._count, ["", principal_of(1), principal_of(2)], self._serve_another)
        for _ in range(ROUNDS):
            for slow in visitors.open(Kind.SLOW):
                slow.crawl()
            self._serve_another()
            visitors.look()
        visitors.settle()
        for visitor in visitors.all:
            expected = [400 if visitor.kind is Kind.TLS else 200] * visitor.asked
            assert visitor.statuses == expected, f"{visitor.kind}: {visitor.heard!r}, {visitor.end}"

    def _finish(self) -> None:
        for visitor in self._visitors.all:
            visitor.finish()
        self._visitors.settle()
        outcomes = self._visitors.outcomes()
        self._run.report({kind.value: dict(counts) for kind, counts in outcomes.items()})
        assert all(set(counts) <= {"200", "400", "closed", "reset"} for counts in outcomes.values())
        grown = _resident(self._parent) - self._resident
        self._run.report({"bytes more in the parent": grown, "connections in it": self._most - self._descriptors})
        assert grown < MOST_BYTES
        assert self._most - self._descriptors < MOST_DESCRIPTORS

    def _die(self) -> None:
        dying = self._server.workers()[1]
        os.kill(dying, signal.SIGSTOP)
        visitors, before = self._visitors, len(self._visitors.all)

        def another_is_served() -> None:
            assert slot_of(self._server.port, principal_of(2)) == 2
            self._look()

        try:
            visitors.come(self._count // OF_THE_DYING, [principal_of(1)], another_is_served)
        finally:
            os.kill(dying, signal.SIGKILL)
        for visitor in visitors.all[before:]:
            visitor.finish()
        visitors.settle()
        ends = [visitor.end for visitor in visitors.all[before:]]
        self._run.happened({"handed to a worker that died": ends.count("reset")}, ["handed to a worker that died"])
        self._run.saw({"others served": self._others}, ["others served"])
        wait_until(lambda: slot_of(self._server.port, principal_of(1)) == 1, "the next worker of the slot serves")


def _resident(pid: int) -> int:
    """Return the memory that a process holds, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
