"""What comes from other workers is checked: what is wrong is dropped, counted, and affects no other message."""

import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from pydantic import Field

from webipc.cluster.bus.bus import Said
from webipc.cluster.bus.kinds import HeadModel, Kinds
from webipc.cluster.bus.rows import RowsError, decode_rows, encode_rows
from webipc.cluster.bus.wire import WireError, decode_said, encode_said

VALUES: Sequence[Any] = [None, True, 0, -1, 2**53, 2**63, 1.5, "", "1", "\n\x00", [], [[1]], {}, {"a": {}}, "x" * 1_000]


class Head(HeadModel):
    number: int
    name: str
    flags: dict[str, bool] = Field(default_factory=dict)


class Taker:
    """Takes the kind `say`, and fails for the number 13."""

    def __init__(self) -> None:
        self.kinds = Kinds()
        self.taken: list[tuple[str, Head, Sequence[bytes]]] = []
        self.kinds.on("say", Head, self.take)

    def take(self, origin: str, head: Head, rows: Sequence[bytes]) -> None:
        if head.number == 13:
            raise LookupError("thirteen")
        self.taken.append((origin, head, rows))

    def say(self, head: Mapping[str, Any], kind: str = "say") -> None:
        self.kinds.take(Said("a" * 16, kind, head, [b"row"]))


def test_message_is_given_to_who_takes_its_kind_and_keys_of_later_versions_are_ignored() -> None:
    taker = Taker()
    taker.say({"number": 1, "name": "n", "later": [1, 2]})
    [(origin, head, rows)] = taker.taken
    assert (origin, head.number, head.name, list(rows)) == ("a" * 16, 1, "n", [b"row"])
    assert not taker.kinds.dropped


def test_kind_has_one_handler() -> None:
    taker = Taker()
    with pytest.raises(ValueError, match="one handler for the kind 'say'"):
        taker.kinds.on("say", Head, taker.take)


def test_unknown_kinds_and_wrong_heads_are_dropped_and_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    with caplog.at_level(logging.WARNING):
        for _ in range(1_000):
            taker.say({}, "unknown\nkind")
            taker.say({"number": "1", "name": "n"})
            taker.say({"number": 1, "name": "n", "flags": {"forged\nline": 1, "x" * 500: 2}})
            taker.say({"number": 13, "name": "n"})
    assert taker.kinds.dropped == {"unknown-kind": 1_000, "wrong-head": 2_000, "failed": 1_000}
    assert taker.taken == []
    assert len(caplog.records) <= 32
    for record in caplog.records:
        assert "\n" not in record.getMessage()
        assert len(record.getMessage()) < 250
    taker.say({"number": 1, "name": "n"})
    assert len(taker.taken) == 1


def test_head_of_any_values_is_taken_as_it_should_be_or_dropped() -> None:
    chance, taker = random.Random(3), Taker()
    taken = 0
    for _ in range(5_000):
        head = {key: chance.choice(VALUES) for key in ("number", "name", "flags") if chance.random() < 0.9}
        taker.say(head)
        is_right = type(head.get("number")) is int and type(head.get("name")) is str
        is_right = is_right and ("flags" not in head or head["flags"] == {})
        taken += is_right
        assert len(taker.taken) == taken
    assert taken > 20
    assert taker.kinds.dropped.total() == 5_000 - taken


def test_rows_are_read_as_they_were_written() -> None:
    for rows in ([], [b""], [b"a", b"", bytes(100_000)]):
        assert decode_rows(encode_rows(rows)) == rows


def test_damaged_rows_are_read_or_refused_and_take_no_more_than_they_have() -> None:
    chance = random.Random(9)
    refused = 0
    for _ in range(5_000):
        data = bytearray(encode_rows([b"head", b"row" * chance.randrange(5), b""]))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
        del data[chance.randrange(len(data) + 1) :]
        try:
            assert sum(map(len, decode_rows(bytes(data)))) <= len(data)
        except RowsError:
            refused += 1
    assert refused > 1_000


@pytest.mark.parametrize(
    "row", [b"", b"1", b"[]", b"{}", b'{"k":1}', b'{"k":null}', b"\xff", b'{"k":"a"', b"[" * 5_000, b'{"k":NaN}']
)
def test_row_that_is_no_object_with_a_kind_is_no_message(row: bytes) -> None:
    with pytest.raises(WireError):
        decode_said("a", [row])


def test_message_without_rows_is_none() -> None:
    with pytest.raises(WireError):
        decode_said("a", [])


def test_kind_is_no_part_of_the_head() -> None:
    said = decode_said("a", encode_said("say", {"number": 1}, [b"row"]))
    assert (said.kind, dict(said.head), list(said.rows)) == ("say", {"number": 1}, [b"row"])
    assert orjson.loads(encode_said("say", {"number": 1})[0]) == {"k": "say", "number": 1}
