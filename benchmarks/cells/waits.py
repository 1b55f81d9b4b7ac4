"""W: the longest time that another page waits while one page hands in, or gets, a mebibyte: by the shape of the value.

The frames of the large value are written before the clock starts, so the server alone is at work. Another process calls
without a pause; its longest call in that time is the figure, for each mebibyte of text. The same text goes through
`orjson.loads`: what no program in Python that parses JSON can be faster than.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

import orjson

from benchmarks.catalogue import NODE_SOCKETIO, NODE_WS, OURS, PYTHON_SOCKETIO
from benchmarks.cells.kinds import Cell, Lab, MeasurementError, Samples
from benchmarks.grid import Column, Grid
from benchmarks.pages.dialects import CallError, Page, open_page
from benchmarks.pages.neighbour import Neighbour, NeighbourError
from benchmarks.pages.wire import WireError
from benchmarks.servers import Server
from benchmarks.table import Bench, Sample

MEGABYTE = 1 << 20
SOURCE = "127.0.0.2"
TIMES = 3  # of one shape in one cell; the median of the longest waits is the figure
_START = 1_767_225_600_000
_NAMES = (OURS, PYTHON_SOCKETIO, NODE_SOCKETIO, NODE_WS)


@dataclass(frozen=True, slots=True)
class Text:
    """A value as a page writes it."""

    value: str
    fixups: str
    count: int
    """The length of the value as a list or text."""

    @property
    def whole(self) -> str:
        """All of it."""
        return f"[{self.value},{self.fixups}]" if self.fixups else self.value


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of value."""

    key: str
    label: str
    make: Callable[[int], tuple[Any, list[Any]]]
    """Returns a value of so many elements, and its fixups."""
    elements: int
    """How many fit into a little less than 1 MiB, so that the message travels whole."""
    channel: str = "take"
    webipc_only: str = ""
    """Why no other subject has it."""


def _persons(count: int) -> list[Any]:
    return [
        {"id": n, "name": f"person {n}", "email": f"{n}@example.com", "score": n * 0.5, "active": True}
        for n in range(count)
    ]


def _dated(count: int) -> tuple[Any, list[Any]]:
    persons = [{**person, "since": _START + n} for n, person in enumerate(_persons(count))]
    return persons, [["d", [0, n, "since"]] for n in range(count)]


SHAPES = (
    Shape("dicts", "dicts", lambda count: (_persons(count), []), 10_000),
    Shape("small", "small numbers", lambda count: ([n % 10 for n in range(count)], []), 500_000),
    Shape("text", "one text", lambda count: ("x" * count, []), 1_000_000),
    Shape("floats", "floats", lambda count: ([n / 7 for n in range(count)], []), 50_000),
    Shape("dates", "dicts with a Date each", _dated, 6_500, webipc_only="its JSON has no dates"),
    Shape("models", "the same as models", _dated, 6_500, "take-models", "it has no models"),
)


@cache
def text_of(shape: Shape, elements: int) -> Text:
    """Write a value as JSON."""
    value, fixups = shape.make(elements)
    written = [json.dumps(part, separators=(",", ":")) if part else "" for part in (value, fixups)]
    return Text(written[0], written[1], len(value))


def _measure(lab: Lab, server: Server) -> Samples:
    try:
        with Neighbour(server.subject.dialect, server.port) as neighbour:
            page = open_page(server.subject.dialect, server.port, SOURCE)
            try:
                return {key: sample for shape in SHAPES for key, sample in _shape(lab, page, neighbour, shape).items()}
            finally:
                page.wire.close()
    except (NeighbourError, WireError, CallError, OSError) as error:
        raise MeasurementError(f"{error} (the server: {server.complaint()})") from None


def _shape(lab: Lab, page: Page, neighbour: Neighbour, shape: Shape) -> Samples:
    """Hand in a value, then get it back, some times; return the longest waits of both ways."""
    ids = (f"W:{shape.key}:in", f"W:{shape.key}:out")
    if shape.webipc_only and not _is_ours(page):
        return dict.fromkeys(ids, shape.webipc_only)
    text = text_of(shape, shape.elements // 100 if lab.small else shape.elements)
    waits = [_both(page, neighbour, shape, text) for _ in range(1 if lab.small else TIMES)]
    times = MEGABYTE / len(text.whole)
    told = {key: Sample(median(ways) * times) for key, ways in zip(ids, zip(*waits, strict=True), strict=True)}
    return told | {f"W:{shape.key}:loads": Sample(_loads_ms(text.whole) * times)} if _is_ours(page) else told


def _is_ours(page: Page) -> bool:
    return type(page).__name__ == "WebipcPage"


def _both(page: Page, neighbour: Neighbour, shape: Shape, text: Text) -> tuple[float, float]:
    """Return the longest calls of the other page, in milliseconds, while the value comes in and while it goes out."""
    neighbour.waits()
    handed_in = time.monotonic()
    count, taken = page.call(shape.channel, text.value, text.fixups)
    if count != text.count:
        raise MeasurementError(f"{shape.label}: {text.count} elements came in as {count}")
    wanted = time.monotonic()
    value, given = page.call("give", None)
    if len(value) != text.count:
        raise MeasurementError(f"{shape.label}: {text.count} elements went out as {len(value)}")
    waits = neighbour.waits()
    return max(waits.between(handed_in, taken)), max(waits.between(wanted, given))


def _loads_ms(text: str) -> float:
    """The milliseconds of parsing a text alone."""
    times = []
    for _ in range(3):
        began = time.process_time()
        parsed = orjson.loads(text)
        times.append((time.process_time() - began) * 1000)
        del parsed
    return min(times)


def _benches(shape: Shape) -> Sequence[Bench]:
    return (
        Bench(
            f"W:{shape.key}:in",
            f"longest wait of another page while one hands in {shape.label}",
            "ms per MiB",
            "less",
            _NAMES,
        ),
        Bench(
            f"W:{shape.key}:out",
            f"longest wait of another page while one gets {shape.label}",
            "ms per MiB",
            "less",
            _NAMES,
        ),
        Bench(f"W:{shape.key}:loads", f"orjson.loads of {shape.label}", "ms per MiB", "less", (OURS,)),
    )


WAITS = Cell(
    tuple(bench for shape in SHAPES for bench in _benches(shape)),
    _measure,
    "python",
    rounds=3,
)

GRID = Grid(
    "How long another page waits",
    "Milliseconds for each MiB of text that one page hands in (*in*), or gets (*out*): the longest call of another "
    "page in that time. The first column is `orjson.loads` of the same text, in a process of its own.",
    "value",
    tuple((shape.key, shape.label) for shape in SHAPES),
    (
        Column("orjson.loads", "W:{line}:loads", OURS),
        *(Column(f"{way}: {name}", f"W:{{line}}:{way}", name) for way in ("in", "out") for name in _NAMES),
        Column("in: webipc / orjson.loads", "W:{line}:in", OURS, "W:{line}:loads"),
        Column("out: webipc / orjson.loads", "W:{line}:out", OURS, "W:{line}:loads"),
    ),
)
