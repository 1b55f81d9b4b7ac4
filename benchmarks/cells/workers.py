"""D: what several workers cost and how long a deploy and a crash take: on one machine, and with a Redis.

Each question has servers of its own. What two workers do for two cores is asked with the load in C, which takes a tenth
of a core; more cores need a larger machine.
"""

import os
import random
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from statistics import median

from benchmarks.catalogue import BY_NAME, OURS, SHARED, WORKERS
from benchmarks.cells.calls import TELLS
from benchmarks.cells.crowd import Crowd
from benchmarks.cells.kinds import Joint, Lab, MeasurementError, Samples
from benchmarks.pages.dialects import WebipcPage
from benchmarks.pages.wire import WireError
from benchmarks.servers import Server, StartError, one_core
from benchmarks.table import Bench, Sample

PAGES = 1_000
WARM = 50
PATIENCE_SECONDS = 30.0
_ALL = (OURS, WORKERS, SHARED)


@contextmanager
def _redis() -> Iterator[int]:
    """Run a Redis, and return its port. Raises StartError."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise StartError("no redis-server on PATH")
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = (program, "--port", str(port), "--save", "", "--dir", folder, "--loglevel", "warning")
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            _until(lambda: _answers(port), "Redis answers")
            _asked(port, b"SET webipc:{default}:gen benchmark\r\n")
            yield port
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    """Return a port below those that the system gives to connections."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


