"""Our class for uvicorn and uvicorn's own: any bytes of a client have the same result with both."""

import asyncio
import contextlib
import json
import random
import secrets
import socket as sockets
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.client_frames import frame
from tests.support.raw_sockets import Site, be_fast, closing, connections_of, greeted, hello
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc import IpcMainEvent, Limits
from webipc.endpoints.websocket.transport import DirectTransport
from webipc.hub.hub import Hub
from webipc.version import SUBPROTOCOL

MOST = 2_228_224
"""The largest message in bytes that `webipc run` lets uvicorn accept."""

FASTEST: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):
    # Windows has none.
    from uvloop import new_event_loop as uvloops

    FASTEST = uvloops

BOTH = [
    pytest.param((STOCK, asyncio.new_event_loop), id="stock"),
    pytest.param((DIRECT, asyncio.new_event_loop), id="direct"),
    pytest.param((DIRECT, FASTEST), id="direct-uvloop"),
]

Cut = Callable[[bytes], list[bytes]]

CUTS: dict[str, Cut] = {
    "at once": lambda data: [data],
    "byte by byte": lambda data: [data[at : at + 1] for at in range(len(data))],
}


@pytest.fixture
def site() -> Site:
    return Site(limits=Limits(goodbye_ms=200))


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    ws, new_loop = request.param
    with live(site.app, new_loop=new_loop, ws=ws, ws_max_size=MOST) as served:
        yield served


def transport_of(site: Site) -> Any:
    """Return the transport of the only link of a site; None while it has no socket."""
    (connection,) = connections_of(site.ipc_main)
    return connection.transport


def say(number: int, value: Any) -> bytes:
    """Return the payload of a frame with one message on the channel `say`."""
    return json.dumps([number, 0, ["send", "say", [value]]]).encode()


def write(opened: ClientConnection, data: bytes, cut: Cut) -> None:
    """Send bytes without the framing of the client library."""
    opened.socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
    for piece in cut(data):
        opened.socket.sendall(piece)


# Each ends with the byte at which it is refused: the server does not read further.
REFUSED: dict[str, tuple[bytes, int]] = {
    "text that is not UTF-8": (frame(0x81, b'[1,0,"\xff"]'), 1007),
    "text that is not UTF-8, in fragments": (frame(0x01, b"[1,0,") + frame(0x80, b'"\xff"]'), 1007),
    "no mask": (b"\x81\x05", 1002),
    "no mask, and a length that is still to come": (b"\x82\x7e", 1002),
    "a reserved bit": (frame(0xC1, b"[1,0]"), 1002),
    "a reserved bit and a binary frame": (frame(0x92, b"\1\2\3\4"), 1002),
    "an unknown opcode": (b"\x83\x80", 1002),
    "an unknown opcode, and a length that is still to come": (b"\x87\xfe", 1002),
    "an unknown control opcode": (b"\x8b\x80", 1002),
    "a continuation of nothing": (frame(0x80, b"[1,0]"), 1002),
    "a message between fragments": (frame(0x01, b"[1,") + frame(0x81, b"[1,0]"), 1002),
    "fragments between fragments": (frame(0x01, b"[1,") + frame(0x02, b"\1"), 1002),
    "a ping in fragments": (frame(0x09, b"?"), 1002),
    "a ping that is too long": (frame(0x89, b"?" * 126), 1002),
    "a close in fragments": (frame(0x08, b"\x03\xe8"), 1002),
    "a close between fragments": (frame(0x01, b"[1,") + frame(0x88, b"\x03\xe8"), 1002),
    "a close with half a code": (frame(0x88, b"\x03"), 1002),
    "a close with a code that is never sent": (frame(0x88, struct.pack("!H", 1005)), 1002),
    "a close with another code that is never sent": (frame(0x88, struct.pack("!H", 1006)), 1002),
    "a close with a code that is not assigned": (frame(0x88, struct.pack("!H", 999)), 1002),
    "a close with a reason that is not UTF-8": (frame(0x88, b"\x03\xe8\xff"), 1007),
    "more than a message may be": (b"\x82\xff" + (MOST + 1).to_bytes(8), 1009),
    "a length with the highest bit": (b"\x82\xff" + (2**63).to_bytes(8), 1009),
}


