"""The wire between machines does what it says: it delays, loses and cuts off frames, and changes nothing."""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from tests.cluster.rigs.network.namespaces import Place, why_not, wire
from tests.cluster.rigs.network.wire import Wire
from tests.support.serving import wait_until

ENDS = ["redis", "pages", "0", "1"]
DELAY, JITTER = 0.05, 0.005
TO_ALL = b"\xff" * 6
FRAMES = 10_000
SENT = 300_000
ECHO = """
import socket
with socket.create_server(("", 7000)) as server:
    while True:
        connection, _ = server.accept()
        while data := connection.recv(65_536):
            connection.sendall(data)
"""


def wire_of(seed: int = 1, loss: float = 0.0) -> Wire:
    return Wire(ENDS, ["pages"], seed, DELAY, JITTER, loss)


def frame(source: str, target: str | None = None, number: int = 0) -> bytes:
    return (TO_ALL if target is None else address(target)) + address(source) + number.to_bytes(4)


def address(end: str) -> bytes:
    return end.encode().ljust(6)


def introduced(made: Wire) -> Wire:
    """Let the wire know where everybody is."""
    for end in ENDS:
        made.take(end, frame(end), 0)
    made.arrived(1)
    return made


def numbers(frames: Sequence[tuple[str, bytes]]) -> list[int]:
    return [int.from_bytes(data[12:]) for _, data in frames]


def lost_of(seed: int) -> list[int]:
    made = introduced(wire_of(seed, 0.05))
    for number in range(FRAMES):
        made.take("0", frame("0", "redis", number), 1)
    return sorted(set(range(FRAMES)) - set(numbers(made.arrived(2))))


def test_a_frame_for_nobody_known_goes_to_all_others_and_then_to_the_one_that_has_answered() -> None:
    made = wire_of()
    made.take("0", frame("0", "1"), 0)
    assert sorted(end for end, _ in made.arrived(1)) == ["1", "pages", "redis"]
    made.take("1", frame("1", "0"), 1)
    made.take("0", frame("0", "1"), 1)
    assert [end for end, _ in made.arrived(2)] in (["0", "1"], ["1", "0"])


def test_frames_of_one_direction_arrive_in_order_behind_the_delay_and_within_the_jitter() -> None:
    made = introduced(wire_of())
    for number in range(1_000):
        made.take("0", frame("0", "redis", number), 1)
    assert made.arrived(1 + DELAY) == []
    assert numbers(made.arrived(1 + DELAY + JITTER)) == list(range(1_000))


def test_the_given_part_is_lost_and_the_same_seed_loses_the_same_frames() -> None:
    lost = lost_of(1)
    assert 0.04 * FRAMES < len(lost) < 0.06 * FRAMES
    assert lost_of(1) == lost
    assert lost_of(2) != lost


def test_two_ends_that_are_cut_off_do_not_reach_each_other_and_reach_all_others() -> None:
    made = introduced(wire_of())
    made.obey("cut 0 redis", 0)
    for source, target in (("0", "redis"), ("redis", "0"), ("0", "1"), ("1", "redis")):
        made.take(source, frame(source, target), 1)
    assert sorted(end for end, _ in made.arrived(2)) == ["1", "redis"]
    made.obey("join 0 redis", 0)
    made.take("0", frame("0", "redis"), 2)
    assert [end for end, _ in made.arrived(3)] == ["redis"]
    assert made.counts["cut off"] == 2


def test_nothing_happens_to_the_frames_of_an_end_that_is_near() -> None:
    made = introduced(wire_of(loss=1.0))
    made.take("0", frame("0", "pages"), 1)
    made.take("0", frame("0", "redis"), 1)
    assert [end for end, _ in made.arrived(1)] == ["pages"]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux'")
def test_a_connection_over_the_wire_carries_every_byte_though_frames_are_late_and_lost() -> None:
    if reason := why_not():
        pytest.skip(reason)
    place = Place(0)
    with wire([place], 15, DELAY, JITTER, 0.05) as between:
        command = ["ip", "netns", "exec", place.namespace, sys.executable, "-c", ECHO]
        with subprocess.Popen(command) as echo:
            try:
                data = bytes(number % 251 for number in range(SENT))
                assert _echoed(place.addresses[1], data) == data
                counts = between.counts()
            finally:
                echo.kill()
    assert counts["delayed"] > SENT // 1_500
    assert counts["lost"] > 0
    assert counts["no room"] == 0


def _echoed(host: str, data: bytes) -> bytes:
    """Send data from the address of Redis, and return what comes back, later than the wire's delays."""
    connection = wait_until(lambda: _connected(host), "the program listens")
    assert connection is not None
    with connection:
        began = time.monotonic()
        connection.sendall(data[:1])
        came = connection.recv(1)
        assert time.monotonic() - began >= 2 * DELAY
        connection.sendall(data[1:])
        while len(came) < len(data) and (more := connection.recv(65_536)):
            came += more
    return came


def _connected(host: str) -> socket.socket | None:
    try:
        return socket.create_connection((host, 7_000), timeout=20)
    except ConnectionRefusedError:
        return None
