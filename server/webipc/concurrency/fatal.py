"""Which exceptions of the application end the process, and how all others are contained: logged where they are raised,
so that they harm only the call that raised them.
"""

import logging
from types import TracebackType
from typing import Final

logger = logging.getLogger("webipc")

# asyncio lets these out of the event loop as well. Everything else is a failure of one listener alone, a CancelledError
# too: asking a cancelled task for its result raises one.
FATAL: Final = (KeyboardInterrupt, SystemExit)


class contained:  # noqa: N801 - a context manager is named like a function, as in contextlib
    """Log what the block raises, with its traceback, and continue behind the block; FATAL passes through.

    `with contained("A listener for '%s' raised", name): ...`. The text and its arguments are those of a log call; the
    arguments are formatted only when something is raised.
    """

    __slots__ = ("_args", "_text")

    def __init__(self, text: str, *args: object) -> None:
        self._text = text
        self._args = args

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Log the error, unless it is FATAL; return whether it ends here."""
        if error is None or isinstance(error, FATAL):
            return False
        logger.error(self._text, *self._args, exc_info=error, stacklevel=2)
        return True
