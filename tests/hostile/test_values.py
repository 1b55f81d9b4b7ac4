"""Values that were made to be slow cost a server about as much as harmless ones of the same size.

Processor time is compared with that of a harmless value, which the same server has received before.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from tests.support.attacked import MIB, Attacked, attacked
from tests.support.raw_sockets import greeted

PROGRAM = """
    from decimal import Decimal
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)

    @ipc_main.handle("plain")
    async def plain(event, value): return None

    @ipc_main.handle("ints")
    async def ints(event, values: list[int]): return None

    @ipc_main.handle("set")
    async def in_set(event, values: set[int]): return None

    @ipc_main.handle("decimal")
    async def decimal(event, value: Decimal): return None

    @ipc_main.handle("text")
    async def text(event, value: str): return None
"""
COUNT = 20_000
# The hashes of these integers are equal.
EQUAL = [f"{5 + number * (2**61 - 1):x}" for number in range(COUNT)]
OTHERS = [f"{2**61 + 5 + number * (2**61 - 7) // 3:x}" for number in range(COUNT)]
# Reading the clock of a process is only that exact.
TICKS = 0.1


def test_a_million_wrong_arguments_are_refused_like_the_first_of_them(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server:
        server.forget_peak()
        before = server.resident
        right = _work(server, "ints", [0] * 250_000)
        wrong = _work(server, "ints", [""] * 250_000, fails=True)
        assert wrong < 3 * right + TICKS
        assert server.peak - before < 64 * MIB


def test_references_in_cycles_cost_what_as_many_nulls_cost(tmp_path: Path) -> None:
    levels = 16
    skeleton = [[None, None] for _ in range(levels)]
    # Each null of a level is the next level, and those of the last are the whole.
    targets = [[0, level + 1] for level in range(levels - 1)] + [[0]]
    fixups = [["@", [0, level, place], target] for level, target in enumerate(targets) for place in (0, 1)]
    with attacked(tmp_path, PROGRAM) as server:
        harmless = _work(server, "plain", skeleton)
        cycles = _work(server, "plain", skeleton, fixups, fails=True)
        assert cycles < 3 * harmless + TICKS


def test_integers_whose_hashes_are_equal_cost_what_others_cost(tmp_path: Path) -> None:
    for channel in ("plain", "set"):
        with attacked(tmp_path, PROGRAM) as server:
            fixups = [["s", [0]], *(["n", [0, number]] for number in range(COUNT))]
            others = _work(server, channel, OTHERS, fixups)
            # Python's own set would need the time: it is refused.
            equal = _work(server, channel, EQUAL, fixups, fails=channel == "set")
            assert equal < 3 * others + TICKS, channel


def test_a_bigint_of_a_quarter_of_a_million_digits_is_not_converted_to_decimal_digits(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server:
        digits = "f" * 262_144
        plain = _work(server, "plain", digits, [["n", [0]]])
        for channel in ("decimal", "text"):
            converted = _work(server, channel, digits, [["n", [0]]], fails=True)
            assert converted < 3 * plain + TICKS, channel


def test_a_text_of_a_quarter_of_a_million_digits_is_not_converted_to_an_integer(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server:
        digits = ["9" * 262_144]
        plain = _work(server, "plain", digits)
        converted = _work(server, "ints", digits, fails=True)
        assert converted < 3 * plain + TICKS


def _work(
    server: Attacked, channel: str, value: object, fixups: Sequence[object] = (), *, fails: bool = False
) -> float:
    """Call a channel with a value; return how many seconds of work that was."""
    with greeted(server, link=secrets.token_hex(16)) as page:
        before = server.work
        page.send(json.dumps([1, 0, ["invoke", 1, channel, [value], *([fixups] if fixups else [])]]))
        kinds: list[str] = []
        while not any(kind in ("result", "error") for kind in kinds):
            kinds += [envelope[0] for envelope in json.loads(page.recv(20))[2:]]
        assert ("error" in kinds) is fails, kinds
        return server.work - before
