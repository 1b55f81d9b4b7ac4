"""`Event`: the marker class of every class that may annotate the first parameter of a handler or listener.

It stands here, and the events in electron/, so that inspecting a handler needs no import of Electron's objects.
"""


class Event:
    """The first argument of a handler or listener."""

    __slots__ = ()
