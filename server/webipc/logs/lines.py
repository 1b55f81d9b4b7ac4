"""Makes each entry of the log what it claims to be: one line, whatever a page has written into it.

A page chooses names of channels, headers and arguments, and those reach the texts of exceptions. A line break in one
would begin a line of its own in the log, and an escape sequence would act on the operator's terminal.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from typing import Final

# How much of one text an entry has.
LENGTH: Final = 1_000
# How much of a traceback an entry has: its end, which is where it happened.
TRACEBACK_LENGTH: Final = 10_000

# The source lines of a frame, which are the program's own, and are several lines.
_FRAME: Final = re.compile(r'[ |+]*File "')


def escaped(text: str, length: int = LENGTH) -> str:
    r"""Return the beginning of a text, with `\n`, `\x1b` and the like for characters that are not printed.

    Letters of every script stay. Marks that change the direction of a text are escaped as well.
    """
    cut = text if len(text) <= length else f"{text[: length - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def traceback_text(error: BaseException) -> str:
    """Return a traceback as Python prints it, but with the text of each exception on one line."""
    report = traceback.TracebackException.from_exception(error, compact=True)
    for each in _reports(report):
        notes = getattr(each, "__notes__", None)
        if isinstance(notes, list | tuple):
            each.__notes__ = [escaped(str(note)) for note in notes]
    text = "\n".join(_lines(chunk) for chunk in report.format())
    return text if len(text) <= TRACEBACK_LENGTH else f"…{text[1 - TRACEBACK_LENGTH :]}"


def _reports(report: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """Yield the report of an exception, and those of the exceptions behind it and in it."""
    waiting: list[traceback.TracebackException | None] = [report]
    while waiting:
        one = waiting.pop()
        if one is not None:
            yield one
            waiting += (one.__cause__, one.__context__, *(one.exceptions or ()))


def _lines(chunk: str) -> str:
    """Return one piece of a formatted traceback without its last line break."""
    text = chunk.removesuffix("\n")
    if _FRAME.match(text) is None:
        # Also the words between two exceptions, which have empty lines around them.
        return escaped(text.strip("\n"))
    return "\n".join(map(escaped, text.split("\n")))


class OneLine(logging.Filter):
    """Escapes and cuts every entry of a logger. It changes only those that need it, so others keep their arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; always return True."""
        message = record.getMessage()
        if len(message) > LENGTH or not message.isprintable():
            record.msg, record.args = escaped(message), None
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.exc_text is None:
            record.exc_text = traceback_text(error)
        return True


_ONE_LINE: Final = OneLine()


def escape_entries(name: str = "webipc") -> None:
    """Escape all entries of a logger from now on. A second call does nothing."""
    logging.getLogger(name).addFilter(_ONE_LINE)
