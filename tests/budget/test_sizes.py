"""The estimate of what a decoded value takes, compared with the memory of a process; and sizes as text."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from webipc.budget.sizes import MOST_PER_BYTE, SMALL_TEXT, counted, in_words, parse_size

COUNT = 60_000

SHAPES: dict[str, Callable[[], str]] = {
    "small integers": lambda: "[" + ",".join(str(each % 200) for each in range(COUNT)) + "]",
    "large integers": lambda: json.dumps([each * 10**9 for each in range(COUNT)]),
    "floats": lambda: "[" + ",".join(f"{each}.5" for each in range(COUNT)) + "]",
    "empty lists": lambda: "[" + ",".join(["[]"] * COUNT) + "]",
    "empty objects": lambda: "[" + ",".join(["{}"] * COUNT) + "]",
    "nested lists": lambda: "[" + ",".join(["[[[[[[1]]]]]]"] * COUNT) + "]",
    "nested objects": lambda: "[" + ",".join(['{"a":{"a":{"a":1}}}'] * COUNT) + "]",
    "rows": lambda: json.dumps([{"id": each, "name": f"name {each}", "tags": ["a", "b"]} for each in range(COUNT)]),
    "one object": lambda: json.dumps({f"key {each}": each for each in range(COUNT)}),
    "one object behind its growth": lambda: json.dumps({f"k{each:x}": each % 100 for each in range(44_000)}),
    "short strings": lambda: json.dumps([f"{each:x}" for each in range(COUNT)]),
    "long string": lambda: json.dumps("x" * 4_000_000),
    "wide string": lambda: json.dumps("x" * 4_000_000 + "\U0001f600", ensure_ascii=False),
    "wide string by an escape": lambda: json.dumps("x" * 4_000_000 + "\U0001f600"),
    "nulls": lambda: "[" + ",".join(["null"] * COUNT * 20) + "]",
}

CHILD = """
import ctypes, gc, json, os, sys
import orjson

trim = ctypes.CDLL(None).malloc_trim
page = os.sysconf("SC_PAGE_SIZE")

def resident():
    trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * page

texts = json.load(sys.stdin)
gc.disable()
measured = {}
for name, text in texts.items():
    read, write = os.pipe()
    if os.fork() == 0:
        text = text.encode()
        before = resident()
        value = orjson.loads(text)
        os.write(write, str(resident() - before).encode())
        os._exit(0)
    measured[name] = int(os.read(read, 100))
    os.wait()
print(json.dumps(measured))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
def test_the_estimate_is_one_to_six_times_what_a_value_takes() -> None:
    texts = {name: shape() for name, shape in SHAPES.items()}
    command = [sys.executable, "-c", CHILD]
    output = subprocess.run(command, check=True, input=json.dumps(texts), stdout=subprocess.PIPE, text=True).stdout
    measured = json.loads(output)
    # Half a MiB is what the allocator keeps of each run, whatever the value is.
    ratios = {name: counted(texts[name].encode()) / (measured[name] - 524_288) for name in SHAPES}
    assert {name: ratio for name, ratio in ratios.items() if not 1 <= ratio <= 6} == {}


def test_a_short_text_counts_as_the_most_expensive_value() -> None:
    assert counted("[]") == 2 * MOST_PER_BYTE
    assert counted("x" * SMALL_TEXT) == SMALL_TEXT * MOST_PER_BYTE


@pytest.mark.parametrize("text", ["[" * 3_000 + "]" * 3_000, '["é", "\\ud800"]' * 1_000, "{}," * 2_000])
def test_text_bytes_and_views_count_the_same(text: str) -> None:
    data = text.encode()
    if text.isascii():
        assert counted(text) == counted(data) == counted(memoryview(data)) == counted(bytearray(data))
    assert counted(text) == counted(data)


@pytest.mark.parametrize(
    "text, size",
    [
        ("512MiB", 512 * 1_048_576),
        ("512 mib", 512 * 1_048_576),
        ("2GB", 2_000_000_000),
        ("1.5GiB", 3 * 536_870_912),
        ("2000000", 2_000_000),
        (64 * 1_048_576, 64 * 1_048_576),
    ],
)
def test_a_size_may_have_a_unit(text: int | str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "wrong", ["", "MiB", "-1MiB", "12 parsecs", "1e9", "½GB", "٣MiB", 1_000, "0", True, 2.5e9, None, "9" * 400]
)
def test_what_is_no_size_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_size(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "size, text",
    [
        (0, "0 B"),
        (1_023, "1023 B"),
        (130 * 1_048_576, "130 MiB"),
        (1_047_000, "1022 KiB"),
        (1_024, "1 KiB"),
        (1_600, "1.6 KiB"),
        (64 * 1_048_576, "64 MiB"),
        (3 * 2**30, "3 GiB"),
    ],
)
def test_a_size_is_told_with_its_unit(size: int, text: str) -> None:
    assert in_words(size) == text
