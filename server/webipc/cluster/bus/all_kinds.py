"""What is said to all: the kinds of the stream that every worker reads, and their heads as programs write them.

Only plain values, so that a program that is no worker writes the same without anything of a hub. The rows of
`BROADCAST` and `SHOUT` are one message as it travels on a link: its JSON, `["send", channel, arguments]`, and its
segments. Who takes it is in spread/broadcasts.py, which checks all of it: a program that may only write here can do no
more than that.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypedDict

BROADCAST: Final = "broadcast"
"""A message to every page. Its head is empty."""
SHOUT: Final = "shout"
"""A message to some pages: see `shout_head`."""
REAUTHENTICATE: Final = "reauthenticate"
"""Ask every page of a user again who its user is. Its head is `{"user": identity}`, and it has no rows. From workers
alone.
"""

Whom = Literal["contents", "principal", "user", "group"]


class ShoutHead(TypedDict):
    """The head of a `SHOUT`."""

    # One key: the id of a tab, the principal of a browser, the identity of a user, or the name of a group.
    to: dict[str, int | str]
    # Who gets nothing: the id of a tab and None, or with the routing id of one of its documents.
    exclude: list[list[int | None]]


def shout_head(whom: Whom, which: int | str, exclude: Iterable[tuple[int, int | None]] = ()) -> dict[str, Any]:
    """Return the head of a message to those whose tab, browser, user or group this is."""
    head: ShoutHead = {"to": {whom: which}, "exclude": [list(one) for one in exclude]}
    return dict(head)
