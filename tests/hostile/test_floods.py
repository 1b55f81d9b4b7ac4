"""Sockets that send without pause do not stop a `webipc run` process from serving a page of another address.

What is counted are frames of the flood between two frames of the page, by the server itself: no time is measured. The
turns themselves, and a clock of the test's own, are in tests/servers/test_ready.py.
"""

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection

from tests.support.attacked import MIB, Attacked, attacked
from tests.support.client_frames import CONTINUES, PING, TEXT, TEXT_BEGINS, frame
from tests.support.deaf_page import DeafPage
from tests.support.raw_sockets import greeted

FLOODING = "127.0.0.2"
SOCKETS = 8

PROGRAM = """
    from fastapi import FastAPI
    from webipc import IpcMain

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app)
    flooded = 0

    @ipc_main.on("flood")
    def flood(event):
        global flooded
        flooded += 1
        # More than a turn of a socket takes.
        sum(range(50_000))

    @ipc_main.handle("count")
    async def count(event):
        return flooded
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("site"), PROGRAM) as process:
        yield process


# Made once: the flood has to be faster than the server.
MESSAGES = b"".join(frame(TEXT, b'[%d,0,["send","flood",[]]]' % number) for number in range(1, 20_001))
SHAPES = {
    "messages": (b"", [MESSAGES]),
    "pings": (b"", itertools.repeat(frame(PING, b"") * 5_000)),
    "fragments": (frame(TEXT_BEGINS, b""), itertools.repeat(frame(CONTINUES, b"") * 5_000)),
}


@contextlib.contextmanager
def flood(server: Attacked, shape: str) -> Iterator[None]:
    """Let sockets of one address send frames without pause, and read nothing."""
    begin, pieces = SHAPES[shape]

    def send(page: DeafPage) -> None:
        with contextlib.suppress(OSError):
            page.send_raw(begin)
            for piece in pieces:
                page.send_raw(piece)

    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(DeafPage(server, FLOODING)) for _ in range(SOCKETS)]
        threads = [threading.Thread(target=send, args=(page,)) for page in pages]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for page in pages:
                page.shut_down()
            for thread in threads:
                thread.join()


def counted(page: ClientConnection, first: int, calls: int) -> list[int]:
    """Make so many calls at once, each in a frame; return how much of the flood was dispatched before each of them."""
    numbers = range(first, first + calls)
    call = b'[%d,0,["invoke",%d,"count",[]]]'
    page.socket.sendall(b"".join(frame(TEXT, call % (number, 2 * number - 1)) for number in numbers))
    counts: list[int] = []
    while len(counts) < calls:
        counts += [message[2] for message in json.loads(page.recv(20))[2:] if message[0] == "result"]
    return counts


def test_between_two_frames_of_a_page_another_address_has_one_turn_and_not_one_for_each_socket(
    server: Attacked,
) -> None:
    calls = 400
    with greeted(server) as page, flood(server, "messages"):
        number = 1
        while counted(page, number, 1)[0] < 50:
            number += 1
        turns: list[int] = []
        # The page's frames are more than one turn, so the flood is served in between, unless its process has no
        # processor for as long as that takes.
        while not turns:
            counts = counted(page, number + 1, calls)
            number += calls
            assert counts == sorted(counts)
            turns = sorted(later - earlier for earlier, later in itertools.pairwise(counts) if later > earlier)
    # One, and more where the page owes turns because the process was suspended in one of its own. With a row for each
    # socket it would be eight, and with a budget of frames for each socket a thousand.
    assert turns[len(turns) // 2] <= 4


@pytest.mark.parametrize("shape", ["messages", "pings", "fragments"])
def test_a_page_is_answered_beside_sockets_that_flood_and_read_nothing(server: Attacked, shape: str) -> None:
    before = server.resident
    with greeted(server, link=f"{shape:0<32.32}".encode().hex()[:32]) as page, flood(server, shape):
        for number in range(1, 31):
            page.send(json.dumps([number, 0, ["invoke", 2 * number - 1, "count", []]]))
            while f'["result",{2 * number - 1},' not in str(page.recv(20)):
                pass
        held = server.resident - before
    # Answers to pings that nobody reads do not pile up, and what was not split waits in the kernel.
    assert held < 32 * MIB
