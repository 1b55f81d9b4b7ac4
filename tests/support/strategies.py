"""Hypothesis strategies for every value that a page can send, with shared objects and cycles.

Each value has the form in which Python receives it, so that it is the same after a round trip (tests/support/same.py).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from webipc.core.values import (
    ArrayBuffer,
    BigInt,
    Boxed,
    JSArray,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    TypedArray,
    undefined,
)
from webipc.core.values.binary import ELEMENT_BYTES
from webipc.core.values.error import ERROR_CLASSES

SAFE = 2**53 - 1


def _one_text(text: str) -> str:
    """Join adjacent halves of a surrogate pair: in UTF-16, and so in a page, they are one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def texts() -> st.SearchStrategy[str]:
    """Text with lone surrogates."""
    return st.text(st.characters(codec=None), max_size=8).map(_one_text)


def numbers() -> st.SearchStrategy[Any]:
    """Numbers, `BigInt` included."""
    return st.one_of(st.integers(-SAFE, SAFE), st.floats(width=64).map(_as_received), st.integers().map(BigInt))


def _as_received(number: float) -> float:
    """Return an integral float as an int, as it arrives from a page; -0.0 stays a float."""
    plain = number.is_integer() and abs(number) <= SAFE and str(number) != "-0.0"
    return int(number) if plain else number


def primitives() -> st.SearchStrategy[Any]:
    """Primitive values of a page, and `bytes`."""
    return st.one_of(st.none(), st.booleans(), st.just(undefined), numbers(), texts(), st.binary(max_size=16))


def dates() -> st.SearchStrategy[Any]:
    """Dates, in the form in which they arrive."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moments = st.integers(-62135596800000, 253402300799999).map(lambda ms: epoch + timedelta(milliseconds=ms))
    return st.one_of(moments, st.sampled_from([None, 8_640_000_000_000_000, -62135596800001]).map(JSDate))


def buffers() -> st.SearchStrategy[ArrayBuffer]:
    """Buffers of fixed size and resizable ones."""
    return st.builds(
        lambda content, spare: ArrayBuffer(content, max_byte_length=None if spare is None else len(content) + spare),
        st.binary(max_size=24),
        st.none() | st.integers(0, 8),
    )


@st.composite
def views(draw: st.DrawFn) -> TypedArray:
    """Views. A Uint8Array only of a resizable buffer, because any other arrives as bytes."""
    buffer = draw(buffers())
    kinds = [kind for kind in sorted(ELEMENT_BYTES) if kind != "Uint8Array" or buffer.max_byte_length is not None]
    kind = draw(st.sampled_from(kinds))
    size = ELEMENT_BYTES[kind]
    offset = draw(st.integers(0, len(buffer) // size)) * size
    length = draw(st.integers(0, (len(buffer) - offset) // size))
    # A view without room for one element cannot track the length of its buffer.
    has_room = buffer.max_byte_length is not None and buffer.max_byte_length - offset >= size
    follows = has_room and draw(st.booleans())
    return TypedArray(kind, buffer, offset, None if follows else length)


def objects() -> st.SearchStrategy[Any]:
    """Objects that contain no other values."""
    # As in a page, which refuses an invalid source and writes `(?:)` for an empty one.
    sources = st.sampled_from(["(?:)", "a+", r"\/", r"^(?<year>\d{4})$", "é|[^\U0001f600]"])
    regexps = st.builds(JSRegExp, sources, st.sampled_from(["", "g", "dgimsuy", "v"]))
    boxes = st.one_of(st.booleans(), numbers(), texts()).map(Boxed)
    return st.one_of(dates(), regexps, boxes, buffers(), views())


def names() -> st.SearchStrategy[str]:
    """Names of properties of an array."""
    return st.sampled_from(["name", "", "-1", "01", "__proto__", "4294967295"])


@st.composite
def sparse_arrays(draw: st.DrawFn, contents: st.SearchStrategy[Any]) -> JSArray:
    """Arrays that a list cannot represent: sparse ones, and ones with properties."""
    items = draw(st.dictionaries(st.integers(0, 5), contents, max_size=3))
    return JSArray(7, items, draw(st.dictionaries(names(), contents, max_size=2)))


def containers(contents: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that contain other values."""
    optional_text = st.none() | texts()
    return st.one_of(
        st.lists(contents, max_size=4),
        # A page orders keys that look like indices first.
        st.dictionaries(texts().filter(lambda key: not key.isdigit()), contents, max_size=4),
        st.lists(st.tuples(contents, contents), max_size=3).map(JSMap),
        st.lists(contents, max_size=3).map(JSSet),
        sparse_arrays(contents),
        st.builds(JSError, st.sampled_from(sorted(ERROR_CLASSES)), optional_text, optional_text, contents),
        st.builds(JSError, message=optional_text),
    )


def trees() -> st.SearchStrategy[Any]:
    """Any value in which each object occurs once."""
    return st.recursive(primitives() | objects(), containers, max_leaves=20)


@st.composite
def values(draw: st.DrawFn) -> Any:
    """Any value; some objects occur several times or contain themselves."""
    root = [draw(trees())]
    found = [root, *_objects_below(root[0])]
    for _ in range(draw(st.integers(0, 3))):
        _put_into(draw(st.sampled_from(found)), draw(st.sampled_from(found)))
    return root


def _objects_below(value: Any) -> list[Any]:
    """Return every object of a tree that can occur a second time."""
    if not isinstance(value, list | dict | JSMap | JSSet | JSArray | JSError | datetime | JSDate | JSRegExp | Boxed):
        return []
    return [value, *(inner for part in _parts(value) for inner in _objects_below(part))]


def _parts(value: Any) -> list[Any]:
    if isinstance(value, JSArray):
        return [*value.items.values(), *value.props.values()]
    if isinstance(value, JSMap):
        return [*value.keys(), *value.values()]
    if isinstance(value, JSError):
        return [value.cause]
    return list(value.values() if isinstance(value, dict) else value) if isinstance(value, dict | list | JSSet) else []


def _put_into(container: Any, value: Any) -> None:
    """Add an object to a container, if the container accepts any value."""
    puts: dict[type[Any], Callable[[], Any]] = {
        list: lambda: container.append(value),
        dict: lambda: container.update(tie=value),
        JSMap: lambda: container.update([(value, value)]),
        JSSet: lambda: container.add(value),
        JSArray: lambda: container.props.update(tie=value),
        JSError: lambda: setattr(container, "cause", value),
    }
    puts.get(type(container), lambda: None)()
