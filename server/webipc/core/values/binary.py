"""ArrayBuffer and TypedArray: binary data of which several views may share one buffer.

Numbers in a buffer are little-endian, as on every machine that browsers run on. NumPy is supported by its array
interface, without importing it. No twin: JavaScript has both. Wire: PROTOCOL.md section 5, codes `b` and `v`.
"""

import sys
from array import array
from typing import Any, Final, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.schema import instance_schema

# kind -> bytes per element, the format of a memoryview, and NumPy's name of the type. A memoryview knows no Float16.
_KINDS: Final = {
    "Int8Array": (1, "b", "|i1"),
    "Uint8Array": (1, "B", "|u1"),
    "Uint8ClampedArray": (1, "B", "|u1"),
    "Int16Array": (2, "h", "<i2"),
    "Uint16Array": (2, "H", "<u2"),
    "Int32Array": (4, "i", "<i4"),
    "Uint32Array": (4, "I", "<u4"),
    "Float16Array": (2, None, "<f2"),
    "Float32Array": (4, "f", "<f4"),
    "Float64Array": (8, "d", "<f8"),
    "BigInt64Array": (8, "q", "<i8"),
    "BigUint64Array": (8, "Q", "<u8"),
    "DataView": (1, "B", "|u1"),
}
ELEMENT_BYTES: Final = {kind: size for kind, (size, _, _) in _KINDS.items()}
_KIND_OF_NUMPY: Final = {
    name: kind for kind, (_, _, name) in _KINDS.items() if kind not in {"Uint8ClampedArray", "DataView"}
}
_ARRAY_SIGNS: Final = {**dict.fromkeys("bhilq", "i"), **dict.fromkeys("BHILQ", "u"), **dict.fromkeys("fd", "f")}


def kind_of_numpy(typestr: str) -> str | None:
    """Return the kind for NumPy's name of a type, such as `<f8`; None where JavaScript has no such view."""
    return _KIND_OF_NUMPY.get(typestr)


def kind_of_array(values: "array[Any]") -> str | None:
    """Return the kind for an `array.array`; None for one of characters."""
    sign = _ARRAY_SIGNS.get(values.typecode)
    order = "|" if values.itemsize == 1 else "<"
    return None if sign is None else kind_of_numpy(f"{order}{sign}{values.itemsize}")


@final
class ArrayBuffer(bytearray):
    """A buffer of bytes. A `bytearray` in every way, which is sent as an ArrayBuffer and not as a Uint8Array."""

    __slots__ = ("max_byte_length",)

    def __init__(self, data: Any = b"", *, max_byte_length: int | None = None) -> None:
        """`data` is what bytearray takes. `ValueError` when it is longer than `max_byte_length`."""
        super().__init__(data)
        if max_byte_length is not None and len(self) > max_byte_length:
            raise ValueError(f"{len(self)} bytes are more than the {max_byte_length} that the buffer may grow to")
        # How far the buffer may be resized in the page, in bytes; None when its size is fixed.
        self.max_byte_length = max_byte_length

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(ArrayBuffer, _to_buffer)


def _to_buffer(value: Any) -> ArrayBuffer | None:
    return ArrayBuffer(value) if isinstance(value, bytes | bytearray) else None


