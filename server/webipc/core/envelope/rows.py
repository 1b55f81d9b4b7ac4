"""Lays out a received message as a row with one element for each field of its kind (PROTOCOL.md section 4).

Counts the elements, and tells meta and fixups apart, either of which may be absent. What each field may hold is in
fields.py, and Pydantic checks the rows (`parse`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from webipc.core.errors import CloseCode, ProtocolError
from webipc.core.limits import Limits


class Form(NamedTuple):
    """How many elements and segments a kind has."""

    # How many elements stand before meta, fixups and segments.
    fixed: int
    # How many segments it has; None for the kinds with a value, which may have any number.
    segments: int | None


def form_of(kind: Any) -> Form:
    """Return the form of a named tuple, whose fixed elements are the fields without a default."""
    fixed = len(kind._fields) - len(kind._field_defaults)
    return Form(fixed, None if "value" in kind._fields else int("segments" in kind._fields))


def row_of(fields: list[Any], segments: Sequence[memoryview], forms: Mapping[str, Form], limits: Limits) -> list[Any]:
    """Return the fields of a message in the order and number that its named tuple has. Raises ProtocolError."""
    kind = fields[0] if fields else None
    form = forms.get(kind) if type(kind) is str else None
    if form is None:
        raise ProtocolError(f"the kind of a message is one of {', '.join(forms)}; {_shown(kind)} came")
    if form.segments is not None:
        return _bare_row(fields, segments, form.fixed, form.segments)
    refuse_excess("segments", len(segments), limits.segments)
    if len(fields) == form.fixed:
        return [*fields, None, (), segments]
    return [*fields[: form.fixed], *_attachments(fields, form.fixed, limits), segments]


def _bare_row(fields: list[Any], segments: Sequence[memoryview], fixed: int, due: int) -> list[Any]:
    """Return the row of a kind without a value."""
    if len(fields) != fixed or len(segments) != due:
        raise ProtocolError(
            f"{_shown(fields[0])} has {fixed} elements and {due} segments; {len(fields)} and {len(segments)} came"
        )
    return [*fields, segments] if due else fields


def _attachments(fields: list[Any], fixed: int, limits: Limits) -> tuple[Mapping[str, Any] | None, Sequence[Any]]:
    """Return meta and fixups: either may be absent, and their types tell them apart."""
    rest = fields[fixed:]
    meta = rest.pop(0) if rest and type(rest[0]) is dict else None
    fixups = rest.pop(0) if rest and type(rest[0]) is list else ()
    if rest or len(fields) < fixed:
        raise ProtocolError(
            f"{_shown(fields[0])} has {fixed} elements, and behind them at most a meta object and an array of fixups; "
            f"this one has {len(fields)}, or others"
        )
    refuse_excess("fixups", len(fixups), limits.fixups)
    return meta, fixups


def code_units(channel: str) -> int:
    """Return the length of a channel in UTF-16 code units, in which JavaScript counts and PROTOCOL.md section 9 too."""
    return len(channel) + sum(character > "\uffff" for character in channel)


def refuse_long_channel(channel: str, allowed: int) -> None:
    """Raise ProtocolError, with the close code 4413, for a channel of more code units than allowed."""
    # A code point has one code unit or two: most channels are so short that nothing need be counted.
    if len(channel) * 2 > allowed:
        refuse_excess("code units in a channel", code_units(channel), allowed)


def refuse_excess(what: str, count: int, allowed: int) -> None:
    """Raise ProtocolError, with the close code 4413, for more than a limit allows."""
    if count > allowed:
        raise ProtocolError(f"at most {allowed} {what}, not {count}", CloseCode.TOO_LARGE)


def _shown(kind: object) -> str:
    return repr(kind[:32]) if isinstance(kind, str) else type(kind).__name__
