"""The arithmetic of the benchmarks: a wrong figure in a table could not be noticed by a reader."""

import pytest

from benchmarks.catalogue import BEFORE
from benchmarks.cells import CELLS
from benchmarks.table import (
    Bench,
    Better,
    Results,
    Sample,
    Target,
    figure,
    judge,
    measured_table,
    target_text,
    targets_table,
    worst,
)
from benchmarks.targets import TARGETS

RATE = Bench("R", "calls", "calls/s", "more", ("ours", "peer", "absent"))
TIME = Bench("T", "round trip", "us", "less", ("ours", "peer"))


def results_of(bench: Bench, **values: list[float | None]) -> Results:
    """Samples of one benchmark: a list per subject, by round, with None for a round without a result."""
    results = Results()
    for subject, figures in values.items():
        for number, value in enumerate(figures):
            if value is not None:
                results.add(bench.id, subject, number, Sample(value))
    return results


@pytest.mark.parametrize("better, expected", [("more", 1.0), ("less", 5.0)])
def test_the_worst_round_is_the_least_favourable_for_the_subject(better: Better, expected: float) -> None:
    assert worst([3.0, 1.0, 5.0], better) == expected


def test_a_ratio_is_taken_within_its_round() -> None:
    results = results_of(RATE, ours=[10.0, 40.0], peer=[5.0, 10.0])
    assert results.ratios("R", "ours", "peer") == [2.0, 4.0]


def test_a_round_without_both_subjects_gives_no_ratio() -> None:
    results = results_of(RATE, ours=[10.0, None, 30.0], peer=[5.0, 7.0, 10.0])
    assert results.ratios("R", "ours", "peer") == [2.0, 3.0]


def test_rounds_are_paired_by_their_number_and_not_by_the_order_of_arrival() -> None:
    results = Results()
    results.add("R", "ours", 1, Sample(40.0))
    results.add("R", "ours", 0, Sample(10.0))
    results.add("R", "peer", 0, Sample(5.0))
    results.add("R", "peer", 1, Sample(10.0))
    assert results.ratios("R", "ours", "peer") == [2.0, 4.0]
    assert results.values("R", "ours") == [10.0, 40.0]


def test_a_verdict_uses_the_median_of_the_ratios_and_not_the_ratio_of_the_medians() -> None:
    results = results_of(RATE, ours=[10.0, 20.0, 90.0], peer=[1.0, 10.0, 30.0])
    verdict = judge(Target("R", "ours", "peer", 2.5), RATE, results)
    assert (verdict.median, verdict.worst) == (3.0, 2.0)
    assert verdict.met


@pytest.mark.parametrize("bound, met", [(2.0, True), (3.0, True), (3.1, False)])
def test_more_is_better_for_a_rate(bound: float, met: bool) -> None:
    results = results_of(RATE, ours=[30.0], peer=[10.0])
    assert judge(Target("R", "ours", "peer", bound), RATE, results).met is met


@pytest.mark.parametrize("bound, met", [(4.0, True), (3.0, True), (2.9, False)])
def test_less_is_better_for_a_time(bound: float, met: bool) -> None:
    results = results_of(TIME, ours=[30.0], peer=[10.0])
    assert judge(Target("T", "ours", "peer", bound), TIME, results).met is met


def test_the_worst_ratio_of_a_time_is_the_largest() -> None:
    results = results_of(TIME, ours=[10.0, 30.0, 20.0], peer=[10.0, 10.0, 10.0])
    assert judge(Target("T", "ours", "peer", 9.0), TIME, results).worst == 3.0


def test_an_absolute_target_compares_the_figure_itself() -> None:
    results = results_of(TIME, ours=[8.0, 12.0, 9.0])
    verdict = judge(Target("T", "ours", None, 10.0), TIME, results)
    assert (verdict.median, verdict.worst, verdict.met) == (9.0, 12.0, True)


def test_a_target_whose_peer_is_missing_is_not_met_and_says_that_it_was_not_measured() -> None:
    verdict = judge(Target("R", "ours", "absent", 1.0), RATE, results_of(RATE, ours=[10.0]))
    assert not verdict.met
    assert "not measured" in targets_table([verdict], [RATE])


def test_a_missing_subject_is_a_line_with_its_reason() -> None:
    results = results_of(RATE, ours=[10.0], peer=[5.0])
    results.missing["R", "absent"] = "no such | package\n found"
    line = measured_table([RATE], results).splitlines()[-1]
    assert line == "| R | calls | absent | - | - | no such / package found | - | - |"


def test_a_subject_that_failed_later_keeps_its_rounds_and_says_so() -> None:
    results = results_of(RATE, ours=[10.0], peer=[5.0], absent=[7.0])
    results.missing["R", "absent"] = "failed in round 2"
    assert "absent (then: failed in round 2) | 7.00" in measured_table([RATE], results)


def test_a_line_has_the_median_the_worst_round_and_what_it_cost() -> None:
    results = Results()
    for number, value in enumerate((100.0, 300.0, 200.0)):
        results.add("R", "ours", number, Sample(value, server_us=value / 10, load_busy=0.5))
    line = measured_table([RATE], results).splitlines()[2]
    assert line == "| R | calls | ours | 200 | 100 | calls/s | 20.0 | 0.50 |"


def test_a_target_may_divide_by_another_benchmark_of_the_same_subject() -> None:
    results = results_of(TIME, ours=[20.0, 90.0])
    results.add("L", "ours", 0, Sample(10.0))
    results.add("L", "ours", 1, Sample(30.0))
    target = Target("T", "ours", "ours", 2.5, over="L", over_text="loading")
    assert judge(target, TIME, results).median == 2.5
    assert target_text(target, TIME) == "round trip: at most 2.5 x loading"


@pytest.mark.parametrize("enough, met", [(20.0, True), (19.0, False)])
def test_a_figure_may_be_enough_whatever_its_ratio_is(enough: float, met: bool) -> None:
    results = results_of(TIME, ours=[20.0], peer=[1.0])
    target = Target("T", "ours", "peer", 2.0, enough=enough)
    assert judge(target, TIME, results).met is met
    assert target_text(target, TIME) == f"round trip: at most 2 x peer, or {enough:g} us"


def test_every_target_is_one_of_a_benchmark_and_of_a_subject_that_it_has() -> None:
    benches = {bench.id: bench for cell in CELLS for bench in cell.benches}
    for target in TARGETS:
        subjects = {*benches[target.bench].subjects, BEFORE}
        assert {target.subject, target.against or target.subject} <= subjects
        assert target.over is None or target.over in benches


def test_a_missed_target_says_by_how_much() -> None:
    results = results_of(RATE, ours=[8.0], peer=[1.0])
    table = targets_table([judge(Target("R", "ours", "peer", 10.0), RATE, results)], [RATE])
    assert "**missed by 20%**" in table


def test_a_target_reads_as_a_sentence() -> None:
    assert target_text(Target("R", "ours", "peer", 1.5), RATE) == "calls: at least 1.5 x peer"
    assert target_text(Target("T", "ours", None, 10), TIME) == "round trip: at most 10 us"


@pytest.mark.parametrize(
    "value, text",
    [(None, "-"), (0.123, "0.12"), (9.876, "9.88"), (12.34, "12.3"), (123.4, "123"), (56789.0, "56,789")],
)
def test_a_figure_has_three_significant_digits_or_all_before_the_point(value: float | None, text: str) -> None:
    assert figure(value) == text
