"""V: what values cost, beside orjson and python-socketio: `benchmarks/values.py` in a process of its own."""

from collections.abc import Mapping, Sequence

from benchmarks.cells.kinds import Joint, Lab, MeasurementError, Samples, report
from benchmarks.grid import Column, Grid
from benchmarks.table import Bench, Sample
from benchmarks.values import COUNT, ORJSON, OURS, SHAPES, SOCKETIO, TIMES, WAYS

_NAMES = (OURS, ORJSON, SOCKETIO)
_CASES = tuple((shape, way, times) for shape in SHAPES for way in WAYS for times in (1, TIMES))
_ROUNDS = 2  # of the program, for each of ours


def _measure(lab: Lab, names: Sequence[str]) -> Mapping[str, Samples]:
    words = ["--quick"] if lab.small else ["--rounds", str(_ROUNDS)]
    try:
        told = report([lab.tools.python, "-m", "benchmarks.values", "--json", *words])
    except MeasurementError as error:
        reason = f"the program failed: {error}"
        return {name: {f"V:{shape.key}:{way}:{times}": reason for shape, way, times in _CASES} for name in names}
    return {
        name: {key: value if isinstance(value, str) else Sample(value) for key, value in told[name].items()}
        for name in names
    }


VALUES = Joint(
    tuple(
        Bench(
            f"V:{shape.key}:{way}:{times}",
            f"{way} {COUNT * times:,}: {shape.name}",
            "ms",
            "less",
            _NAMES,
        )
        for shape, way, times in _CASES
    ),
    _measure,
    rounds=3,
)


def _columns(way: str) -> tuple[Column, ...]:
    few, many = f"V:{{line}}:{way}:1", f"V:{{line}}:{way}:{TIMES}"
    return (
        Column(f"{way}, ms", few, OURS),
        Column("/ orjson", few, OURS, over=ORJSON),
        Column("/ python-socketio", few, OURS, over=SOCKETIO),
        Column(f"{TIMES}x the data", many, OURS, few),
    )


GRID = Grid(
    "Values",
    f"Milliseconds of processor time for {COUNT:,} elements, the JSON text included; the ratio to orjson with the same "
    "data as plain JSON, and to python-socketio with the value itself; and how many times as long "
    f"{TIMES} times the data takes.",
    "value",
    tuple((shape.key, shape.name) for shape in SHAPES),
    (*_columns("encode"), *_columns("decode")),
)
