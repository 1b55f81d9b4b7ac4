"""Keeps cookies and tokens of a client out of the log, also where the text of an exception has one.

`sessions[cookie]` raises a KeyError whose text is the cookie. What is in the log is read by more people, and kept for
longer, than what is in the headers of a request.
"""

import logging
from collections.abc import Iterator
from typing import Final

from starlette.requests import cookie_parser

from webipc.access.attach_scope import AttachScope
from webipc.logs.lines import traceback_text

logger = logging.getLogger("webipc")

HIDDEN: Final = "[hidden]"
# A shorter one would be found in words of any text, and keeps no secret.
_LEAST_LENGTH: Final = 6
_WORDS: Final = ("auth", "token", "secret", "key", "password", "session")


def without_secrets(text: str, attach_scope: AttachScope) -> str:
    """Return a text in which no cookie and no token of this client is left."""
    found = {secret for secret in _secrets_of(attach_scope) if len(secret) >= _LEAST_LENGTH and secret in text}
    # The longest first: one may contain another.
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def log_error(error: BaseException, attach_scope: AttachScope, text: str, *args: object) -> None:
    """Log an exception with its traceback, at the level ERROR, without secrets of this client."""
    traceback = traceback_text(error)
    shown = without_secrets(traceback, attach_scope)
    if shown == traceback:
        logger.error(text, *args, exc_info=error, stacklevel=2)
    elif logger.isEnabledFor(logging.ERROR):
        # Not with the exception itself: a handler of the application's own would print it as it is.
        filename, line, function, _ = logger.findCaller(stacklevel=2)
        record = logger.makeRecord(logger.name, logging.ERROR, filename, line, text, args, None, function)
        record.exc_text = shown
        logger.handle(record)


def _secrets_of(attach_scope: AttachScope) -> Iterator[str]:
    for name, value in attach_scope.headers:
        text = value.decode("latin-1")
        if name == b"cookie":
            yield text
            yield from cookie_parser(text).values()
        elif any(word in name.decode("latin-1") for word in _WORDS):
            yield text
            # Without the scheme, such as Bearer.
            yield text.rpartition(" ")[2]
