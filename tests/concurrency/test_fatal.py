"""What the application raises is logged and contained, except what ends the process (concurrency/fatal.py)."""

import asyncio

import pytest

from webipc.concurrency.fatal import FATAL, contained


def test_an_exception_is_logged_with_its_traceback_and_the_code_behind_the_block_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = ValueError("broken")
    with contained("A listener for '%s' of %r raised", "close", 1):
        raise error
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("webipc", "ERROR")
    assert record.getMessage() == "A listener for 'close' of 1 raised"
    assert record.exc_info == (ValueError, error, error.__traceback__)


def test_the_log_record_names_the_function_that_has_the_block(caplog: pytest.LogCaptureFixture) -> None:
    with contained("raised"):
        raise ValueError
    assert (caplog.records[0].filename, caplog.records[0].funcName) == (
        "test_fatal.py",
        "test_the_log_record_names_the_function_that_has_the_block",
    )


def test_a_cancelled_error_is_contained(caplog: pytest.LogCaptureFixture) -> None:
    with contained("raised"):
        raise asyncio.CancelledError
    assert len(caplog.records) == 1


@pytest.mark.parametrize("fatal", FATAL)
def test_what_ends_the_process_passes_through_and_is_not_logged(
    fatal: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(fatal), contained("raised"):
        raise fatal
    assert caplog.records == []


def test_a_block_that_raises_nothing_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with contained("raised"):
        pass
    assert caplog.records == []
