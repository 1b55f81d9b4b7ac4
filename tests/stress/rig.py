"""The rig of a scenario: a supervised server, a network in front of it, and the journal of what ran."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from tests.stress.journal import Ran, read_journal
from tests.stress.judge import Verdict
from tests.stress.network.proxy import HOST, FaultyNetwork, faulty_network
from tests.stress.run import Run
from tests.stress.supervisor import Supervised
from tests.stress.told import Told
from webipc import Limits

DOCUMENTS = Path(__file__).with_name("documents")


class Rig:
    """What a scenario works with. Its server has started."""

    def __init__(self, run: Run, server: Supervised, network: FaultyNetwork, limits: Limits) -> None:
        self.run = run
        self.server = server
        self.network = network
        self.limits = limits

    def journal(self) -> list[Ran]:
        """Return what has run until now, of all processes."""
        return read_journal(self.run.folder / "journal.jsonl")

    def judge(self, told: Sequence[Told]) -> Verdict:
        """Compare what pages were told with what ran; add the figures to the report. Raises AssertionError."""
        self._keep(told)
        verdict = Verdict(told, self.journal())
        self.run.report(verdict.figures())
        verdict.check()
        self.check_log()
        return verdict

    def check_log(self) -> None:
        """Raise AssertionError for an exception that was not caught, in any process."""
        log = self.server.log
        at = log.find("Traceback")
        assert at < 0, f"the server's log has a traceback:\n{log[max(at - 500, 0) : at + 3_000]}"

    def _keep(self, told: Sequence[Told]) -> None:
        with (self.run.folder / "told.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(asdict(each))}\n" for each in told)


@contextmanager
def rig(
    run: Run, limits: Limits | None = None, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Rig]:
    """Start a server and its network. `options` are more arguments of `webipc run`, `environment` more of its own."""
    limits = limits or Limits()
    whole = {
        "STRESS_JOURNAL": str(run.folder / "journal.jsonl"),
        "STRESS_LIMITS": json.dumps({each.name: getattr(limits, each.name) for each in fields(limits)}),
        "STRESS_PAGES": str(DOCUMENTS),
        **(environment or {}),
    }
    server = Supervised(run.folder / "server.log", whole, options)
    try:
        server.start()
        with faulty_network([(HOST, server.port)], run.seed) as network:
            yield Rig(run, server, network, limits)
    finally:
        server.end()
