"""What values cost: `python -m benchmarks.values` times their encoding and decoding, at 1x and 4x the size.

One process without a server. Every time is the smallest of several rounds, in processor time. orjson gets the plain
equivalent of the same value: the same data with texts in place of dates, and dicts in place of models. python-socketio
gets the value itself: what it refuses, it cannot send. `python -m benchmarks` runs this with `--json`.
"""

import argparse
import gc
import json
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

try:
    from socketio.packet import EVENT, Packet  # type: ignore[import-not-found]  # only in the benchmarks' environment
except ImportError:  # a peer that is not installed is a column without figures
    Packet = None

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT, TIMES, ROUNDS = 10_000, 4, 7
WAYS = ("encode", "decode")
OURS, ORJSON, SOCKETIO = "webipc", "orjson, the same as plain JSON", "python-socketio"


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

    key: str
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
    Shape("plain", "plain dicts", _persons, _persons),
    Shape("dated", "dicts with a Date each", _dated, _dated_plain),
    Shape("one-date", "plain dicts, one Date in the last", _one_date, _persons),
    Shape("one-shared", "plain dicts, the first again as the last", _one_shared, _persons),
    Shape("models", "a list of models", _models, _persons),
    Shape("dict-of-models", "a dict of models", _keyed_models, _keyed_plain),
    Shape("dated-models", "a list of models with a datetime each", _dated_models, _dated_plain),
    Shape("numbers", "numbers, ten for each element", _floats, _floats),
    Shape("numpy", "the same as a NumPy array", lambda count: np.array(_floats(count)), _floats),
)


Step = Callable[[], Any]
# Encoding and decoding, or why there is none.
Steps = tuple[Step, Step] | str
# Milliseconds of encoding and of decoding, by subject, or why there are none.
Costs = dict[str, tuple[float, float] | str]


def measure(shape: Shape, count: int, rounds: int) -> Costs:
    """Time a shape with so many elements: all subjects in every round."""
    value, plain = shape.make(count), shape.make_plain(count)
    subjects = {OURS: _webipc(value), ORJSON: _orjson(plain), SOCKETIO: _socketio(value)}
    able = {name: steps for name, steps in subjects.items() if not isinstance(steps, str)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in able}
    for _ in range(rounds):
        for name, (encode, decode) in able.items():
            times[name].append((_milliseconds(encode), _milliseconds(decode)))
    unable = {name: steps for name, steps in subjects.items() if isinstance(steps, str)}
    return {**{name: _least(both) for name, both in times.items()}, **unable}


def _least(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    encode, decode = map(min, zip(*times, strict=True))
    return encode, decode


def _webipc(value: Any) -> Steps:
    message = encode_message(["result", 1], clone.encode(value))
    return (
        lambda: encode_message(["result", 1], clone.encode(value)),
        lambda: _decode(message.json, message.segments),
    )


def _decode(text: bytes, segments: Sequence[Any]) -> Any:
    _, _, skeleton, *fixups = orjson.loads(text)
    return clone.decode(skeleton, fixups[0] if fixups else (), segments)


def _orjson(plain: Any) -> Steps:
    text = orjson.dumps(plain)
    return lambda: orjson.dumps(plain), lambda: orjson.loads(text)


def _socketio(value: Any) -> Steps:
    if Packet is None:
        return "python-socketio is not installed"

    def encode() -> Any:
        return Packet(EVENT, data=["result", value]).encode()

    try:
        text = encode()
    except TypeError as error:
        return f"cannot: {error}"
    return encode, lambda: Packet(encoded_packet=text)


def _milliseconds(function: Step) -> float:
    began = time.process_time()
    result = function()
    ended = time.process_time()
    # Freed after the end, on both sides of a ratio alike.
    del result
    return (ended - began) * 1000


def _all(counts: Sequence[int], rounds: int) -> dict[Shape, list[Costs]]:
    return {shape: [measure(shape, count, rounds) for count in counts] for shape in SHAPES}


def table(counts: Sequence[int], rounds: int) -> str:
    """Return the table of all shapes at two sizes, as Markdown."""
    few = counts[0]
    heads = ["shape"]
    for way in WAYS:
        heads += [f"{way} {few:,}, ms", "x orjson", "x python-socketio", f"{TIMES}x the data"]
    rows = [heads, ["---", *["--:"] * (len(heads) - 1)]]
    for shape, (small, large) in _all(counts, rounds).items():
        rows.append([shape.name, *_figures(small, large, 0), *_figures(small, large, 1)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _figures(small: Costs, large: Costs, way: int) -> list[str]:
    ours, orjsons, socketios, four_times = small[OURS], small[ORJSON], small[SOCKETIO], large[OURS]
    return [f"{ours[way]:.1f}", _ratio(ours, orjsons, way), _ratio(ours, socketios, way), _ratio(four_times, ours, way)]


def _ratio(one: Any, other: Any, way: int) -> str:
    return "-" if isinstance(other, str) or not other[way] else f"{one[way] / other[way]:.1f}"


def as_json(counts: Sequence[int], rounds: int) -> str:
    """Return the milliseconds, or the reasons, by subject and by the id of a benchmark: `V:dated:encode:4`."""
    told: dict[str, dict[str, float | str]] = {name: {} for name in (OURS, ORJSON, SOCKETIO)}
    for shape, costs in _all(counts, rounds).items():
        for times, by_subject in zip((1, TIMES), costs, strict=True):
            for name, cost in by_subject.items():
                for number, way in enumerate(WAYS):
                    told[name][f"V:{shape.key}:{way}:{times}"] = cost if isinstance(cost, str) else cost[number]
    return json.dumps(told)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.values", description="Measure what values cost.")
    parser.add_argument("--quick", action="store_true", help="small and once, to see that everything works")
    parser.add_argument("--json", action="store_true", help="print the milliseconds as JSON")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each is measured (default: {ROUNDS})")
    words = parser.parse_args()
    count, rounds = (100, 1) if words.quick else (COUNT, words.rounds)
    # As `webipc run` does it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 200)
    counts = (count, count * TIMES)
    print(as_json(counts, rounds) if words.json else table(counts, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
