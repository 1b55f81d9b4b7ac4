"""The lines of the parent process look like those of uvicorn in the workers, without uvicorn."""

import logging

import pytest
from uvicorn.logging import DefaultFormatter

from webipc.cli.supervisor.__main__ import Lines


@pytest.mark.parametrize("has_colours", [False, True], ids=["in a file", "at a terminal"])
@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_a_line_of_the_parent_is_as_uvicorn_would_write_it(level: int, has_colours: bool) -> None:
    record = logging.LogRecord("webipc", level, __file__, 1, "worker %d serves", (2,), None)
    theirs = DefaultFormatter("%(levelprefix)s %(message)s", use_colors=has_colours)
    assert Lines(has_colours=has_colours).format(record) == theirs.format(record)
