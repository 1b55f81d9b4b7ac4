"""What waits for the other end of a socket pair is counted, bounded, and goes out in pieces and in order."""

import asyncio
from typing import cast

from webipc.cluster.local.outgoing import Outgoing


class Network:
    """A transport that takes as many pieces as a test says, and keeps the last one."""

    def __init__(self) -> None:
        self.out: Outgoing
        self.room = 0
        self.pieces: list[bytes] = []

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def write(self, piece: bytes) -> None:
        self.pieces.append(bytes(piece))
        self.room -= 1
        if self.room <= 0:
            self.out.pause()


def outgoing(most: int = 10_000_000) -> tuple[Outgoing, Network, list[int]]:
    network, drained = Network(), list[int]()
    out = Outgoing(asyncio.get_running_loop(), lambda: drained.append(out.held), most)
    network.out = out
    out.begin(cast("asyncio.Transport", network))
    return out, network, drained


async def test_everything_goes_out_in_order_however_the_network_takes_it() -> None:
    out, network, _ = outgoing()
    sent = []
    for number in range(400):
        head, payload = b"%d." % number, bytes([number % 256]) * (number * number % 70_000 + number)
        sent += [head, payload]
        out.put(head, payload)
        if number % 7 == 0:
            network.room = number % 3
            out.resume()
    while out.held:
        network.room = 3
        out.resume()
        if len(network.pieces) and network.room > 0:
            break
    assert b"".join(network.pieces) == b"".join(sent)
    assert max(map(len, network.pieces)) <= 262_144


async def test_large_payload_goes_in_pieces_and_is_kept_once() -> None:
    out, network, _ = outgoing()
    network.room = 1
    payload = bytes(3_000_000)
    out.put(b"head", payload)
    await asyncio.sleep(0)
    assert len(network.pieces) == 1
    assert all(piece.obj is payload for piece in out._waiting if isinstance(piece, memoryview))
    network.room = 100
    out.resume()
    assert sum(map(len, network.pieces)) == 3_000_004
    assert len(network.pieces) == 13
    assert out.held == 0


async def test_many_small_ones_are_one_piece() -> None:
    out, network, drained = outgoing()
    network.room = 100
    for _ in range(1_000):
        out.put(b"head", b"payload")
    assert out.held >= 11_000
    await asyncio.sleep(0)
    assert [len(piece) for piece in network.pieces] == [11_000]
    assert (out.held, drained) == (0, [0])


async def test_what_waits_is_counted_with_what_it_costs() -> None:
    out, network, _ = outgoing(most=100_000)
    out.pause()
    count = 0
    while not out.is_full_for(1):
        out.put(b"h")
        count += 1
    # An object of Python for each.
    assert count < 100_000 / 50
    network.room = 1_000
    out.resume()
    assert out.held == 0
    assert not out.is_full_for(200_000)


async def test_behind_the_end_nothing_is_kept() -> None:
    out, network, _ = outgoing()
    out.pause()
    out.put(b"head", bytes(100_000))
    out.end()
    out.put(b"head", bytes(100_000))
    await asyncio.sleep(0)
    assert (out.held, network.pieces) == (0, [])
