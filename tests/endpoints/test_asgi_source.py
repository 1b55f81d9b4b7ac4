"""How long a socket of any ASGI server is read before others have a turn. The clock is the test's own."""

import asyncio
from typing import Any

import pytest

from webipc.concurrency.flusher import Flusher
from webipc.endpoints.websocket.asgi import TURN_FRAMES, TURN_SECONDS, AsgiSource


class Server:
    """A server whose `receive` waits only where it is told to; each frame takes so much time."""

    def __init__(self, seconds: float = 0.0, *, waits_at: int | None = None) -> None:
        self.now = 100.0
        self.received = 0
        self._seconds = seconds
        self._waits_at = waits_at

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        self.now += self._seconds
        if self.received == self._waits_at:
            await asyncio.sleep(0)
        return {"type": "websocket.receive", "text": f"[{self.received}]", "bytes": None}


async def frames_before_others(server: Server) -> int:
    """Read without pause; return how many frames were received when another callback of the event loop ran."""
    loop = asyncio.get_running_loop()
    flusher = Flusher(loop)
    await asyncio.sleep(0)
    source = AsgiSource(server.receive, flusher, lambda: server.now)
    flusher.hold()
    seen: list[int] = []
    loop.call_soon(lambda: seen.append(server.received))
    while not seen:
        assert await source.next() is not None
        assert server.received < 10_000
    flusher.release()
    await flusher.stop()
    return seen[0]


async def test_others_have_a_turn_behind_as_many_frames_as_a_turn_has() -> None:
    assert await frames_before_others(Server()) == TURN_FRAMES


async def test_others_have_a_turn_when_the_time_is_over() -> None:
    assert await frames_before_others(Server(TURN_SECONDS / 10)) in (10, 11)


@pytest.mark.parametrize("at", [1, 50])
async def test_a_server_that_waits_begins_a_new_turn(at: int) -> None:
    assert await frames_before_others(Server(waits_at=at)) == at


async def test_no_frame_is_lost_between_two_turns() -> None:
    server = Server()
    flusher = Flusher(asyncio.get_running_loop())
    source = AsgiSource(server.receive, flusher, lambda: server.now)
    flusher.hold()
    assert [await source.next() for _ in range(300)] == [f"[{number}]" for number in range(1, 301)]
    flusher.release()
    await flusher.stop()
