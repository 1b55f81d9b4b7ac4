"""A message of some bytes that claims a length of billions costs what has arrived, not what it claims."""

import json
from pathlib import Path

from tests.support.attacked import MIB, attacked
from tests.support.raw_sockets import beacon, greeted, post

PROGRAM = """
    from typing import Sequence
    from fastapi import FastAPI
    from pydantic import BaseModel
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)

    class Item(BaseModel):
        name: str

    class Holder(BaseModel):
        items: list[Item]

    @ipc_main.handle("ints")
    def ints(event, values: list[int]): return len(values)

    @ipc_main.handle("models")
    def models(event, values: list[Item]): return len(values)

    @ipc_main.handle("tuple")
    def in_tuple(event, values: tuple[int, ...]): return len(values)

    @ipc_main.handle("set")
    def in_set(event, values: set[int]): return len(values)

    @ipc_main.handle("sequence")
    def sequence(event, values: Sequence[int]): return len(values)

    @ipc_main.handle("union")
    def union(event, values: list[int] | list[str] | None): return 0

    @ipc_main.handle("plain")
    def plain(event, values): return len(values)

    @ipc_main.on("heard")
    def heard(event, values: list[int]): pass
"""
ANNOTATED = ("ints", "models", "tuple", "set", "sequence", "union")
SPARSE = [["a", [0], 4294967295]]


def test_an_array_of_billions_of_holes_is_refused_by_every_annotated_handler(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server, greeted(server) as page:
        server.forget_peak()
        before = server.resident
        for number, channel in enumerate(ANNOTATED, 1):
            page.send(json.dumps([number, 0, ["invoke", 2 * number - 1, channel, [[]], SPARSE]]))
        answers: list[object] = []
        while len(answers) < len(ANNOTATED):
            answers += _envelopes(page.recv(20))
        assert server.peak - before < 16 * MIB
    assert all("bad-argument" in json.dumps(answer) for answer in answers)


def test_a_beacon_with_an_array_of_billions_of_holes_costs_nothing(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server:
        server.forget_peak()
        before = server.resident
        body = beacon(json.dumps([1, 0, ["send", "heard", [[]], SPARSE]]), link="7" * 32, fresh=True)
        status, _ = post(server, "/ipc/beacon", body)
        with greeted(server) as page:
            page.send(json.dumps([1, 0, ["invoke", 1, "plain", [[1, 2]]]]))
            assert any("result" in json.dumps(envelope) for envelope in _envelopes(page.recv(20)))
        assert server.peak - before < 16 * MIB
    assert status == 204


def _envelopes(frame: str | bytes) -> list[object]:
    assert isinstance(frame, str)
    return list(json.loads(frame)[2:])
