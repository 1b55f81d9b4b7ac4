"""When a burst of messages leaves: a full frame at once, the rest when the code that sends them is done."""

import asyncio

from tests.support.hubs import MakeHub, Socket, connect
from webipc.core.frame import decode_frame


class Recorder(Socket):
    """A socket that counts the messages of each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def write(self, frame: str | bytes) -> None:
        if count := len(decode_frame(frame).messages):
            self.counts.append(count)


async def test_a_full_frame_leaves_while_the_code_that_sends_still_runs(make_hub: MakeHub) -> None:
    socket = Recorder()
    contents = connect(make_hub(), "203.0.113.1", socket).document.tab.contents
    for number in range(127):
        contents.send("tick", number)
    assert socket.counts == []
    contents.send("tick", 127)
    assert socket.counts == [128]
    for number in range(128, 300):
        contents.send("tick", number)
    assert socket.counts == [128, 128]
    for _ in range(3):
        await asyncio.sleep(0)
    assert socket.counts == [128, 128, 44]
