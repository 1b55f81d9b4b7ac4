"""Converts a Python object to the value that is sent for it, of a type that encoder.py writes.

Decides by class, and inspects each class once. NumPy and pandas are recognised without importing them. No twin: what a
page may send is decided by structured clone.
"""

import re
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from pydantic_core import PydanticSerializationError, to_jsonable_python

from webipc.core.clone.models import Model, is_model
from webipc.core.values.binary import ArrayBuffer, TypedArray, kind_of_array, kind_of_numpy
from webipc.core.values.error import ERROR_CLASSES, JSError
from webipc.core.values.regexp import JSRegExp
from webipc.core.values.scalar import JSDate

Outward = Callable[[Any], Any]


class Refused(Exception):  # noqa: N818  (a result between two files of the core, which no caller sees)
    """A page has no value for the object; the text says what it is, and the remedy."""


def outward(value: Any, *, fragments: bool) -> Any:
    """Return what is sent for an object of a class that has no encoding of its own; `Refused` when nothing is.

    The answer may be such an object again. With `fragments`, a class that holds nothing but JSON's own types is
    answered as an `orjson.Fragment`.
    """
    found = _known.get(type(value)) or _learn(type(value))
    if isinstance(found, Model):
        return _fields(found, value, fragments=fragments)
    return found(value)


def outward_models(values: Sequence[Any], *, fragments: bool) -> Any:
    """Return what is sent for a list of models of one class: an `orjson.Fragment`, or a list of dicts.

    None when the list holds anything else, or one of the models has to be looked at by itself.
    """
    cls = type(values[0])
    if not is_model(cls) or not frozenset({cls}).issuperset(map(type, values)):
        return None
    try:
        found = _known.get(cls) or _learn(cls)
    except Refused:
        return None
    if not isinstance(found, Model):
        return None
    text = found.list_to_json(values) if fragments else None
    return found.list_to_fields(values) if text is None else orjson.Fragment(text)


_known: "WeakKeyDictionary[type[Any], Outward | Model]" = WeakKeyDictionary()


def _learn(cls: type[Any]) -> "Outward | Model":
    found = _known[cls] = _look_at(cls)
    return found


def _look_at(cls: type[Any]) -> "Outward | Model":
    if is_model(cls) and not issubclass(cls, Exception):
        return _model(cls)
    for kinds, answer in _BY_CLASS:
        if issubclass(cls, kinds):
            return answer
    return _by_name(cls)


def _model(cls: type[Any]) -> Model:
    try:
        return Model(cls)
    except Exception as error:
        raise Refused(f"a {cls.__name__} that Pydantic has no schema for ({error})") from error


def _fields(model: Model, value: Any, *, fragments: bool) -> Any:
    text = model.to_json(value) if fragments else None
    if text is not None:
        return orjson.Fragment(text)
    try:
        fields = model.to_fields(value)
    except ValueError as error:
        raise Refused(f"a {type(value).__name__} that cannot be serialized ({error})") from error
    if type(fields) is type(value):
        raise Refused(f"a {type(value).__name__} whose serializer returns another one")
    return fields


def _moment(value: datetime) -> JSDate:
    if value != value:  # noqa: PLR0124  (pandas' NaT alone differs from itself)
        return JSDate(None)
    if value.utcoffset() is None:
        raise Refused("a naive datetime (use .replace(tzinfo=UTC) if it is in UTC, .astimezone() if it is local)")
    return JSDate.from_datetime(value)


def _error(value: BaseException) -> JSError:
    name = next((cls.__name__ for cls in type(value).__mro__ if cls.__name__ in ERROR_CLASSES), "Error")
    return JSError(name, str(value))


def _pattern(value: "re.Pattern[Any]") -> JSRegExp:
    try:
        return JSRegExp.from_pattern(value)
    except ValueError as error:
        raise Refused(f"a regular expression that JavaScript lacks ({error})") from error


