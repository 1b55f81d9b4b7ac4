"""How many lines one page may cause: ten in a minute, whatever another page does."""

import logging

import pytest

from webipc.logs.refusals import LAST, LINES, PERIOD_SECONDS, Refusals


class Page:
    """What stands for a page."""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")


def test_a_page_has_ten_lines_in_a_minute_and_the_last_says_so(caplog: pytest.LogCaptureFixture) -> None:
    clock, page = Clock(), Page()
    refusals = Refusals(clock)
    for number in range(1_000):
        refusals.log(page, logging.INFO, f"line {number}")
        clock.now += PERIOD_SECONDS / 2_000
    assert caplog.messages == [*(f"line {number}" for number in range(LINES - 1)), f"line {LINES - 1}{LAST}"]


def test_another_page_has_its_own_lines(caplog: pytest.LogCaptureFixture) -> None:
    refusals, loud = Refusals(Clock()), Page()
    for _ in range(1_000):
        refusals.log(loud, logging.INFO, "loud")
    refusals.log(Page(), logging.WARNING, "quiet")
    assert caplog.messages[LINES:] == ["quiet"]


def test_the_next_minute_has_ten_lines_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, page = Clock(), Page()
    refusals = Refusals(clock)
    for _ in range(3):
        for _ in range(100):
            refusals.log(page, logging.INFO, "line")
        clock.now += PERIOD_SECONDS
    assert len(caplog.messages) == 3 * LINES


def test_a_text_that_is_logged_once_is_logged_once_in_the_period_of_a_page(caplog: pytest.LogCaptureFixture) -> None:
    clock, page = Clock(), Page()
    refusals = Refusals(clock)
    for _ in range(2):
        for number in range(100):
            refusals.log_once(page, logging.INFO, f"line {number % 3}")
        refusals.log_once(Page(), logging.INFO, "line 0")
        clock.now += PERIOD_SECONDS
    assert caplog.messages == ["line 0", "line 1", "line 2", "line 0"] * 2


def test_texts_that_are_logged_once_count_among_the_lines_of_a_page(caplog: pytest.LogCaptureFixture) -> None:
    refusals, page = Refusals(Clock()), Page()
    for number in range(1_000):
        refusals.log_once(page, logging.INFO, f"line {number}")
    refusals.log(page, logging.INFO, "line")
    assert len(caplog.messages) == LINES
    assert caplog.messages[-1].endswith(LAST)
    assert len(refusals._periods[page].once) == LINES


def test_a_line_has_the_place_that_logs_it_and_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    refusals, page, error = Refusals(Clock()), Page(), ValueError("odd")
    refusals.log(page, logging.INFO, "line")
    refusals.log_once(page, logging.ERROR, "wrong", error)
    assert [record.pathname for record in caplog.records] == [__file__, __file__]
    assert caplog.records[0].exc_info is None
    assert "ValueError: odd" in caplog.text


def test_a_page_that_is_gone_is_forgotten() -> None:
    refusals = Refusals(Clock())
    refusals.log(Page(), logging.INFO, "line")
    assert len(refusals._periods) == 0


def test_a_line_that_nobody_reads_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    refusals, page = Refusals(Clock()), Page()
    for _ in range(100):
        refusals.log(page, logging.DEBUG, "line")
    refusals.log(page, logging.INFO, "line")
    assert caplog.messages == ["line"]
