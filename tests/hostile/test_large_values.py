"""A large message holds up nobody else, and what it takes decoded is counted before."""

import json
from pathlib import Path

from tests.support.attacked import MIB, attacked
from tests.support.raw_sockets import closing, greeted, parts_of

PROGRAM = """
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)

    @ipc_main.handle("count")
    async def count(event, value): return len(value)

    @ipc_main.handle("echo")
    async def echo(event, value): return value
"""


def test_a_message_that_takes_more_than_the_server_has_is_refused_and_not_decoded(tmp_path: Path) -> None:
    """16 MiB of lists in lists are half a gibibyte when they are decoded."""
    text = json.dumps(["invoke", 1, "count", ["?"]]).replace('"?"', "[" + "[[[[[1]]]]]," * (16 * MIB // 12) + "1]")
    with attacked(tmp_path, PROGRAM, "--memory", "128MiB") as server, greeted(server, link="c" * 32) as other:
        with greeted(server) as page:
            server.forget_peak()
            before = server.resident
            for frame in parts_of(text):
                page.send(frame)
            code, reason = closing(page)
            assert code == 4413
            assert reason.startswith("a message that takes about ")
            assert "128 MiB" in reason
            # The parts themselves, and their copy while they are joined and counted.
            assert server.peak - before < 64 * MIB
        other.send('[1,0,["invoke",1,"echo",["here"]]]')
        assert "here" in str(other.recv(20))


def test_another_page_is_answered_many_times_while_a_value_with_many_dates_is_decoded(tmp_path: Path) -> None:
    count = 100_000
    dates = ",".join(["0"] * count)
    fixups = ",".join(f'["d",[0,{place}]]' for place in range(count))
    text = f'["invoke",1,"count",[[{dates}]],[{fixups}]]'
    with attacked(tmp_path, PROGRAM) as server, greeted(server) as page, greeted(server, link="c" * 32) as other:
        for frame in parts_of(text):
            page.send(frame)
        answers, result = 0, None
        while result is None:
            other.send(f'[{answers + 1},{answers},["invoke",{2 * answers + 1},"echo",[1]]]')
            assert '"result"' in _message(other.recv(20))
            answers += 1
            result = _waiting(page)
        assert str(count) in result
    # In the event loop it would be one, or none.
    assert answers > 20


def _message(frame: str | bytes) -> str:
    assert isinstance(frame, str)
    return frame


def _waiting(page: object) -> str | None:
    """Return the frame with the result, if it is there by now."""
    try:
        while True:
            frame = _message(page.recv(0))  # type: ignore[attr-defined] # a ClientConnection
            if '"result"' in frame:
                return frame
    except TimeoutError:
        return None