@pytest.fixture(scope="module", params=BOTH)
def lasting(request: pytest.FixtureRequest) -> Iterator[tuple[Live, Site]]:
    """A server for many tests, each with its own link."""
    site = Site()
    ws, new_loop = request.param
    with live(site.app, new_loop=new_loop, ws=ws, ws_max_size=MOST) as served:
        yield served, site


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_rfc_6455_forbids_is_closed_with_its_code(name: str, cut: str, lasting: tuple[Live, Site]) -> None:
    data, code = REFUSED[name]
    server, site = lasting
    with greeted(server, link=secrets.token_hex(16)) as opened:
        write(opened, data, CUTS[cut])
        assert closing(opened)[0] == code
    assert site.said == []


def test_fragments_that_are_too_large_together_are_refused(server: Live) -> None:
    with greeted(server) as opened:
        half = b"x" * (MOST // 2 + 1)
        write(opened, frame(0x01, half) + frame(0x80, half), CUTS["at once"])
        assert closing(opened)[0] == 1009


@pytest.mark.parametrize("payload, code", [(b"\x03\xe8bye", 1000), (struct.pack("!H", 4321), 4321), (b"", 1005)])
def test_a_close_is_answered_with_its_own_code(payload: bytes, code: int, server: Live, site: Site) -> None:
    with greeted(server) as opened:
        wait_until(lambda: transport_of(site), "the page has a link")
        write(opened, frame(0x88, payload) + frame(0x81, say(1, "behind the end")), CUTS["at once"])
        assert closing(opened)[0] == code
        wait_until(lambda: transport_of(site) is None, "the link knows that its socket is gone")
    assert site.said == []


@pytest.mark.parametrize("cut", CUTS)
def test_every_type_of_frame_is_received_in_order(cut: str, server: Live, site: Site) -> None:
    binary = say(5, "e")[:-1] + b",[[]]]"
    stream = (
        frame(0x81, say(1, "a"))
        + frame(0x01, say(2, "b")[:7])
        + frame(0x89, b"ping")
        + frame(0x00, b"")
        + frame(0x80, say(2, "b")[7:])
        + frame(0x8A, b"a pong without a ping")
        + frame(0x81, say(3, "c" * 125))
        + frame(0x81, say(4, "ü" * 400), mask=b"\0\0\0\0")
        + frame(0x82, struct.pack("<I", len(binary)) + binary)
        + frame(0x81, say(6, "f"))
    )
    with greeted(server) as opened:
        write(opened, stream, CUTS[cut])
        wait_until(lambda: len(site.said) == 6, "all messages are dispatched")
        assert site.said == [["a"], ["b"], ["c" * 125], ["ü" * 400], ["e"], ["f"]]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000])
def test_messages_of_every_length_go_both_ways(size: int, lasting: tuple[Live, Site]) -> None:
    with greeted(lasting[0], link=secrets.token_hex(16)) as opened:
        opened.send(json.dumps([1, 0, ["invoke", 1, "echo", ["x" * size]]]))
        answer: list[Any] = []
        # A large message is acknowledged at once, before its answer.
        while len(answer) < 3:
            answer = json.loads(opened.recv(PATIENCE))
        assert answer == [1, 1, ["result", 1, "x" * size]]


def test_a_ping_is_answered_with_its_payload(server: Live) -> None:
    with greeted(server) as opened:
        assert opened.ping(b"hello").wait(PATIENCE)


def test_any_stream_of_frames_is_received_however_it_is_cut(server: Live, site: Site) -> None:
    chance = random.Random(20)
    values = ["x" * chance.choice([0, 5, 118, 119, 300, 70_000]) for _ in range(60)]
    stream = bytearray()
    for number, value in enumerate(values, 1):
        payload = say(number, value)
        middle = chance.randrange(len(payload))
        whole = frame(0x81, payload)
        parts = frame(0x01, payload[:middle]) + frame(0x89, b"?") + frame(0x80, payload[middle:])
        stream += chance.choice([whole, whole, parts])
    with greeted(server) as opened:
        while stream:
            piece = chance.choice([1, 2, 3, 7, 100, 5000, 200_000])
            write(opened, bytes(stream[:piece]), CUTS["at once"])
            del stream[:piece]
        wait_until(lambda: len(site.said) == len(values), "all messages are dispatched")
    assert site.said == [[value] for value in values]