def _array(value: "array[Any]") -> Any:
    kind = kind_of_array(value)
    if kind is None:
        raise Refused(f"an array of typecode {value.typecode} (use .tounicode())")
    return _view(kind, value.tobytes())


def _view(kind: str, content: bytes) -> Any:
    return content if kind == "Uint8Array" else TypedArray(kind, ArrayBuffer(content))


def _numpy_array(value: Any) -> Any:
    kind = kind_of_numpy(value.dtype.str)
    if type(value).__name__ not in {"ndarray", "memmap"}:
        # A masked array, or a quantity with a unit: its numbers alone mean something else.
        raise Refused(f"a NumPy {type(value).__name__} (use .filled(), .tolist() or numpy.asarray())")
    if value.ndim != 1:
        raise Refused(f"a NumPy array of {value.ndim} dimensions (use .ravel() or .tolist())")
    if kind is None:
        raise Refused(f"a NumPy array of {value.dtype} (use .astype() or .tolist())")
    if not value.flags.c_contiguous:
        raise Refused("a NumPy array that is not contiguous (use .copy())")
    return _view(kind, value.tobytes())


def _numpy_scalar(value: Any) -> Any:
    plain = value.item() if value.dtype.kind in "biuf" else None
    if type(plain) not in {bool, int, float}:
        raise Refused(f"a NumPy {value.dtype} (convert it with .item(), .tolist() or str())")
    return plain


def _as_json(value: Any) -> Any:
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as error:
        raise Refused(_unknown(type(value))) from error


def _refuse(reason: str) -> Outward:
    def refuse(value: Any) -> Any:
        raise Refused(reason)

    return refuse


# The first row that fits decides: an Enum may be a str, a datetime is a date. Subclasses of int and str are turned into
# exactly those, because whatever writes the JSON would call their own methods.
_BY_CLASS: Final[tuple[tuple[Any, Outward], ...]] = (
    (Enum, lambda value: value.value),
    (str, str.__str__),
    (int, int.__index__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (bytearray, lambda value: bytearray(memoryview(value))),
    (dict, lambda value: dict(value.items())),
    (list, list),
    (tuple, lambda value: tuple(iter(value))),
    (set, set),
    (frozenset, frozenset),
    (datetime, _moment),
    ((date, time, timedelta, Decimal, UUID), _as_json),
    ((IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network), str),
    (BaseException, _error),
    (re.Pattern, _pattern),
    (array, _array),
    (Awaitable, _refuse("a coroutine or another awaitable (await it)")),
    (AsyncIterator, _refuse("an asynchronous iterator (collect it in a list)")),
    (Iterator, _refuse("a generator or another iterator (use list())")),
    ((FunctionType, BuiltinFunctionType, MethodType, partial), _refuse("a function")),
    (type, _refuse("a class")),
)
_NUMPY: Final = {"ndarray": _numpy_array, "generic": _numpy_scalar}


def _by_name(cls: type[Any]) -> Outward:
    """Decide about classes that must not be imported here, and about everything else."""
    for above in cls.__mro__:
        package = above.__module__.partition(".")[0]
        if package == "numpy" and above.__name__ in _NUMPY:
            return _NUMPY[above.__name__]
        if package in {"pydantic", "pydantic_core"}:
            return _as_json
        if above.__name__ in {"DataFrame", "Series"} and hasattr(above, "to_dict"):
            return _refuse(_REMEDIES[above.__name__])
    if hasattr(cls, "__fspath__"):
        return str
    return _refuse(_unknown(cls))


_REMEDIES: Final = {
    "DataFrame": 'a DataFrame (use .to_dict("records"))',
    "Series": "a Series (use .tolist())",
}


def _unknown(cls: type[Any]) -> str:
    if issubclass(cls, Mapping):
        return f"a {cls.__name__} (use dict() or JSMap())"
    return f"an object of class {cls.__name__} (send a dict, a dataclass or a Pydantic model)"
