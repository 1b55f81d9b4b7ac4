"""What a tab is as plain values, and as bytes: format 1, a head of JSON and rows.

The head has the identity of the tab and its groups, but neither its user, who is asked for again, nor a secret: of a
link it has the digest of its secret, and of the tab the digests of its tokens. The rows are the messages that each link
keeps, what has arrived of its parcel, and the answers that its page may ask for again, link by link.

A reader takes its own format, and the one before where there was one. It ignores keys that it does not know, so a new
key that may be missing is no new format.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webipc.cluster.bus.rows import RowsError, decode_rows, encode_rows

FORMAT: Final = 1
"""What is written."""
READS: Final = (FORMAT,)
"""What is read. A worker says so to the others, and finds the format of a parked tab in the directory."""

Count = Annotated[int, Field(ge=0)]
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SnapshotError(Exception):
    """A snapshot that this server cannot read. The text says why, and nothing of what is in it."""


class FormatError(SnapshotError):
    """A snapshot of another format."""

    def __init__(self, found: object) -> None:
        shown = str(found) if isinstance(found, int) else "none"
        super().__init__(
            f"expected a snapshot of format {' or '.join(map(str, READS))}, got {shown}: a tab moves between servers "
            "whose versions read each other's format"
        )
        self.found = found


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class TabRecord(_Record):
    """The tab: what the server keeps of it beside its documents."""

    id: Annotated[int, Field(ge=1)]
    tree_id: Annotated[int, Field(ge=1)]
    # Which browser it is in, and whether that has sent it as a cookie.
    principal: str
    principal_was_shown: bool
    # The digests of the tokens that its page may show: see `Tabs.adopt`.
    tokens: list[Token] = Field(default_factory=list)
    # Whose it is, by the text that is compared; None for nobody.
    identity: str | None
    is_closing: bool
    groups: list[str]


class LinkNumbers(_Record):
    """The numbers of a link: see `LinkState` of the core."""

    first: Count
    next: Count
    handed: Count
    received: Count
    owed_messages: Count
    owed_bytes: Count
    claimed: Count
    # How many rows each kept message has: one, and one for each segment.
    kept: list[Annotated[int, Field(ge=1)]]
    # How many bytes of its parcel are missing. If there are any, what has arrived is a row.
    remaining: Count


class CallNumbers(_Record):
    """The calls that the page has opened: see `Answers` of the core."""

    # Less than the first id before there was one.
    last: int
    open: list[Count]


class PortNumbers(_Record):
    """Behind which numbers new ports of both sides have theirs."""

    next: int
    last: int


class KeptAnswer(_Record):
    """The answer of a `sendSync`, which the page may ask for again."""

    id: Count
    channel: str
    rows: Annotated[int, Field(ge=1)]


class FrameRecord(_Record):
    """One document, which is one link."""

    link: Token
    secret: Digest
    features: list[str]
    # Where the document that embeds it stands in the list: before it. None for a main document.
    parent: Count | None
    frame_token: Token
    routing_id: Annotated[int, Field(ge=1)]
    tree_id: Annotated[int, Field(ge=1)]
    origin: str
    url: str
    name: str
    groups: list[str]
    # A socket has carried it; for how many milliseconds it has had none.
    was_attached: bool
    away_ms: Count
    # The last number that the page has told of, and after its `bye` how many milliseconds are left for the rest.
    page_last: Count
    bye_ms: int | None
    core: LinkNumbers
    answers: CallNumbers
    # The id of the server's next call in the page; None where there was none.
    calls_next: Count | None
    # None where no port has crossed the link.
    ports: PortNumbers | None
    syncs: list[KeptAnswer]


class Heard(_Record):
    """How far the process was in what is said to every page of all processes: see `Position` of the bus."""

    worker: str
    number: Count
    own: Count
    # Which stream that is: empty before there were names for it, or where there is one alone.
    generation: str = ""


class Head(_Record):
    """The first row."""

    format: int
    contents: TabRecord
    # Each behind the one that embeds it; children and main documents in the order in which they came.
    frames: list[FrameRecord]
    # The main documents that the tab shows or has in its history, by their places in `frames`; the one shown is last.
    documents: list[Count]
    # None where the process was the only one.
    heard: Heard | None = None


class Snapshot(NamedTuple):
    """A tab as plain values."""

    head: Head
    rows: list[bytes]

    def encode(self) -> bytes:
        """Return it as bytes."""
        return encode_rows([self.head.model_dump_json().encode(), *self.rows])

    @classmethod
    def decode(cls, data: bytes) -> "Snapshot":
        """Return the snapshot that bytes are. Raises FormatError for another format, SnapshotError for no snapshot."""
        try:
            first, *rows = decode_rows(data)
            fields = json.loads(first)
        except (RowsError, ValueError) as error:
            raise SnapshotError(f"expected rows whose first is JSON, got something else: {error}") from None
        _check_format(fields)
        try:
            head = Head.model_validate(fields)
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
            raise SnapshotError(f"expected a head of format {FORMAT}; its field {where} is wrong") from None
        _check_places(head, len(rows))
        return cls(head, rows)


def links_in(data: bytes) -> Iterator[str]:
    """Yield the ids of the links in a snapshot of any format, as far as they can be read."""
    try:
        head = json.loads(decode_rows(data)[0])
        frames = head["frames"] if isinstance(head, dict) else []
        yield from (frame["link"] for frame in frames if isinstance(frame["link"], str))
    except (RowsError, ValueError, LookupError, TypeError):
        return


def _check_format(fields: Any) -> None:
    found = fields.get("format") if isinstance(fields, dict) else None
    if type(found) is not int or found not in READS:
        raise FormatError(found)


def _check_places(head: Head, rows: int) -> None:
    """Raise SnapshotError where a place is none, or the rows are not those that the head names."""
    for place, frame in enumerate(head.frames):
        if frame.parent is not None and frame.parent >= place:
            raise SnapshotError(f"expected the parent of document {place} before it, got {frame.parent}")
    for place in head.documents:
        if place >= len(head.frames) or head.frames[place].parent is not None:
            raise SnapshotError(f"expected the place of a main document, got {place}")
    if len(set(head.documents)) < len(head.documents):
        raise SnapshotError("expected each main document once")
    named = sum(_rows_of(frame) for frame in head.frames)
    if named != rows:
        raise SnapshotError(f"expected the {named} rows that the head names, got {rows}")


def _rows_of(frame: FrameRecord) -> int:
    core = frame.core
    return sum(core.kept) + (core.remaining > 0) + sum(answer.rows for answer in frame.syncs)
