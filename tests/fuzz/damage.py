"""Makes hostile input from good input: damages JSON at any place, damages bytes, and builds webs of references.

Random only as its generator is: the same seed gives the same inputs.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

JUNK: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 4_294_967_295, 2**53, -(2**53), 2**64, 1e308, -0.0, 0.5, "", "0", "-0", "NaN",
    "ff", "-ff", "9" * 30, "Error", "Uint8Array", "@", "a", "m", "s", "v", "__proto__", "constructor", "\ud800", "é",
    [], {}, [0], [[]], [None], {"a": 1}, [0, "a"], ["d", []], ["u", []], ["@", [], []], ["m", []], ["s", []],
    ["a", [0], 4_294_967_295], ["n", [0]], ["f", [0]], ["r", [0]], ["e", [], "Error"], ["N", []], ["b", [], 0, 2**53],
    ["v", [0], "Int16Array", 0, 0, 1], ["v", [0], "Uint8Array", 0, 0, None, 9_007_199_254_740_991],
]  # fmt: skip
_CODES = "ufndrmsaeNbv@"
_DEEPEST = 1_200


@contextmanager
def deep_json() -> Iterator[None]:
    """Let the standard library read and write values that are deeper than any that a decoder takes."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def damage(value: Any, random: Random) -> Any:
    """Return a copy of a JSON value that is damaged in a few places."""
    root = [json.loads(json.dumps(value))]
    with deep_json():
        for _ in range(random.randint(1, 4)):
            container, key = random.choice(_places_in(root))
            random.choice(_WAYS)(container, key, root, random)
    return root[0]


def damage_bytes(data: bytes, random: Random) -> bytes:
    """Return bytes of which some are changed, repeated, inserted or missing."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(changed))
        end = min(len(changed), at + random.randint(0, 8))
        piece = random.choice([b"", changed[at:end] * 2, random.randbytes(2), b"[", b"]", b'"', b",", b"\\ud800"])
        changed[at:end] = piece
    return bytes(changed)


def web(random: Random) -> list[Any]:
    """Return `[skeleton, fixups]` of a few containers with references to each other, many of them in cycles."""
    count = random.choice([3, 8, 20, 60, 200])
    width = random.randint(1, 4)
    containers = [[None] * width if random.random() < 0.5 else dict.fromkeys("abcd"[:width]) for _ in range(count)]
    fixups: list[Any] = [
        [code, [at]] for at in range(count) if random.random() < 0.1 for code in "ms"[: at % 2 + 1][-1:]
    ]
    for at, container in enumerate(containers):
        keys = list(container) if isinstance(container, dict) else list(range(width))
        targets = [random.choice([[random.randrange(count)], [at + 1], []]) for _ in keys]
        fixups += [["@", [at, key], target] for key, target in zip(keys, targets, strict=True) if random.random() < 0.9]
    return [containers, fixups]


def _places_in(root: list[Any]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [root]
    while waiting:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        found += [(container, key) for key in keys]
        waiting += [container[key] for key in keys if isinstance(container[key], list | dict)]
    return found


def _replace(container: Any, key: Any, root: list[Any], random: Random) -> None:
    container[key] = json.loads(json.dumps(random.choice(JUNK)))


def _copy_from_elsewhere(container: Any, key: Any, root: list[Any], random: Random) -> None:
    other, there = random.choice(_places_in(root))
    container[key] = json.loads(json.dumps(other[there]))


def _repeat(container: Any, key: Any, root: list[Any], random: Random) -> None:
    if isinstance(container, list) and container is not root:
        container[key:key] = [json.loads(json.dumps(container[key])) for _ in range(random.choice([1, 2, 50]))]


def _remove(container: Any, key: Any, root: list[Any], random: Random) -> None:
    if container is not root:
        del container[key]


def _enclose(container: Any, key: Any, root: list[Any], random: Random) -> None:
    for _ in range(random.choice([1, 2, 300, _DEEPEST])):
        container[key] = [container[key]]


def _change_code(container: Any, key: Any, root: list[Any], random: Random) -> None:
    if isinstance(container[key], str):
        container[key] = random.choice(_CODES)


_WAYS = [_replace, _replace, _copy_from_elsewhere, _repeat, _remove, _enclose, _change_code]
