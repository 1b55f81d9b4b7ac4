"""An entry of the log is one line, and a traceback has the text of an exception on one line, whatever is in them."""

import logging
import re
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.logs.lines import LENGTH, TRACEBACK_LENGTH, OneLine, escaped, traceback_text

# A line of its own, colours, a title of the terminal, the C1 form of an escape, text from right to left, other line
# breaks of Unicode, and half of a character.
EVIL = {
    "a line": ("a\nERROR forged", r"a\nERROR forged"),
    "a carriage return": ("a\rforged", r"a\rforged"),
    "a colour": ("\x1b[31mred", r"\x1b[31mred"),
    "a title": ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
    "a C1 escape": ("\x9b31m", r"\x9b31m"),
    "right to left": ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
    "a line of Unicode": ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
    "half a character": ("\ud800", r"\ud800"),
    "no evil": ("Größe ✓ 日本", "Größe ✓ 日本"),
}


def logged(write: Callable[[logging.Logger], None]) -> str:
    """Return what a handler with Python's own formatter writes."""
    logger = logging.Logger("one of a test")  # noqa: LOG001 - one that no other test finds
    logger.addFilter(OneLine())
    stream = StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    write(logger)
    return stream.getvalue()


@pytest.mark.parametrize("text, safe", EVIL.values(), ids=EVIL)
def test_a_text_in_a_message_is_escaped_in_its_arguments_and_in_the_message(text: str, safe: str) -> None:
    assert escaped(text) == safe
    assert logged(lambda logger: logger.error("it is %s", text)) == f"it is {safe}\n"
    whole = f"it is {text}"
    assert logged(lambda logger: logger.error(whole)) == f"it is {safe}\n"


def test_a_message_that_needs_nothing_keeps_its_arguments() -> None:
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "%s and %d", ("one", 2), None)
    assert OneLine().filter(record)
    assert (record.msg, record.args) == ("%s and %d", ("one", 2))


def test_a_long_text_is_cut() -> None:
    line = logged(lambda logger: logger.error("it is %s", "x" * 1_000_000))
    assert len(line) == LENGTH + 1
    assert line.endswith("…\n")


@given(st.text(max_size=200))
def test_no_text_makes_a_second_line_or_an_unprinted_character(text: str) -> None:
    line = logged(lambda logger: logger.error("%s", text))
    assert line.removesuffix("\n").isprintable()


NOTHING: dict[str, int] = {}


def failing(text: str) -> None:
    try:
        NOTHING[text]
    except KeyError as behind:
        error = ValueError(text)
        error.add_note(text)
        raise ExceptionGroup(text, [error, RuntimeError(text)]) from behind


@pytest.mark.parametrize("text, safe", EVIL.values(), ids=EVIL)
def test_a_traceback_has_each_text_on_one_line(text: str, safe: str) -> None:
    def write(logger: logging.Logger) -> None:
        try:
            failing(text)
        except ExceptionGroup:
            logger.exception("it failed")

    lines = logged(write).splitlines()
    assert lines[0] == "it failed"
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if re.match(r"[ |]*(ERROR )?forged", line)]
    # In a group, Python has indented what is behind a line break.
    assert sum(safe in line for line in lines) >= 2, lines
    # What is the program's own is as Python prints it.
    assert [line.strip() for line in lines if line.endswith("in failing")]
    assert any(line.endswith("NOTHING[text]") for line in lines)
    assert any("The above exception was the direct cause" in line for line in lines)


def test_a_traceback_is_cut_at_its_beginning() -> None:
    def deep(level: int) -> None:
        if level == 0:
            raise ValueError("the end" + "x" * 1_000_000)
        # Two functions in turn: Python leaves out repeated lines.
        (deeper if level % 2 else deep)(level - 1)

    def deeper(level: int) -> None:
        deep(level)

    with pytest.raises(ValueError, match="the end") as caught:
        deep(200)
    text = traceback_text(caught.value)
    assert len(text) == TRACEBACK_LENGTH
    assert text.startswith("…")
    assert "ValueError: the end" in text.splitlines()[-1]


def test_an_exception_whose_text_raises_is_logged() -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    line = logged(lambda logger: logger.error("it failed", exc_info=UnprintableError()))
    assert "UnprintableError" in line
