"""The values of JavaScript that Python lacks, each a small class, all usable as annotations of a handler.

    undefined, UndefinedType     undefined (None is null)
    BigInt                       bigint
    JSMap, JSSet                 Map, Set
    JSArray, hole, HoleType      an array with holes or named properties; other arrays are lists
    JSDate                       a Date that datetime cannot hold; other Dates are aware datetimes
    JSRegExp                     RegExp
    ArrayBuffer, TypedArray      buffers and views; a Uint8Array by itself is bytes
    JSError                      Error and its built-in subclasses
    Boxed                        boxed primitives, such as new Number(1)

How they are encoded is in clone/. Meaning: PROTOCOL.md section 5. Twin: js-client/src/core/values/index.ts, which only
tells these values apart, because JavaScript already has them.
"""

from webipc.core.values.array import JSArray
from webipc.core.values.binary import ArrayBuffer, TypedArray
from webipc.core.values.error import JSError
from webipc.core.values.keyed import JSMap, JSSet
from webipc.core.values.regexp import JSRegExp
from webipc.core.values.scalar import BigInt, Boxed, HoleType, JSDate, UndefinedType, hole, undefined

__all__ = [
    "ArrayBuffer",
    "BigInt",
    "Boxed",
    "HoleType",
    "JSArray",
    "JSDate",
    "JSError",
    "JSMap",
    "JSRegExp",
    "JSSet",
    "TypedArray",
    "UndefinedType",
    "hole",
    "undefined",
]
