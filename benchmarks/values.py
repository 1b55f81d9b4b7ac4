"""What values cost: `python -m benchmarks.values` times their encoding and decoding, at 1x and 4x the size.

One process without a server. Every time is the smallest of several rounds, in processor time; a ratio is to orjson with
the plain equivalent of the same value: the same data with texts in place of dates, and dicts in place of models.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel

from webipc.core import clone
from webipc.core.frame import encode_message

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT, TIMES, ROUNDS = 10_000, 4, 7


class Person(BaseModel):
    """A model of JSON's own types."""

    id: int
    name: str
    email: str
    score: float
    active: bool


class Member(Person):
    """A model with a Date."""

    since: datetime


@dataclass(frozen=True)
class Shape:
    """A kind of value."""

    name: str
    # Returns a value of so many elements.
    make: Callable[[int], Any]
    # Returns what orjson gets instead.
    make_plain: Callable[[int], Any]


def _person(number: int) -> dict[str, Any]:
    name = f"person {number}"
    return {"id": number, "name": name, "email": f"{number}@example.com", "score": number * 0.5, "active": True}


def _persons(count: int) -> list[Any]:
    return [_person(number) for number in range(count)]


def _since(number: int) -> datetime:
    return START + timedelta(seconds=number)


def _dated(count: int) -> list[Any]:
    return [{**_person(number), "since": _since(number)} for number in range(count)]


def _dated_plain(count: int) -> list[Any]:
    return [{**_person(number), "since": _since(number).isoformat()} for number in range(count)]


def _one_date(count: int) -> list[Any]:
    return [*_persons(count - 1), *_dated(1)]


def _one_shared(count: int) -> list[Any]:
    persons = _persons(count - 1)
    return [*persons, persons[0]]


def _models(count: int) -> list[Any]:
    return [Person.model_construct(**person) for person in _persons(count)]


def _keyed_models(count: int) -> dict[str, Any]:
    return {str(number): model for number, model in enumerate(_models(count))}


def _keyed_plain(count: int) -> dict[str, Any]:
    return {str(number): person for number, person in enumerate(_persons(count))}


def _dated_models(count: int) -> list[Any]:
    return [Member.model_construct(**person) for person in _dated(count)]


def _floats(count: int) -> list[float]:
    return [number * 0.5 for number in range(count * 10)]


SHAPES: Sequence[Shape] = (
    Shape("plain dicts", _persons, _persons),
    Shape("dicts with a Date each", _dated, _dated_plain),
    Shape("plain dicts, one Date in the last", _one_date, _persons),
    Shape("plain dicts, the first again as the last", _one_shared, _persons),
    Shape("a list of models", _models, _persons),
    Shape("a dict of models", _keyed_models, _keyed_plain),
    Shape("a list of models with a datetime each", _dated_models, _dated_plain),
    Shape("numbers, ten for each element", _floats, _floats),
    Shape("the same as a NumPy array", lambda count: np.array(_floats(count)), _floats),
)


@dataclass(frozen=True)
class Cost:
    """Milliseconds for one shape at one size: webipc's and orjson's."""

    encode: float
    dumps: float
    decode: float
    loads: float


def measure(shape: Shape, count: int, rounds: int) -> Cost:
    """Time a shape with so many elements."""
    value, plain = shape.make(count), shape.make_plain(count)
    message = encode_message(["result", 1], clone.encode(value))
    text = orjson.dumps(plain)
    times = [
        (
            _milliseconds(lambda: encode_message(["result", 1], clone.encode(value))),
            _milliseconds(lambda: orjson.dumps(plain)),
            _milliseconds(lambda: _decode(message.json, message.segments)),
            _milliseconds(lambda: orjson.loads(text)),
        )
        for _ in range(rounds)
    ]
    return Cost(*map(min, zip(*times, strict=True)))


def _decode(json: bytes, segments: Sequence[Any]) -> Any:
    _, _, skeleton, *fixups = orjson.loads(json)
    return clone.decode(skeleton, fixups[0] if fixups else (), segments)


def _milliseconds(function: Callable[[], Any]) -> float:
    began = time.process_time()
    result = function()
    ended = time.process_time()
    # Freed after the end, on both sides of a ratio alike.
    del result
    return (ended - began) * 1000


def table(counts: tuple[int, int], rounds: int) -> str:
    """Return the table of all shapes at two sizes, as Markdown."""
    few, many = counts
    heads = [
        "shape",
        f"encode {few:,}, ms",
        "x orjson",
        "4x the data",
        f"decode {few:,}, ms",
        "x orjson",
        "4x the data",
    ]
    rows = [heads, ["---", *["--:"] * (len(heads) - 1)]]
    for shape in SHAPES:
        small, large = measure(shape, few, rounds), measure(shape, many, rounds)
        rows.append(
            [
                shape.name,
                f"{small.encode:.1f}",
                _ratio(small.encode, small.dumps),
                _ratio(large.encode, small.encode),
                f"{small.decode:.1f}",
                _ratio(small.decode, small.loads),
                _ratio(large.decode, small.decode),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.1f}" if other else "-"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.values", description="Measure what values cost.")
    parser.add_argument("--quick", action="store_true", help="small and once, to see that everything works")
    words = parser.parse_args()
    count, rounds = (100, 1) if words.quick else (COUNT, ROUNDS)
    # As `webipc run` does it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 200)
    print(table((count, count * TIMES), rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