@final
class TypedArray:
    """A view of an ArrayBuffer: one of JavaScript's typed arrays, or a DataView.

    `view()` and `numpy.asarray(x)` see the same memory as every other view of the buffer; nothing is copied.
    A Uint8Array whose buffer nothing else in the message reaches arrives as `bytes`; as an annotation, TypedArray takes
    that too.
    """

    __slots__ = ("_length", "buffer", "kind", "offset")
    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, like bytearray

    def __init__(self, kind: str, buffer: bytes | bytearray, offset: int = 0, length: int | None = None) -> None:
        """`kind` is JavaScript's name of the class; `offset` is in bytes, `length` in elements (bytes for a DataView).

        Anything but an ArrayBuffer is copied into one. Without a length the view ends where the buffer ends, and
        follows it if the buffer is resizable. `ValueError` when the view is off its alignment or ends outside.
        """
        if kind not in ELEMENT_BYTES:
            raise ValueError(f"a kind is one of {', '.join(ELEMENT_BYTES)}, not {kind!r}")
        # JavaScript's name of the class.
        self.kind = kind
        # The whole buffer.
        self.buffer = buffer if isinstance(buffer, ArrayBuffer) else ArrayBuffer(buffer)
        # Where the view begins, in bytes.
        self.offset = offset
        # In elements; None when the view follows the length of its buffer.
        self._length = length
        if length is None and self.buffer.max_byte_length is None:
            self._length = self._whole_rest()
        self._check()

    def _whole_rest(self) -> int:
        length, surplus = divmod(len(self.buffer) - self.offset, ELEMENT_BYTES[self.kind])
        if surplus:
            raise ValueError(f"{len(self.buffer) - self.offset} bytes are no whole number of {self.kind} elements")
        return length

    def _check(self) -> None:
        size = ELEMENT_BYTES[self.kind]
        if self.offset % size:
            raise ValueError(f"the offset of a {self.kind} is a multiple of {size}, not {self.offset}")
        end = self.offset + (self._length or 0) * size
        if self.offset < 0 or (self._length or 0) < 0 or end > len(self.buffer):
            raise ValueError(f"the view ({self.offset} to {end}) ends outside its buffer of {len(self.buffer)} bytes")

    @property
    def follows_buffer(self) -> bool:
        """Whether the length follows that of the resizable buffer."""
        return self._length is None

    @property
    def length(self) -> int:
        """The number of elements (of bytes, for a DataView)."""
        if self._length is not None:
            return self._length
        return max(0, len(self.buffer) - self.offset) // ELEMENT_BYTES[self.kind]

    @property
    def byte_length(self) -> int:
        """The number of bytes."""
        return self.length * ELEMENT_BYTES[self.kind]

    @property
    def is_outside(self) -> bool:
        """Whether the buffer has become shorter than the view needs; the view can be neither read nor sent then."""
        return self.offset + self.byte_length > len(self.buffer)

    def view(self) -> memoryview:
        """Return a memoryview of the elements, over the same memory; the buffer keeps its size while it is in use.

        `NotImplementedError` for a Float16Array, which memoryview lacks (use `numpy.asarray`), and where the
        machine is not little-endian.
        """
        # Any, because the stubs of memoryview have a type for each format.
        form: Any = _KINDS[self.kind][1]
        if form is None:
            raise NotImplementedError("a memoryview has no format for Float16Array; use numpy.asarray(x)")
        if sys.byteorder != "little" and ELEMENT_BYTES[self.kind] > 1:
            raise NotImplementedError("a memoryview has the byte order of the machine; use numpy.asarray(x)")
        view: memoryview = self._bytes().cast(form)
        return view

    def _bytes(self) -> memoryview:
        return memoryview(self.buffer)[self.offset : self.offset + self.byte_length]

    def tobytes(self) -> bytes:
        """Return a copy of the view's own bytes."""
        return bytes(self._bytes())

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """NumPy's array interface, on the same memory."""
        return {
            "version": 3,
            "shape": (self.length,),
            "typestr": _KINDS[self.kind][2],
            "data": self._bytes(),
        }

    def __buffer__(self, flags: int) -> memoryview:
        """Give `memoryview(x)` the same as `view()`; Python asks for it from 3.12 on."""
        return self.view()

    def __len__(self) -> int:
        return self.length

    def __eq__(self, other: object) -> bool:
        """Tell whether both are views of one kind of equal bytes."""
        if not isinstance(other, TypedArray):
            return NotImplemented
        return self.kind == other.kind and self._bytes() == other._bytes()

    def __repr__(self) -> str:
        length = "" if self._length is None else f", {self._length}"
        return f"TypedArray({self.kind!r}, <{len(self.buffer)} bytes>, {self.offset}{length})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(TypedArray, _to_view)


def _to_view(value: Any) -> TypedArray | None:
    return TypedArray("Uint8Array", value) if isinstance(value, bytes | bytearray) else None
