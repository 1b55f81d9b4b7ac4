"""Compares what pages were told with what the journal says has run."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from tests.stress.journal import Ran
from tests.stress.told import ANSWERED, CALLS, IN_ORDER, LONG, NO_REPLY, NOT_SENT, PUSHED, UNKNOWN, WRONG, Told
from tests.stress.values import SHORT, seconds_of

SHOWN = 20
"""How many faults a verdict lists."""


class Verdict:
    """What is wrong, one line each, and figures of what was compared."""

    def __init__(self, told: Sequence[Told], ran: Iterable[Ran]) -> None:
        """`told` has one record for each page, and `ran` is the journal."""
        self.faults: list[str] = []
        self._ran: dict[str, list[Ran]] = defaultdict(list)
        for line in ran:
            self._ran[line.page].append(line)
        self._held_up = {line.process for line in self._ran[""] if line.kind == "held up"}
        pages = Counter(each.page for each in told)
        assert max(pages.values(), default=1) == 1, "two pages have one name"
        self.lost: Counter[str] = Counter()
        """Messages by kind that never ran, of links that were reset and of documents that were left."""
        # What is relayed has the links of two pages to cross.
        self._relays_last = not any(each.resets or each.left for each in told)
        for each in told:
            self._judge(each, self._ran[each.page])
            self._judge_cut_off(each, self._ran[each.page])
            self._judge_heard(each)
        self._outcomes = Counter(outcome for each in told for kind, outcome in each.acts.values() if kind in CALLS)
        self._told = told

    def figures(self) -> dict[str, object]:
        """Return the figures of a report."""
        outcomes = self._outcomes
        return {
            "pages": len(self._told),
            "acts": sum(len(each.acts) for each in self._told),
            "ran": sum(map(len, self._ran.values())),
            "processes held up": len(self._held_up),
            "replies": sum(len(each.pushes) + sum(map(len, each.echoes.values())) for each in self._told),
            "calls answered": outcomes[ANSWERED],
            "calls not-sent": outcomes[NOT_SENT],
            "calls unknown-outcome": outcomes[UNKNOWN],
            "calls no-reply": outcomes[NO_REPLY],
            "resets": sum(len(each.resets) for each in self._told),
            "messages lost by resets and leaving": self.lost.total(),
        }

    def check(self) -> None:
        """Raise AssertionError with the first faults, if there are any."""
        more = f"\nand {len(self.faults) - SHOWN} more" if len(self.faults) > SHOWN else ""
        assert not self.faults, "\n".join(self.faults[:SHOWN]) + more

    # --- one page -------------------------------------------------------------------------------------------------

    def _judge(self, told: Told, ran: Sequence[Ran]) -> None:
        times = Counter(line.number for line in ran)
        self._say(told, "doubled", [number for number, count in times.items() if count > 1])
        self._say(told, "never sent, but ran", [number for number in times if number not in told.acts])
        self._say(told, "changed on the way", [line.number for line in ran if not line.intact])
        for kinds in IN_ORDER:
            for numbers in _by_port(told, kinds, [line.number for line in ran if line.kind in kinds]):
                self._say(told, f"out of order, {kinds}", _out_of_order(numbers))
        self._judge_calls(told, times)
        self._judge_messages(told, times)
        self._judge_replies(told, ran)

    def _judge_calls(self, told: Told, times: Counter[int]) -> None:
        by_outcome: dict[str | None, list[int]] = defaultdict(list)
        for number, (kind, outcome) in told.acts.items():
            if kind in CALLS:
                by_outcome[outcome].append(number)
        if not told.left:
            self._say(told, "hung: the page was told nothing", by_outcome[None])
        self._say(told, "the wrong answer", by_outcome[WRONG])
        self._say(told, "answered twice", told.again)
        self._say(told, "answered, but never ran", [each for each in by_outcome[ANSWERED] if not times[each]])
        self._say(told, "not-sent, but ran", [each for each in by_outcome[NOT_SENT] if times[each]])
        self._say(told, "cut off, but never ran", [each for each in by_outcome[NO_REPLY] if not times[each]])
        known = {None, ANSWERED, WRONG, NOT_SENT, UNKNOWN, NO_REPLY}
        for outcome, numbers in by_outcome.items():
            if outcome not in known:
                self._say(told, f"told {outcome}", numbers)

    def _judge_cut_off(self, told: Told, ran: Sequence[Ran]) -> None:
        """Judge calls that were cut off: they take long, or their process has stood still."""
        in_time = {line.number for line in ran if line.process not in self._held_up}
        cut_off = [(number, kind) for number, (kind, outcome) in told.acts.items() if outcome == NO_REPLY]
        short = [number for number, kind in cut_off if kind not in LONG or seconds_of(number) < SHORT]
        self._say(told, "cut off, and takes little time", [number for number in short if number in in_time])

    def _judge_messages(self, told: Told, times: Counter[int]) -> None:
        lost = [number for number, (kind, _) in told.acts.items() if kind not in CALLS and not times[number]]
        self._say(told, "lost", [number for number in lost if self._lasts(told, told.acts[number][0])])
        if told.left and not told.resets:
            last = max(
                (number for number, (kind, _) in told.acts.items() if kind == "note" and times[number]), default=0
            )
            gaps = [number for number in lost if number < last and told.acts[number][0] == "note"]
            self._say(told, "lost before what has arrived", gaps)
        self.lost.update(told.acts[number][0] for number in lost)

    def _lasts(self, told: Told, kind: str) -> bool:
        """Tell whether nothing of this kind may be lost."""
        return self._relays_last if kind == "relay" else not told.left and not told.resets

    def _judge_replies(self, told: Told, ran: Sequence[Ran]) -> None:
        for kinds, came in ((PUSHED, told.pushes), *(({kind}, came) for kind, came in told.echoes.items())):
            due = [line.number for line in ran if line.kind in kinds]
            kind = min(kinds)
            self._say(told, f"{kind}: replies out of order or doubled", _out_of_order(came))
            # The page that sends a relayed message back also tells the server of it, on its own link. A reset may lose
            # that, and no order is promised between a port and what is sent beside it.
            if kind != "relay" or self._relays_last:
                self._say(told, f"{kind}: replies to what never ran", sorted(set(came) - set(due)))
            if self._lasts(told, kind):
                self._say(told, f"{kind}: replies lost", sorted(set(due) - set(came)))

    def _judge_heard(self, told: Told) -> None:
        """Judge what was broadcast: each page hears all of it once, in the order of each sender."""
        said = {page: [line.number for line in ran if line.kind == "shout"] for page, ran in self._ran.items()}
        for page, numbers in told.heard.items():
            self._say(told, f"broadcasts of {page} out of order or doubled", _out_of_order(numbers))
            self._say(told, f"broadcasts of {page} that were never said", sorted(set(numbers) - set(said[page])))
        if told.left or told.resets:
            return
        for page, numbers in said.items():
            self._say(told, f"broadcasts of {page} lost", sorted(set(numbers) - set(told.heard.get(page, ()))))

    def _say(self, told: Told, what: str, numbers: Sequence[int]) -> None:
        if numbers:
            self.faults.append(f"{told.page}: {what}: {len(numbers)}, of {len(told.acts)} acts: {numbers[:8]}")


def _by_port(told: Told, kinds: Collection[str], numbers: Iterable[int]) -> Iterable[Sequence[int]]:
    """Divide what came through ports by the port; what came by a channel is one."""
    firsts = sorted(first for kind in kinds for first in told.opened.get(kind, ()))
    found: dict[int, list[int]] = defaultdict(list)
    for number in numbers:
        found[bisect_right(firsts, number)].append(number)
    return found.values()


def _out_of_order(numbers: Sequence[int]) -> list[int]:
    """Return the numbers that are not higher than all before."""
    found, highest = [], -1
    for number in numbers:
        if number <= highest:
            found.append(number)
        highest = max(highest, number)
    return found
