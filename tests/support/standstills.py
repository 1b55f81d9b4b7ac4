"""Keeps the line about a process that stood still out of the log of tests: a busy machine may stop any of them for
seconds, and what a test states of the log is about the project. `standstills_are_logged` is for the test of that line.
"""

import logging
from collections.abc import Iterator
from typing import Final

import pytest

LOGGER: Final = logging.getLogger("webipc")


def _is_of_the_project(record: logging.LogRecord) -> bool:
    return "the process stood still" not in record.getMessage()


LOGGER.addFilter(_is_of_the_project)


@pytest.fixture
def standstills_are_logged() -> Iterator[None]:
    """Let the log have the line."""
    LOGGER.removeFilter(_is_of_the_project)
    yield
    LOGGER.addFilter(_is_of_the_project)