def test_a_page_that_does_not_read_causes_backpressure(server: Live, site: Site) -> None:
    messages = [f"{number}" + "x" * 100_000 for number in range(200)]
    with greeted(server) as opened:
        wait_until(lambda: transport_of(site), "the page has a link")
        be_fast(*connections_of(site.ipc_main))
        (contents,) = site.ipc_main.get_all_web_contents()
        for message in messages:
            contents.send("data", message)
        wait_until(lambda: transport_of(site).blocked, "the write buffer is full")
        got: list[Any] = []
        while len(got) < len(messages):
            got += [message[2][0] for message in json.loads(opened.recv(PATIENCE))[2:]]
        assert got == messages
        wait_until(lambda: not transport_of(site).blocked, "the write buffer is empty")


def test_a_write_buffer_is_charged_from_the_moment_when_it_is_full_to_that_when_it_is_not(
    direct: Live, site: Site
) -> None:
    with greeted(direct) as opened:
        wait_until(lambda: transport_of(site), "the page has a link")
        (connection,) = connections_of(site.ipc_main)
        hub = connection.around.owner
        assert isinstance(hub, Hub)
        # What the periodic look would find is not meant.
        direct.call(hub._sweeper.stop)
        purse, transport = connection.holdings.purse, transport_of(site)
        said: list[tuple[bool, int]] = []

        def write() -> None:
            for _ in range(100):
                before = purse.held
                transport.write("x" * 100_000)
                said.append((transport.blocked, purse.held - before))

        direct.call(write)
        full = [charged for is_full, charged in said if is_full]
        assert full[0] > 64 * 1024
        assert {charged for is_full, charged in said if not is_full} <= {0}
        # It is not asked again for each frame.
        assert set(full[1:]) <= {0}
        for _ in range(100):
            opened.recv(PATIENCE)
        wait_until(lambda: not transport.blocked, "the write buffer is empty")
        assert direct.call(lambda: purse.held) < 64 * 1024


