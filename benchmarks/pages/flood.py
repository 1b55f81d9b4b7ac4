"""Sockets that flood: they write as fast as the server reads, read what comes and throw it away.

A process of its own: `python -m benchmarks.pages.flood DIALECT PORT KIND SOCKETS`. A socket that the server ends is
opened again, as an attacker would. It ends with its stdin.
"""

import select
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Self

from benchmarks.pages.dialects import open_page
from benchmarks.pages.wire import CONTINUED, PING, TEXT, Wire, WireError, frame

SOURCE = "127.0.0.2"
ROOT = Path(__file__).parents[2]
MODULE = "benchmarks.pages.flood"
KINDS = ("sends", "pings", "fragments")
_AT_ONCE = 500  # frames in one write


def _chunks(dialect: str, kind: str) -> Iterator[bytes]:
    """What one socket writes, without an end."""
    if kind == "sends":
        return _sends(dialect)
    if kind == "pings":
        return cycle([frame(PING) * _AT_ONCE])
    return _fragments()


def _sends(dialect: str) -> Iterator[bytes]:
    """Small messages without an answer, each in its frame."""
    if dialect == "webipc":
        numbers = count(1)
        while True:
            yield b"".join(frame(TEXT, b'[%d,0,["send","flood",[1]]]' % next(numbers)) for _ in range(_AT_ONCE))
    text = b'42["flood",1]' if dialect == "socketio" else b'{"jsonrpc":"2.0","method":"flood","params":[1]}'
    yield from cycle([frame(TEXT, text) * _AT_ONCE])


def _fragments() -> Iterator[bytes]:
    """One message of empty fragments, which never ends."""
    yield frame(TEXT, final=False)
    yield from cycle([frame(CONTINUED, final=False) * _AT_ONCE])


class _Socket:
    """One socket that floods."""

    def __init__(self, dialect: str, port: int, kind: str) -> None:
        self._words = (dialect, port, kind)
        self.open()

    def open(self) -> None:
        """Open it, the first time or again."""
        dialect, port, kind = self._words
        self._wire: Wire = open_page(dialect, port, SOURCE).wire
        self._wire.socket.setblocking(False)
        self._chunks = _chunks(dialect, kind)
        self._left = memoryview(b"")

    def fileno(self) -> int:
        return self._wire.socket.fileno()

    def write(self) -> None:
        """Write what the kernel takes."""
        if not self._left:
            self._left = memoryview(next(self._chunks))
        self._left = self._left[self._wire.socket.send(self._left) :]

    def read(self) -> None:
        """Read and forget. Raises ConnectionError at the end."""
        if not self._wire.socket.recv(1 << 16):
            raise ConnectionResetError

    def reopen(self) -> None:
        """Replace a socket that the server has ended."""
        self._wire.close()
        self.open()


class Flood:
    """The process. Use it as a context manager: it floods within the block."""

    def __init__(self, dialect: str | None, port: int, kind: str, sockets: int) -> None:
        words = [sys.executable, "-m", MODULE, str(dialect), str(port), kind, str(sockets)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _turn(sockets: list[_Socket]) -> bool:
    """Serve what is ready; return False at the end of stdin."""
    readable, writable, _ = select.select([sys.stdin, *sockets], sockets, [])
    for socket in sockets:
        try:
            if socket in readable:
                socket.read()
            if socket in writable:
                socket.write()
        except BlockingIOError:
            continue
        except OSError:
            socket.reopen()
    return sys.stdin not in readable


def main() -> None:
    dialect, port, kind, sockets = sys.argv[1:]
    opened = [_Socket(dialect, int(port), kind) for _ in range(int(sockets))]
    print("flooding", flush=True)
    try:
        while _turn(opened):
            pass
    except (WireError, OSError) as error:  # the server takes no more sockets from here: that is its answer
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
