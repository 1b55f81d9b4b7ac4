"""`Ready`: which socket is served next, by whose turns, and for how long. The clock is the test's own."""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable

import pytest

from webipc.servers.ready import SOCKET_SECONDS, TURN_SECONDS, Ready


class Clock:
    """Time that passes only when something is done."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Site:
    """What serves sockets, and the log of what they did: the name of a socket for each message."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ready = Ready(asyncio.get_running_loop(), self.clock)
        self.log: list[str] = []

    def socket(self, name: str, payer: str, messages: int = 0, seconds: float = 0.0001) -> "Socket":
        """Return a socket that has so many messages, each of which takes so long; in its payer's row if it has any."""
        socket = Socket(self, name, payer, messages, seconds)
        if messages:
            self.ready.put(socket)
        return socket


class Socket:
    """A socket whose messages are a number."""

    def __init__(self, site: Site, name: str, payer: str, messages: int, seconds: float) -> None:
        self._site = site
        self.name = name
        self.turns_of: Hashable = payer
        self.messages = messages
        self.seconds = seconds
        # Called behind each message.
        self.on_message: Callable[[], object] = lambda: None

    def receive(self, data: bytes) -> None:
        self.messages += len(data)
        self.advance()

    def advance(self) -> None:
        while self.messages:
            self.messages -= 1
            self._site.log.append(self.name)
            self._site.clock.now += self.seconds
            self.on_message()
            if self.messages and self._site.ready.is_over:
                self._site.ready.put(self)
                return


@pytest.fixture
async def site() -> Site:
    return Site()


async def turn() -> None:
    await asyncio.sleep(0)


async def finished(site: Site) -> None:
    while not site.ready.is_quiet:
        await turn()


async def test_one_callback_serves_for_two_milliseconds_and_the_rest_waits_for_the_next(site: Site) -> None:
    alone = site.socket("a", "a", messages=100)
    assert site.log == []
    await turn()
    assert len(site.log) == round(TURN_SECONDS / 0.0001)
    assert not site.ready.is_quiet
    await turn()
    assert len(site.log) == 2 * round(TURN_SECONDS / 0.0001)
    await finished(site)
    assert alone.messages == 0


async def test_a_socket_gives_way_after_half_a_millisecond_when_others_wait(site: Site) -> None:
    for name in "ab":
        site.socket(name, name, messages=20)
    await finished(site)
    each = round(SOCKET_SECONDS / 0.0001)
    assert site.log == [*"a" * each, *"b" * each] * 4


async def test_sockets_of_one_payer_share_its_turns(site: Site) -> None:
    for number in range(8):
        site.socket(f"flood {number}", "one", messages=100)
    site.socket("page", "two", messages=100)
    await turn()
    await turn()
    counts = Counter(name.partition(" ")[0] for name in site.log)
    assert abs(counts["page"] - counts["flood"]) <= round(SOCKET_SECONDS / 0.0001)


@pytest.mark.parametrize("floods", [1, 8, 100])
async def test_a_page_waits_for_one_turn_of_every_other_payer_however_many_sockets_flood(
    site: Site, floods: int
) -> None:
    for number in range(floods):
        site.socket("flood", "flooding payer", messages=10_000).seconds = 0.00001
        site.socket(f"other {number}", f"payer {number % 3}", messages=5)
    site.socket("page", "page", messages=1)
    while "page" not in site.log:
        await turn()
    before = Counter(site.log[: site.log.index("page")])
    assert before["flood"] == round(SOCKET_SECONDS / 0.00001)
    assert before.total() <= before["flood"] + 3 * round(SOCKET_SECONDS / 0.0001)


async def test_a_payer_with_long_calls_passes_over_the_turns_that_it_used_up(site: Site) -> None:
    site.socket("long", "long", messages=10, seconds=0.020)
    site.socket("short", "short", messages=2000)
    await finished(site)
    between = "".join("L" if name == "long" else "." for name in site.log).strip(".").split("L")[1:-1]
    used = [len(dots) * 0.0001 for dots in between if dots]
    assert used
    assert min(used) >= 0.018


async def test_a_payer_alone_pays_nothing(site: Site) -> None:
    site.socket("long", "long", messages=3, seconds=0.2)
    await turn()
    await turn()
    await turn()
    assert site.log == ["long"] * 3
    await finished(site)
    assert site.ready.is_quiet


async def test_a_socket_served_at_once_that_takes_long_makes_the_next_ones_wait(site: Site) -> None:
    # All of them arrive in one turn of the event loop, which does not know of the later ones yet.
    first, second = (site.socket(f"long {number}", "long", seconds=0.020) for number in range(2))
    page = site.socket("page", "page")
    for socket in (first, second, page):
        if site.ready.is_quiet:
            site.ready.serve(socket, b"1")
        else:
            socket.messages += 1
            site.ready.put(socket)
    assert site.log == ["long 0"]
    await finished(site)
    assert site.log == ["long 0", "page", "long 1"]


async def test_a_socket_served_at_once_that_takes_a_turn_leaves_the_others_alone(site: Site) -> None:
    socket = site.socket("a", "a", seconds=SOCKET_SECONDS)
    site.ready.serve(socket, b"1")
    assert site.ready.is_quiet


async def test_nothing_is_read_while_there_is_no_reader(site: Site) -> None:
    site.ready.has_reader = False
    assert not site.ready.is_quiet
    site.socket("a", "a", messages=1)
    await turn()
    await turn()
    assert site.log == []
    site.ready.has_reader = True
    await turn()
    assert site.log == ["a"]


async def test_a_reader_that_goes_ends_the_turn(site: Site) -> None:
    first = site.socket("a", "a", messages=1)
    site.socket("b", "b", messages=1)
    first.on_message = lambda: setattr(site.ready, "has_reader", False)
    await turn()
    assert site.log == ["a"]
    site.ready.has_reader = True
    await finished(site)
    assert site.log == ["a", "b"]


async def test_an_error_of_one_socket_does_not_stop_the_others(site: Site) -> None:
    failing = site.socket("a", "a", messages=1)
    site.socket("b", "b", messages=1)
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    error = RuntimeError("broken")

    def fail() -> None:
        raise error

    failing.on_message = fail
    await finished(site)
    assert site.log == ["a", "b"]
    assert errors == [error]
