"""Scenario `foreign`: clients that share no code with ours, on a network that cuts them off."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

from websockets.exceptions import WebSocketException

from tests.stress.network.faults import Fault, Mix
from tests.stress.rig import Rig, rig
from tests.stress.run import Run
from tests.stress.told import ANSWERED, UNKNOWN, WRONG, Told
from tests.support.raw_sockets import socket
from tests.support.smallest_peer import SmallestPeer

PEERS = 6
SHORT = 40
"""Faults of the short form."""
FAULTS = (Fault.RESET, Fault.FINISH, Fault.SPLIT, Fault.STALL, Fault.DUPLICATE, Fault.ERROR, Fault.PORTAL)
LARGE = 1_500_000
EVERY = 25
"""One call of so many asks for a large answer, which comes in parts."""


def foreign(run: Run) -> None:
    """Clients written from the text of the protocol alone (PROTOCOL.md 12) call, get pushes and values in parts, and
    begin a new link whenever their socket is lost.

    Invariant: every answer is right, a call that was answered ran once, and the one that was under way when a socket
    broke ran once or not at all. Pushes come in order, without a gap, until the socket breaks.
    """
    with rig(run) as made:
        net = made.network
        net.storm(Mix(FAULTS, least=100, most=20_000))
        over = threading.Event()
        with ThreadPoolExecutor(PEERS) as pool:
            peers = [pool.submit(_peer, made, f"peer {number}", over) for number in range(run.pages or PEERS)]
            wanted = [f"socket {each}" for each in FAULTS]
            while run.goes_on(lambda: net.counts.total() >= SHORT and all(net.counts[each] for each in wanted)):
                over.wait(0.05)
                if any(peer.done() for peer in peers):
                    break
            over.set()
            told = [link for peer in peers for link in peer.result()]
        run.happened(net.counts, wanted)
        made.judge(told)
        gaps = [each.page for each in told if each.pushes != [2 * number for number in range(len(each.pushes))]]
        assert not gaps, f"pushes have gaps: {gaps}"


def _peer(made: Rig, name: str, over: threading.Event) -> list[Told]:
    """One client after another, until it is over. Return what each was told."""
    links: list[Told] = []
    for number in count():
        if over.is_set():
            break
        told = Told(f"{name} link {number}", left=True)
        with suppress(WebSocketException, OSError, EOFError):
            _one_link(made, told, over)
        for act in told.open_calls():
            told.told(act, UNKNOWN)
        links.append(told)
    return links


def _one_link(made: Rig, told: Told, over: threading.Event) -> None:
    with socket(made.network) as opened:
        peer = SmallestPeer(opened)
        number = 0
        while not over.is_set():
            _say(peer, told, number)
            _call(peer, told, number + 1)
            number += 2


def _say(peer: SmallestPeer, told: Told, number: int) -> None:
    told.did(number, "plain note")
    peer.send("send", "plain note", [told.page, number])


def _call(peer: SmallestPeer, told: Told, number: int) -> None:
    told.did(number, "plain")
    size = LARGE if number // 2 % EVERY == EVERY - 1 else 10
    answer = peer.call("plain", told.page, number, size)
    for _, channel, (pushed, *_), *_ in peer.events:
        assert channel == "push"
        told.pushes.append(pushed)
    peer.events.clear()
    right = answer == {"number": number, "text": "x" * size}
    told.told(number, ANSWERED if right else WRONG)
    assert right, json.dumps(answer)[:200]
