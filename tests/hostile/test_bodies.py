"""Bodies of strangers cost what has arrived of them, and one frame at most; half of one is not held without end."""

import http.client
import json
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.support.attacked import MIB, Attacked, attacked
from tests.support.raw_sockets import BEACON_TYPE, greeted, hello, post
from tests.support.serving import wait_until
from webipc.core.frame import encode_body

PROGRAM = """
    from fastapi import FastAPI
    from webipc import IpcMain, Limits

    app = FastAPI()
    # So long that 32 bodies of one address are there before the first one is late.
    ipc_main = IpcMain(limits=Limits(body_silence_ms=3_000))
    ipc_main.mount(app)

    @ipc_main.handle("echo")
    def echo(event, value): return value

    @app.get("/held")
    def held(): return ipc_main.stats()["memory"]["held"]
"""

LISTS = b'[1,0,["send","say",[' + b"[]," * 320_000 + b"1]],[[]]]"


def body_of(text: bytes, count: int) -> bytes:
    """Return a body with this JSON as each of its frames."""
    frame = len(text).to_bytes(4, "little") + text
    return (len(frame).to_bytes(4, "little") + frame) * count


def serves(server: Attacked) -> bool:
    """Tell whether a page gets an answer."""
    with greeted(server, link=secrets.token_hex(16)) as page:
        page.send('[1,0,["invoke",1,"echo",["here"]]]')
        return "here" in str(page.recv(20))


def test_bodies_without_a_hello_or_with_another_secret_cost_nothing(tmp_path: Path) -> None:
    with attacked(tmp_path, PROGRAM) as server, greeted(server):
        assert serves(server)
        server.forget_peak()
        before = server.resident
        lists = body_of(LISTS, 9)
        another = encode_body([hello(attempt=0, secret="2" * 32)]) + lists
        assert [post(server, "/ipc/sync", lists)[0] for _ in range(3)] == [413] * 3
        assert post(server, "/ipc/sync", another)[0] == 403
        assert server.peak - before < 8 * MIB
        assert serves(server)


def test_bodies_that_do_not_arrive_hold_little_and_not_for_long(tmp_path: Path) -> None:
    """Each has sent half a frame of a mebibyte, behind the hello of a link of its own."""
    with attacked(tmp_path, PROGRAM) as server, ExitStack() as stack:
        assert serves(server)
        server.forget_peak()
        before = server.resident
        requests = [stack.enter_context(_half_sent(server, number)) for number in range(100)]
        statuses = [request.getresponse().status for request in requests]
        assert set(statuses) == {408, 503}
        # One address may send 32 at a time. What a refused one has sent is not held.
        assert server.peak - before < 64 * MIB
        assert serves(server)
        wait_until(lambda: _held(server) < 4 * MIB, "only the links themselves are held")


class _Request(http.client.HTTPConnection):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _half_sent(server: Attacked, number: int) -> _Request:
    request = _Request("127.0.0.1", server.port, timeout=20)
    request.putrequest("POST", "/ipc/sync")
    for name, value in (("Content-Type", BEACON_TYPE), ("Origin", server.url), ("Content-Length", str(8 * MIB))):
        request.putheader(name, value)
    request.endheaders()
    request.send(encode_body([hello(attempt=0, link=f"{number:032x}")]))
    request.send(MIB.to_bytes(4, "little") + bytes(MIB // 2))
    return request


def _held(server: Attacked) -> int:
    request = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    request.request("GET", "/held")
    held: int = json.loads(request.getresponse().read())
    request.close()
    return held
