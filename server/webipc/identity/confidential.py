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
# So many characters are taken for the beginning of a longer one.
_BEGINNING: Final = 16
_WORDS: Final = ("auth", "token", "secret", "key", "password", "session")


def without_secrets(text: str, attach_scope: AttachScope) -> str:
    """Return a text in which no cookie and no token of this client is left, nor the beginning of a long one.

    A text that is cut may end in the middle of one, and in the `repr` of a text a backslash is two.
    """
    secrets = {secret for secret in _secrets_of(attach_scope) if len(secret) >= _LEAST_LENGTH}
    # The longest first: one may contain another.
    for secret in sorted({*secrets, *(repr(secret)[1:-1] for secret in secrets)}, key=len, reverse=True):
        text = _without(text, secret)
    return text


def _without(text: str, secret: str) -> str:
    beginning = secret[:_BEGINNING]
    parts, start = [], 0
    while (found := text.find(beginning, start)) >= 0:
        parts += [text[start:found], HIDDEN]
        there = text[found : found + len(secret)]
        start = found + next((at for at, char in enumerate(there) if char != secret[at]), len(there))
    return "".join([*parts, text[start:]])


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