def test_a_blocked_socket_is_closed_behind_what_was_written(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        wait_until(lambda: transport_of(site), "the page has a link")
        be_fast(*connections_of(site.ipc_main))
        (contents,) = site.ipc_main.get_all_web_contents()
        for _ in range(200):
            contents.send("data", "x" * 100_000)
        wait_until(lambda: transport_of(site).blocked, "the write buffer is full")
        opened.socket.sendall(frame(0x81, b"nonsense"))
        assert closing(opened)[0] == 4400


def test_calls_that_suspend_block_no_other_and_keep_their_order(server: Live, site: Site) -> None:
    began: list[int] = []
    done: list[int] = []

    @site.ipc_main.on("slow")
    async def slow(event: IpcMainEvent, number: int) -> None:
        task = asyncio.current_task()
        began.append(number)
        await asyncio.sleep(0)
        assert asyncio.current_task() is task
        done.append(number)

    count = 3000
    with greeted(server) as opened:
        for number in range(1, count + 1):
            opened.send(f'[{number},0,["send","slow",[{number}]]]')
        wait_until(lambda: len(done) == count, "every call has ended")
    assert began == list(range(1, count + 1))


# --- where uvicorn's own code is used -------------------------------------------------------------------------------


@pytest.fixture
def direct(site: Site) -> Iterator[Live]:
    with live(site.app, ws=DIRECT) as served:
        yield served


def test_frames_of_our_class_bypass_asgi(direct: Live, site: Site) -> None:
    with greeted(direct):
        assert isinstance(transport_of(site), DirectTransport)


def test_compression_is_left_to_uvicorn(site: Site) -> None:
    with (
        live(site.app, ws=DIRECT, ws_per_message_deflate=True) as server,
        connect(
            f"ws://127.0.0.1:{server.port}/ipc/socket",
            origin=Origin(server.url),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
        ) as opened,
    ):
        opened.send(hello())
        opened.recv(PATIENCE)
        assert not isinstance(transport_of(site), DirectTransport)
        opened.send('[1,0,["invoke",1,"echo",["squeezed"]]]')
        assert '"squeezed"' in str(opened.recv(PATIENCE))


def test_a_full_frame_is_sent_while_the_listener_that_fills_it_runs(server: Live, site: Site) -> None:
    has_arrived = threading.Event()
    arrived_meanwhile: list[bool] = []

    @site.ipc_main.on("burst")
    def burst(event: IpcMainEvent) -> None:
        for number in range(129):
            event.reply("tick", number)
        arrived_meanwhile.append(has_arrived.wait(PATIENCE))

    with greeted(server) as opened:
        opened.send(json.dumps([1, 0, ["send", "burst", []]]))
        _, _, *first = json.loads(opened.recv(PATIENCE))
        has_arrived.set()
        _, _, *rest = json.loads(opened.recv(PATIENCE))
    assert arrived_meanwhile == [True]
    assert [*first, *rest] == [["send", "tick", [number]] for number in range(129)]
    assert len(first) == 128


def test_a_burst_from_a_callback_of_the_event_loop_is_sent_after_the_turn(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        (contents,) = site.ipc_main.get_all_web_contents()

        def burst() -> None:
            for number in range(300):
                contents.send("tick", number)

        assert server.loop is not None
        server.loop.call_soon_threadsafe(burst)
        frames = [json.loads(opened.recv(PATIENCE))[2:] for _ in range(3)]
    assert [message for messages in frames for message in messages] == [["send", "tick", [n]] for n in range(300)]
    assert [len(messages) for messages in frames] == [128, 128, 44]


@pytest.mark.parametrize("early", [1, 8, 50, None], ids=["a byte", "a header", "a part", "all"])
def test_data_that_a_client_sends_before_the_handshake_has_ended_is_received(early: int | None, site: Site) -> None:
    entered: list[Any] = []

    async def slow_app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            entered.append(scope["extensions"]["webipc.direct"])
            while not entered[0]._has_received:  # noqa: ASYNC110 - uvicorn sets it, and has no event for it
                await asyncio.sleep(0)
        await site.app(scope, receive, send)

    with live(slow_app, ws=DIRECT) as server, sockets.create_connection(("127.0.0.1", server.port), PATIENCE) as raw:
        lines = [
            "GET /ipc/socket HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Origin: {server.url}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        ]
        raw.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        wait_until(lambda: entered, "the application was called")
        greeting = frame(0x81, hello().encode())
        raw.sendall(greeting[:early])
        said = b""
        while b"\r\n\r\n" not in said:
            said += raw.recv(4096)
        raw.sendall(greeting[early:] if early else b"")
        while b'"welcome"' not in said:
            said += raw.recv(4096)
        assert not isinstance(transport_of(site), DirectTransport)


def test_another_websocket_of_the_application_works_as_usual() -> None:
    from fastapi import WebSocket

    app = FastAPI()

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.close(4000, "enough")

    with live(app, ws=DIRECT) as server, connect(f"ws://127.0.0.1:{server.port}/echo") as opened:
        opened.send("text")
        assert opened.recv(PATIENCE) == "text"
        opened.send(b"bytes")
        assert opened.recv(PATIENCE) == b"bytes"
        assert closing(opened) == (4000, "enough")


def test_a_server_that_stops_closes_its_sockets(site: Site) -> None:
    with live(site.app, ws=DIRECT) as server, greeted(server) as opened:
        server._server.should_exit = True
        assert closing(opened)[0] in (1001, 1012)


def test_a_server_that_stops_while_a_client_closes_its_socket_shuts_down_cleanly(site: Site) -> None:
    with live(site.app, ws=DIRECT) as server, greeted(server) as opened:
        (protocol,) = server._server.server_state.connections

        def close_and_end() -> None:
            protocol.data_received(frame(0x88, struct.pack("!H", 1000)))
            protocol.shutdown()

        server.call(close_and_end)
        assert closing(opened)[0] == 1000
