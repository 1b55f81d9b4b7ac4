"""Network namespaces as machines (Linux, root), with a wire between them: see wire.py.

One namespace is in the middle, and has nothing but the other ends of all machines and the program that is the wire.
This machine is at the wire twice: as the one with Redis, and as the one with the pages.
"""

import array
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.serving import PATIENCE

MIDDLE: Final = "webipc-far-wire"
REDIS_HOST: Final = "10.214.77.254"
PAGES_HOST: Final = "10.214.78.1"
"""Where the connections of pages come from."""
HERE: Final = {"redis": REDIS_HOST, "pages": PAGES_HOST}
"""This machine's ends of the wire, by what the wire calls them."""
LOCK: Final = Path(tempfile.gettempdir()) / "webipc-wire.lock"
NEAR: Final = ("--near=pages",)
"""A page is close to each machine that it comes to. What the network does to its connections, the proxy does."""

SIOCETHTOOL: Final = 0x8946
OFFLOADS: Final = {"rx checksums": 0x15, "tx checksums": 0x17, "gather": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""What the kernel puts off until a network card does it: ETHTOOL_SRXCSUM and so on."""


class Wire:
    """The program in the middle."""

    def __init__(self, ends: Sequence[str], seed: int, delay: float, jitter: float, loss: float) -> None:
        """See wire.py: it runs in a namespace that has these ends."""
        program = [sys.executable, str(Path(__file__).with_name("wire.py"))]
        options = [f"--seed={seed}", f"--delay={delay}", f"--jitter={jitter}", f"--loss={loss}", *NEAR]
        command = ["ip", "netns", "exec", MIDDLE, *program, *options, *ends]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.counts()

    def counts(self) -> dict[str, int]:
        """Return how many frames were `delayed`, `lost` and `cut off`, and for how many there was no room."""
        return self._say("counts")

    def cut(self, one: str, other: str) -> None:
        """Drop what two machines send to each other."""
        self._say(f"cut {one} {other}")

    def join(self, one: str, other: str) -> None:
        """Drop it no more."""
        self._say(f"join {one} {other}")

    def _say(self, command: str) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._process.stdout.readline())
        return counts

    def end(self) -> None:
        """End the program."""
        try:
            self._process.communicate(timeout=PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()


def why_not() -> str:
    """Return why this machine cannot have such machines; empty where it can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (apt-get install iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with _alone(), _namespace(MIDDLE), _here(*next(iter(HERE.items()))):
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except subprocess.CalledProcessError as error:
        return f"this machine gives no namespaces with pairs of interfaces: {error.stderr.decode().strip()}"
    except OSError as error:
        return f"this machine gives no raw sockets, or no interfaces without offloads: {error}"
    return ""


def ip(*arguments: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Place(NamedTuple):
    """A machine."""

    number: int

    @property
    def namespace(self) -> str:
        """Its name among the namespaces."""
        return f"webipc-far-{self.number}"

    @property
    def end(self) -> str:
        """What the wire calls it."""
        return str(self.number)

    @property
    def host(self) -> str:
        """Its address for pages."""
        return f"10.214.78.{self.number + 2}"

    @property
    def addresses(self) -> Sequence[str]:
        """All its addresses."""
        return [self.host, f"10.214.77.{self.number + 2}"]


def _do_not_offload(interface: str) -> None:
    """Let an interface give whole frames, with checksums: a raw socket passes on what it gets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in OFFLOADS.values():
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(control, SIOCETHTOOL, request)


def _connected(end: str) -> str:
    """Make an interface whose other end is in the middle under this name, and return its own name."""
    mine = f"webipc-to-{end}"
    ip("link", "add", mine, "type", "veth", "peer", "name", end)
    for interface in (mine, end):
        # Frames that IPv6 sends by itself would only be lost and counted with the rest.
        ip("link", "set", interface, "addrgenmode", "none")
        _do_not_offload(interface)
    ip("link", "set", end, "netns", MIDDLE)
    ip("-n", MIDDLE, "link", "set", end, "up")
    return mine


@contextmanager
def _here(end: str, host: str) -> Iterator[None]:
    """Connect this machine with the wire."""
    interface = _connected(end)
    try:
        # This machine is two: neither answers for the address of the other.
        Path(f"/proc/sys/net/ipv4/conf/{interface}/arp_ignore").write_text("1", encoding="ascii")
        ip("addr", "add", f"{host}/24", "dev", interface)
        ip("link", "set", interface, "up")
        yield
    finally:
        ip("link", "del", interface)


@contextmanager
def _place(place: Place) -> Iterator[None]:
    """Make a machine that is connected with the wire."""
    name = place.namespace
    with _namespace(name):
        ip("link", "set", _connected(place.end), "netns", name, "name", "eth0")
        for address in place.addresses:
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        for interface in ("eth0", "lo"):
            ip("-n", name, "link", "set", interface, "up")
        yield


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process of this machine has such machines, and remove those of one that was killed."""
    with LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            if line.startswith("webipc-far-"):
                ip("netns", "del", line.split()[0])
        yield


@contextmanager
def _namespace(name: str) -> Iterator[None]:
    ip("netns", "add", name)
    try:
        yield
    finally:
        ip("netns", "del", name)


@contextmanager
def wire(places: Sequence[Place], seed: int, delay: float, jitter: float, loss: float) -> Iterator[Wire]:
    """Make machines, and yield the wire between them, Redis and the pages. The rest: see wire.py."""
    with ExitStack() as stack:
        stack.enter_context(_alone())
        stack.enter_context(_namespace(MIDDLE))
        for end, host in HERE.items():
            stack.enter_context(_here(end, host))
        for place in places:
            stack.enter_context(_place(place))
        made = Wire([*HERE, *(place.end for place in places)], seed, delay, jitter, loss)
        stack.callback(made.end)
        yield made
