"""A wire between machines that loses some frames and delays the others, as the kernel's netem does where it is there.

It is a program of its own in the namespace in the middle. Each machine has one end of a pair of interfaces, and this
program the other: it reads whole Ethernet frames there, and sends each one on at the other end that it is for.

    python wire.py --seed 15 --delay 0.05 --jitter 0.005 --loss 0.05 --near pages redis pages 0 1

Each line of its input is a command, and is answered with a line: `cut A B` and `join A B` with the two machines whose
frames for each other are dropped, `counts` with the numbers as JSON. It ends with its input.
"""

import argparse
import heapq
import itertools
import json
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

ALL_PROTOCOLS: Final = 3
"""ETH_P_ALL, which `socket` has from Python 3.12 on."""
IGNORE_OUTGOING: Final = (263, 23)
"""SOL_PACKET and PACKET_IGNORE_OUTGOING: what the kernel sends by itself at our end is for nobody."""
STATISTICS: Final = (263, 6)
"""SOL_PACKET and PACKET_STATISTICS: two numbers of 32 bits, the second of which is how many found no room."""
ROOM: Final = 16_777_216
"""Bytes of frames that wait to be read, at most."""
LARGEST_FRAME: Final = 65_550
"""More than any that an interface without offloads gives."""
COMMANDS: Final = 0
ANSWERS: Final = 1
"""Standard input and output."""


class Direction:
    """What happens to frames from one end to another. The order stays."""

    def __init__(self, seed: str, delay: float, jitter: float, loss: float) -> None:
        """Delay and jitter are seconds: a frame takes at least the one, and at most both."""
        self._random = Random(seed)
        self._delay = delay
        self._jitter = jitter
        self._loss = loss
        self._last = 0.0

    def due(self, now: float) -> float | None:
        """Return when a frame arrives that is sent now; None where it is lost."""
        # Both are drawn for each, so that the fate of a frame does not depend on the chances of others.
        lost, late = self._random.random(), self._random.random()
        if lost < self._loss:
            return None
        self._last = max(self._last, now + self._delay + late * self._jitter)
        return self._last


class Wire:
    """Which frame goes where, and when. Knows no sockets."""

    def __init__(
        self, ends: Sequence[str], near: Sequence[str], seed: int, delay: float, jitter: float, loss: float
    ) -> None:
        """`near` are ends that are close to every other: nothing happens to their frames. The rest: see `Direction`."""
        self._ends = ends
        self._directions = {
            (one, other): Direction(f"{seed} {one} {other}", delay, jitter, loss)
            for one, other in itertools.permutations(ends, 2)
            if one not in near and other not in near
        }
        # Which end an address of Ethernet is at, as its frames have told.
        self._places: dict[bytes, str] = {}
        self._waiting: list[tuple[float, int, str, bytes]] = []
        self._numbers = itertools.count()
        self.cut: set[frozenset[str]] = set()
        """Pairs of ends that do not reach each other."""
        self.counts: Counter[str] = Counter()

    def take(self, end: str, frame: bytes, now: float) -> None:
        """Take a frame that was sent at an end."""
        target, source = frame[:6], frame[6:12]
        self._places[source] = end
        place = self._places.get(target)
        for each in self._ends if place is None else [place]:
            if each != end:
                self._send(end, each, frame, now)

    def _send(self, end: str, other: str, frame: bytes, now: float) -> None:
        direction = self._directions.get((end, other))
        due = now if direction is None else direction.due(now)
        if frozenset((end, other)) in self.cut:
            self.counts["cut off"] += 1
        elif due is None:
            self.counts["lost"] += 1
        else:
            self.counts["at once" if direction is None else "delayed"] += 1
            heapq.heappush(self._waiting, (due, next(self._numbers), other, frame))

    @property
    def next_due(self) -> float | None:
        """When the next frame arrives; None where there is none."""
        return self._waiting[0][0] if self._waiting else None

    def arrived(self, now: float) -> list[tuple[str, bytes]]:
        """Return the frames that have arrived by now, and where, in order."""
        frames = []
        while self._waiting and self._waiting[0][0] <= now:
            _, _, end, frame = heapq.heappop(self._waiting)
            frames.append((end, frame))
        return frames

    def obey(self, command: str, sockets_lost: int) -> str:
        """Do what a line of the input says, and return the answer."""
        word, *ends = command.split()
        if word == "cut":
            self.cut.add(frozenset(ends))
        elif word == "join":
            self.cut.discard(frozenset(ends))
        self.counts["no room"] = sockets_lost
        return json.dumps(self.counts)


def _opened(end: str) -> socket.socket:
    """Return a socket for the frames at an interface."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), ROOM)
    opened.setsockopt(*IGNORE_OUTGOING, 1)
    opened.bind((end, ALL_PROTOCOLS))
    return opened


class Sockets:
    """The ends of a wire, in a process."""

    def __init__(self, ends: Sequence[str], wire: Wire) -> None:
        self._wire = wire
        self._sockets = {end: _opened(end) for end in ends}
        self._ends = {opened.fileno(): end for end, opened in self._sockets.items()}
        self._no_room = 0
        self._lines = b""

    def run(self) -> None:
        """Pass frames on until the input ends."""
        with select.epoll() as events:
            for number in (COMMANDS, *self._ends):
                events.register(number, select.EPOLLIN)
            while True:
                for number, _ in events.poll(self._timeout()):
                    if number != COMMANDS:
                        self._read(self._ends[number])
                    elif not self._obey():
                        return
                for end, frame in self._wire.arrived(time.monotonic()):
                    self._write(end, frame)

    def _timeout(self) -> float:
        due = self._wire.next_due
        return -1 if due is None else max(0.0, due - time.monotonic())

    def _read(self, end: str) -> None:
        opened = self._sockets[end]
        try:
            while True:
                self._wire.take(end, opened.recv(LARGEST_FRAME), time.monotonic())
        except BlockingIOError:
            return

    def _write(self, end: str, frame: bytes) -> None:
        try:
            self._sockets[end].send(frame)
        except OSError:
            # There is no room, or the machine has just ended.
            self._no_room += 1

    def _obey(self) -> bool:
        read = os.read(COMMANDS, 65_536)
        *lines, self._lines = (self._lines + read).split(b"\n")
        for line in lines:
            os.write(ANSWERS, f"{self._wire.obey(line.decode(), self._lost())}\n".encode())
        return bool(read)

    def _lost(self) -> int:
        for opened in self._sockets.values():
            # Reading the numbers sets them to 0.
            self._no_room += int.from_bytes(opened.getsockopt(*STATISTICS, 8)[4:], "little")
        return self._no_room


def main() -> None:
    """Be a wire."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ends", nargs="+")
    parser.add_argument("--near", action="append", default=[])
    parser.add_argument("--seed", type=int, required=True)
    for name in ("delay", "jitter", "loss"):
        parser.add_argument(f"--{name}", type=float, required=True)
    options = parser.parse_args()
    wire = Wire(options.ends, options.near, options.seed, options.delay, options.jitter, options.loss)
    Sockets(options.ends, wire).run()


if __name__ == "__main__":
    main()