def _asked(port: int, command: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        connection.sendall(command)
        return connection.recv(65_536)


def _answers(port: int) -> bool:
    with suppress(OSError):
        return _asked(port, b"PING\r\n").startswith(b"+PONG")
    return False


def _until(fact: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        if time.monotonic() > ends:
            raise MeasurementError(f"it did not happen: {what}")
        time.sleep(0.02)


@contextmanager
def _started(lab: Lab, name: str) -> Iterator[tuple[list[Server], int]]:
    """Start a subject: one server, or two with the Redis whose port is returned too."""
    with ExitStack() as opened:
        redis = opened.enter_context(_redis()) if name == SHARED else 0
        environment = {"WEBIPC_REDIS": f"redis://127.0.0.1:{redis}/0"} if redis else {}
        count = 2 if redis else 1
        servers = [opened.enter_context(Server(BY_NAME[name], lab.tools, environment)) for _ in range(count)]
        if name == WORKERS:
            _until(lambda: len(servers[0].workers()) == 2 and _serves(servers[0].port), "two workers serve")
        yield servers, redis


def _serves(port: int) -> bool:
    for host in range(1, 9):
        try:
            WebipcPage(port, f"127.0.0.{host}").wire.close()
        except (WireError, OSError):
            return False
    return True


def _places(servers: Sequence[Server]) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return the ports and addresses of two pages that are served by two workers."""
    if len(servers) > 1:
        return (servers[0].port, "127.0.0.1"), (servers[1].port, "127.0.0.1")
    # Workers of one machine: by where a page comes from.
    from webipc.cli.acceptor.rendezvous import by_rank

    by_slot = {by_rank(f"127.0.0.{host}".encode(), (1, 2))[0]: f"127.0.0.{host}" for host in range(1, 60)}
    return (servers[0].port, by_slot[1]), (servers[0].port, by_slot[2])


def _round_trip(page: WebipcPage, seconds: float) -> float:
    """Return the median of the microseconds of a call."""
    times, ends = [], time.monotonic() + seconds
    for _ in range(WARM):
        page.call("add", "1,2")
    while time.monotonic() < ends:
        began = time.monotonic()
        _, arrived = page.call("add", "1,2")
        times.append((arrived - began) * 1e6)
    return median(times)


def _calls(lab: Lab, servers: Sequence[Server]) -> Samples:
    here, there = _places(servers)
    page = WebipcPage(*here)
    with one_core(servers[0]):
        told: dict[str, Sample | str] = {"D1": Sample(_round_trip(page, lab.seconds))}
    many = lab.calls(servers[0], lab.seconds, 1000, 50)
    told["D2"] = Sample(many["count"] / many["seconds"], load_busy=many["busy"])
    if servers[0].subject.name != OURS:
        page.wire.close()
        page.move(there[0])
        page.come_again(there[1])
        told["D3"] = Sample(_round_trip(page, lab.seconds))
    page.wire.close()
    return told


def _two_at_once(lab: Lab, servers: Sequence[Server]) -> Samples:
    """Measure the calls of two pages at the same time, which have two homes where there are two."""

    def calls(server: Server, host: str) -> dict[str, float]:
        visitor = int(host.rpartition(".")[2]) - 1
        return lab.calls(server, lab.seconds * 2, 1000, 50, visitor=visitor)

    hosts = [host for _, host in _places(servers)]
    with ThreadPoolExecutor(2) as both:
        told = list(both.map(calls, (servers[0], servers[-1]), hosts))
    rate = sum(page["count"] / page["seconds"] for page in told)
    return {"D8": Sample(rate, load_busy=sum(page["busy"] for page in told))}


def _broadcast(lab: Lab, server: Server) -> Samples:
    assert lab.tools.load is not None
    with Crowd(lab.tools.load, server, "crowd", lab.crowd) as crowd:
        crowd.tell(3)
        return {"D4": Sample(crowd.tell(TELLS))}


def _end_of_a_worker(lab: Lab, name: str, bench: str, number: signal.Signals) -> Samples:
    """Measure the seconds from a signal to a worker until the last of its pages is at another one."""
    with _started(lab, name) as (servers, _):
        here, there = _places(servers)
        pages = [WebipcPage(*here) for _ in range(min(PAGES, lab.crowd))]
        process = servers[0].workers()[0] if name == WORKERS else servers[0].process_id
        began = time.monotonic()
        os.kill(process, number)
        with selectors.DefaultSelector() as selector:
            for page in pages:
                selector.register(page.wire.socket, selectors.EVENT_READ, page)
            while selector.get_map():
                if not (ready := selector.select(PATIENCE_SECONDS)):
                    raise MeasurementError(f"{len(selector.get_map())} pages were not told that their worker ends")
                for key, _ in ready:
                    selector.unregister(key.fileobj)
                    _follow(key.data, there, is_reset=number == signal.SIGKILL)
        seconds = time.monotonic() - began
        for page in pages:
            page.wire.close()
        return {bench: Sample(seconds)}


def _follow(page: WebipcPage, there: tuple[int, str], *, is_reset: bool) -> None:
    """Let a page come to another worker, when its socket has ended; again and again where nobody knows its link yet."""
    with suppress(WireError, OSError):
        while True:
            page.wire.receive()
    page.wire.close()
    page.move(there[0])
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            page.come_again(there[1])
        except (WireError, OSError) as error:
            if is_reset and "owner-lost" in str(error):
                page.begin(there[1])
                return
            if time.monotonic() > ends or "reset" in str(error):
                raise MeasurementError(f"a page did not come again: {error}") from None
            time.sleep(0.01)
        else:
            return


def _memory(lab: Lab) -> Samples:
    """Measure what Redis holds for a page that is connected."""
    with _started(lab, SHARED) as (servers, redis):
        pages = [WebipcPage(servers[0].port, "127.0.0.1") for _ in range(WARM)]
        before, size = _used(redis), min(PAGES, lab.crowd)
        pages += [WebipcPage(servers[0].port, f"127.0.0.{number % 200 + 1}") for number in range(size)]
        per_page = (_used(redis) - before) / size
        for page in pages:
            page.wire.close()
        return {"D7": Sample(per_page)}


def _used(redis: int) -> int:
    info = _asked(redis, b"INFO memory\r\n").decode(errors="replace")
    return int(next(line.partition(":")[2] for line in info.splitlines() if line.startswith("used_memory:")))


def _measure(lab: Lab, names: Sequence[str]) -> Mapping[str, Samples]:
    told: dict[str, dict[str, Sample | str]] = {name: {} for name in names}
    for name in names:
        try:
            with _started(lab, name) as (servers, _):
                told[name] |= _calls(lab, servers)
                told[name] |= _two_at_once(lab, servers)
                told[name] |= _broadcast(lab, servers[0]) if name != SHARED else {}
            if name != OURS:
                told[name] |= _end_of_a_worker(lab, name, "D5", signal.SIGTERM)
                told[name] |= _end_of_a_worker(lab, name, "D6", signal.SIGKILL)
            told[name] |= _memory(lab) if name == SHARED else {}
        except (StartError, MeasurementError, WireError, OSError) as error:
            told[name] |= {bench.id: str(error) for bench in DISTRIBUTED.benches if bench.id not in told[name]}
    return told


DISTRIBUTED = Joint(
    (
        Bench("D1", "round trip of a call of a page at home, page in Python", "us, p50", "less", _ALL),
        Bench("D2", "calls of one page, 1,000 in flight, load in C", "calls/s", "more", _ALL),
        Bench("D3", "round trip of a call of a page whose socket is at another worker", "us, p50", "less", _ALL[1:]),
        Bench("D4", "100 bytes to a crowd, until the last has it", "ms", "less", _ALL[:2]),
        Bench("D5", "SIGTERM of a worker with 1,000 tabs, until the last is at another one", "s", "less", _ALL[1:]),
        Bench("D6", "SIGKILL of a worker with 1,000 tabs, until the last has a new link", "s", "less", _ALL[1:]),
        Bench("D7", "Redis' memory for a page that is connected", "bytes", "less", (SHARED,)),
        Bench("D8", "calls of two pages at two homes, 1,000 in flight each, load in C", "calls/s", "more", _ALL),
    ),
    _measure,
    rounds=3,
)
