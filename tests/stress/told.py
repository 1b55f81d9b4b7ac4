"""What a page did, and what it was told about each act: the other half of the journal.

Pages of every kind make such a record: the ones in Python directly, those in a browser as JSON.
"""

from dataclasses import dataclass, field
from typing import Any

MESSAGES = frozenset({"note", "port", "relay", "plain note", "shout", "long note"})
"""Acts that nothing answers. The others are calls."""
CALLS = frozenset({"call", "threaded", "ask", "large", "slow", "plain", "long", "long ask"})
LONG = frozenset({"long", "long ask", "long note"})
"""Acts whose handlers may take longer than a server has for its end: `seconds_of` tells how long."""

IN_ORDER = (
    {"note", "call", "ask", "large", "slow", "shout", *LONG},
    {"port"},
    {"relay"},
    {"plain", "plain note"},
)
"""Acts whose handlers begin in the order of the acts: those of a channel, and those of one port. Handlers in threads do
not, and neither do those of two ports: what the first one still has to deliver may come behind the second one."""

PUSHED = frozenset({"note", "plain note"})
"""Messages to which the server replies with a push."""

SENT = "sent"
ANSWERED = "answered"
WRONG = "wrong"
"""The answer was another one than it had to be."""
NOT_SENT = "not-sent"
UNKNOWN = "unknown-outcome"
NO_REPLY = "no-reply"
"""The call ran, and its server ended before it did: `reply was never sent`."""


@dataclass
class Told:
    """One document, or one page in Python."""

    page: str
    acts: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    """The kind of each act by its number, and what the page was told; None: nothing yet."""
    pushes: list[int] = field(default_factory=list)
    """Numbers of the notes whose reply has come, as they came."""
    echoes: dict[str, list[int]] = field(default_factory=lambda: {"port": [], "relay": []})
    """The same for what has come back through ports."""
    opened: dict[str, list[int]] = field(default_factory=dict)
    """The number of the first act of each port, by kind: one that has closed is followed by another."""
    heard: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of the shouts of each page, as they came: the server broadcasts them."""
    again: list[int] = field(default_factory=list)
    """Ids of calls that were answered once more."""
    resets: list[str] = field(default_factory=list)
    """The reasons."""
    dropped: int = 0
    """Messages that the resets gave up, as they said."""
    left: bool = False
    """The document was left while it worked: what it was told last is not known."""

    def did(self, number: int, kind: str) -> None:
        """Note an act before it begins."""
        self.acts[number] = (kind, SENT if kind in MESSAGES else None)

    def told(self, number: int, outcome: str) -> None:
        """Note what became of a call."""
        self.acts[number] = (self.acts[number][0], outcome)

    def open_calls(self) -> list[int]:
        """Return the numbers of calls that the page was told nothing about."""
        return [number for number, (_, outcome) in self.acts.items() if outcome is None]

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Told":
        """Return the record of a document in a browser."""
        acts = {number: (kind, outcome) for number, kind, outcome in record.pop("acts")}
        return cls(**record, acts=acts)
