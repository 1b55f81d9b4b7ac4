"""The server's decoders read hostile input as a value or a clean error, in steps in proportion to its bytes.

A bounded number of inputs from a fixed seed; `make fuzz` goes on for as long as it is let.
"""

from itertools import islice
from random import Random

import pytest

from tests.fuzz.damage import web
from tests.fuzz.running import attacks, fault_of
from tests.fuzz.targets import TARGETS, Attack, dumped

COUNT = 400
SEED = 20_261_130

BOMBS = {
    "a sparse array": [[[]], [["a", [0], 4_294_967_295]]],
    "a sparse array in a model": [[{"tags": []}], [["a", [0, "tags"], 4_294_967_295]]],
    "a ring of references": [
        [[None, None] for _ in range(40)],
        [["@", [at, place], [at + 1] if at < 39 else []] for at in range(40) for place in (0, 1)],
    ],
    "doubling": [
        [[], *[[None, None] for _ in range(40)]],
        [["@", [at, place], [at - 1]] for at in range(1, 41) for place in (0, 1)],
    ],
    "bigints of one hash": [
        [format(5 + at * (2**61 - 1), "x") for at in range(2_000)],
        [["s", []], *[["n", [at]] for at in range(2_000)]],
    ],
    "texts of one hash": [{str(5 + at * (2**61 - 1)): 1 for at in range(2_000)}, []],
    "a large bigint": ["f" * 262_144, [["n", []]]],
    "many wrong items": [[""] * 20_000, []],
    "many wrong properties": [{str(at): "" for at in range(20_000)}, []],
}


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_read_as_a_value_or_a_clean_error(name: str) -> None:
    target = TARGETS[name]
    faults = [(fault, attack) for attack in islice(attacks(target, SEED), COUNT) if (fault := fault_of(target, attack))]
    assert faults == []


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["clone", "places", "arguments"])
def test_a_bomb_takes_no_more_steps_than_its_bytes_allow(name: str, bomb: str) -> None:
    assert fault_of(TARGETS[name], Attack(dumped(BOMBS[bomb]))) is None


def test_the_same_seed_gives_the_same_inputs() -> None:
    for target in TARGETS.values():
        assert list(islice(attacks(target, 5), 20)) == list(islice(attacks(target, 5), 20))
    assert web(Random(5)) == web(Random(5))
