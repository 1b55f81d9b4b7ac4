"""`Event`: the mark of every class that may annotate the first parameter of a handler or listener.

All that a handler's inspection has to know of events, which know everything below them.
"""


class Event:
    """The first argument of a handler or listener."""

    __slots__ = ()
