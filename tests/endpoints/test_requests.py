"""The bodies of beacons and synchronous requests: hello and secret first, frame by frame, within a time.

Through the ASGI interface, where a test says what arrives when, and through a real uvicorn.
"""

import asyncio
import http.client
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any

import pytest

import webipc.endpoints.body
import webipc.endpoints.body_bounds
from tests.support.applications import application
from tests.support.raw_sockets import BEACON_TYPE, Site, connections_of, greeted, hello
from tests.support.serving import PATIENCE, Live, live, wait_until
from tests.support.uploads import Upload
from tests.support.waiting import settled, until
from webipc import IpcMain, Limits
from webipc.core.frame import decode_frame, encode_body
from webipc.core.frame.json_text import Load

MIB = 1 << 20
PATHS = ["/ipc/sync", "/ipc/beacon"]


def listening(**limits: int) -> tuple[Any, IpcMain, list[Any]]:
    """Return an application, and what its listener `say` has heard."""
    app, ipc_main = application(limits=Limits(**limits))
    said: list[Any] = []
    ipc_main.on("say", lambda event, *args: said.append(list(args)))
    ipc_main.on("ask", lambda event, value: setattr(event, "return_value", value))
    return app, ipc_main, said


def say(seq: int, *args: Any) -> str:
    return json.dumps([seq, 0, ["send", "say", list(args)]])


BYE = '[0,0,["bye",2]]'
ASK = '[3,0,["sync",1,"ask",["answer"]]]'
AWAIT = '[0,0,["await",1]]'


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the frames of bodies that were decoded."""
    sizes: list[int] = []

    def counted(data: Any, limits: Limits, load: Load) -> Any:
        sizes.append(len(data))
        return decode_frame(data, limits, load)

    monkeypatch.setattr(webipc.endpoints.body, "decode_frame", counted)
    return sizes


# --- hello and secret first -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_with_another_secret_nothing_behind_the_hello_is_decoded_or_even_read(
    path: str, decoded: list[int]
) -> None:
    app, _, said = listening()
    async with Upload(app, "/ipc/beacon") as first:
        first.frames(hello(attempt=0), say(1, "mine"), last=True)
        assert await first.answer() == (204, b"")
    decoded.clear()
    async with Upload(app, path) as other:
        other.frames(hello(attempt=0, secret="2" * 32))
        assert (await other.answer())[0] == 403
        assert other.taken == 1
    assert (len(decoded), said) == (1, [["mine"]])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "fields, status", [({"fresh": False}, 409), ({"link": "no id"}, 400), ({"url": "x" * 70_000}, 413)]
)
async def test_without_a_good_hello_nothing_is_decoded(
    path: str, fields: dict[str, Any], status: int, decoded: list[int]
) -> None:
    app, _, said = listening()
    async with Upload(app, path) as upload:
        upload.frames(hello(attempt=0, **fields))
        got, _ = await upload.answer()
        assert got == (204 if (status, path) == (409, "/ipc/beacon") else status)
        assert upload.taken == 1
    assert len(decoded) <= 1
    assert said == []


async def test_a_body_of_8_mib_without_a_hello_costs_no_more_than_itself(decoded: list[int]) -> None:
    app, _, _ = listening()
    text = b'[1,0,["send","say",[' + b"[]," * 320_000 + b"1]],[[]]]"
    frame = len(text).to_bytes(4, "little") + text
    body = (len(frame).to_bytes(4, "little") + frame) * 9
    assert len(body) > 8 * MIB
    async with Upload(app, "/ipc/sync") as upload:
        tracemalloc.start()
        try:
            upload.bytes(body, last=True)
            assert (await upload.answer())[0] == 413
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MIB
    assert decoded == []


# --- frame by frame ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_a_frame_is_received_before_the_next_one_arrives(path: str) -> None:
    app, _, said = listening()
    async with Upload(app, path) as upload:
        upload.frames(hello(attempt=0), say(1, "one"))
        await until(lambda: said == [["one"]])
        upload.frames(say(2, "two"))
        await until(lambda: said == [["one"], ["two"]])
        upload.frames(*((BYE,) if path == "/ipc/beacon" else (ASK, AWAIT)), last=True)
        status, content = await upload.answer()
    assert status == (204 if path == "/ipc/beacon" else 200)
    assert path == "/ipc/beacon" or b"answer" in content


async def test_of_a_large_body_no_more_than_a_frame_is_held() -> None:
    app, _, said = listening()
    text = "x" * 200_000
    pieces = [encode_body([say(seq, text)]) for seq in range(1, 21)]
    async with Upload(app, "/ipc/sync") as upload:
        upload.frames(hello(attempt=0))
        tracemalloc.start()
        try:
            held = []
            for piece in pieces:
                upload.bytes(piece)
                await until(lambda: said)
                said.clear()
                held.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert max(held) < 2 * len(text)


async def test_of_a_request_that_breaks_off_the_whole_frames_are_received_and_the_link_goes_on() -> None:
    app, ipc_main, said = listening()
    whole = encode_body([hello(attempt=0), say(1, "one"), say(2, "two"), ASK, AWAIT])
    async with Upload(app, "/ipc/sync") as upload:
        upload.bytes(whole[: whole.index(b"two")])
        await until(lambda: said == [["one"]])
        upload.leave()
        await upload.answer()
    async with Upload(app, "/ipc/sync") as again:
        again.bytes(whole, last=True)
        assert (await again.answer())[0] == 200
    assert said == [["one"], ["two"]]
    assert len(connections_of(ipc_main)) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_bad_frame_ends_the_link_and_what_came_before_it_is_dispatched(path: str) -> None:
    app, ipc_main, said = listening()
    async with Upload(app, path) as upload:
        upload.frames(hello(attempt=0), say(1, "good"))
        upload.bytes((2).to_bytes(4, "little") + b"[9", last=True)
        status, content = await upload.answer()
        assert (status, content["code"]) == (400, 4400)
    await until(lambda: said == [["good"]])
    assert connections_of(ipc_main) == []
    async with Upload(app, path) as again:
        again.frames(hello(attempt=0), say(1, "good"))
        assert (await again.answer())[0] == (204 if path == "/ipc/beacon" else 409)


async def test_a_link_that_ends_meanwhile_answers_before_the_rest_is_read() -> None:
    app, ipc_main, said = listening()
    async with Upload(app, "/ipc/sync") as upload:
        upload.frames(hello(attempt=0), say(1, "one"))
        await until(lambda: said)
        async with Upload(app, "/ipc/beacon") as bye:
            bye.frames(hello(attempt=0), '[0,0,["bye",1]]', last=True)
            assert (await bye.answer())[0] == 204
        upload.frames(say(2, "two"))
        status, content = await upload.answer()
    assert (status, content["reason"]) == (409, "ended")
    assert (said, connections_of(ipc_main)) == ([["one"]], [])


# --- first and received -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"first": 3}, {"received": 1}])
async def test_a_body_that_cannot_continue_the_link_resets_it_with_gap(fields: dict[str, int]) -> None:
    app, ipc_main, said = listening()
    async with Upload(app, "/ipc/beacon") as first:
        first.frames(hello(attempt=0), say(1, "one"), last=True)
        assert (await first.answer())[0] == 204
    async with Upload(app, "/ipc/sync") as upload:
        upload.frames(hello(attempt=0, **{"first": 1, **fields}))
        assert await upload.answer() == (409, {"code": 4410, "reason": "gap"})
    assert (said, connections_of(ipc_main)) == ([["one"]], [])


def test_a_body_that_is_older_than_what_the_socket_has_brought_since_is_no_gap() -> None:
    site = Site()
    with live(site.app) as server, greeted(server) as opened:
        opened.send('[1,0,["invoke",1,"echo",[1]]]')
        assert '["result",1,1]' in str(opened.recv(PATIENCE))
        opened.send('[2,1,["invoke",3,"echo",[2]]]')
        assert '["result",3,2]' in str(opened.recv(PATIENCE))
        body = encode_body([hello(attempt=0, received=0, first=1), say(3, "late")])
        with post_of(server, "/ipc/beacon", len(body)) as request:
            request.send(body)
            assert request.getresponse().status == 204
        wait_until(lambda: site.said == [["late"]], "the message of the body arrives")


# --- in time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_stops_arriving_is_answered_408_and_its_link_goes_on(path: str) -> None:
    app, ipc_main, said = listening(body_silence_ms=50)
    async with Upload(app, path) as upload:
        upload.frames(hello(attempt=0), say(1, "one"))
        upload.bytes(b"\x09")
        status, content = await upload.answer()
    assert status == 408
    assert b"within 50 ms, none came" in content
    async with Upload(app, "/ipc/beacon") as again:
        again.frames(hello(attempt=0), say(1, "one"), say(2, "two"), last=True)
        assert (await again.answer())[0] == 204
    await settled()
    assert (said, len(connections_of(ipc_main))) == ([["one"], ["two"]], 1)


@pytest.mark.parametrize("path, milliseconds", [("/ipc/sync", 80), ("/ipc/beacon", 40)])
async def test_a_body_that_trickles_has_to_be_whole_in_time(path: str, milliseconds: int) -> None:
    app, _, _ = listening(body_ms=80)
    async with Upload(app, path) as upload:
        assert upload.task is not None
        upload.bytes((16_000).to_bytes(4, "little"))
        while not upload.task.done():
            upload.bytes(b" ")
            await asyncio.sleep(0.001)
        status, content = await upload.answer()
    assert status == 408
    assert f"within {milliseconds} ms".encode() in content


# --- a bound for all bodies -------------------------------------------------------------------------------------------


async def half_sent(stack: AsyncExitStack, app: Any, address: str, number: int) -> Upload:
    """Begin a body that does not arrive, and wait until it is read."""
    upload = await stack.enter_async_context(Upload(app, "/ipc/beacon", address))
    upload.bytes(b"\x09")
    await until(lambda: upload.taken == 1)
    await settled()
    assert upload.task is not None
    assert upload.task.done() is (number > 32)
    return upload


async def test_of_all_bodies_that_are_being_read_an_address_has_its_share() -> None:
    app, ipc_main, said = listening()
    async with AsyncExitStack() as stack:
        uploads = [await half_sent(stack, app, "203.0.113.1", number) for number in range(1, 34)]
        status, content = await uploads[-1].answer()
        assert (status, content, uploads[-1].headers["retry-after"]) == (503, b"the server is busy\n", "1")
        # Another address still has a place, and what is there at once needs none.
        other = await stack.enter_async_context(Upload(app, "/ipc/beacon", "203.0.113.2"))
        other.bytes(encode_body([hello(attempt=0)]))
        await settled()
        other.frames(say(1, "slow"), last=True)
        assert (await other.answer())[0] == 204
        last_words = await stack.enter_async_context(Upload(app, "/ipc/beacon", "203.0.113.1"))
        last_words.frames(hello(attempt=0, link="d" * 32), say(1, "at once"), last=True)
        assert (await last_words.answer())[0] == 204
        # A place is given back when its body ends, however it ends.
        uploads[0].leave()
        await uploads[0].answer()
        await half_sent(stack, app, "203.0.113.1", 32)
    await until(lambda: said == [["slow"], ["at once"]])
    hub = ipc_main._provider.hub
    assert hub is not None
    assert hub.bodies.held == 0


async def test_what_is_held_of_a_body_is_charged_in_steps_and_given_back() -> None:
    app, ipc_main, said = listening()
    body = encode_body([hello(attempt=0), say(1, "x" * 200_000)])
    async with Upload(app, "/ipc/sync") as upload:
        upload.bytes(body[:1_000])
        await until(lambda: connections_of(ipc_main))
        (connection,) = connections_of(ipc_main)
        await settled()
        purse = connection.holdings.purse
        before = purse.held
        steps = []
        for end in (50_000, 100_000, 150_000):
            upload.bytes(body[end - 50_000 if end > 50_000 else 1_000 : end])
            await settled()
            steps.append(purse.held - before)
        assert steps == [65_536, 131_072, 196_608]
        upload.bytes(body[150_000:])
        await until(lambda: said)
        await settled()
        assert purse.held <= before
        upload.leave()
        await upload.answer()
    assert purse.held <= before


async def test_a_body_without_memory_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webipc.endpoints.body_bounds, "ROOM_SECONDS", 0.1)
    app, ipc_main, _ = listening()
    body = encode_body([hello(attempt=0), say(1, "x" * 200_000)])
    async with Upload(app, "/ipc/sync") as upload:
        upload.bytes(body[:1_000])
        await until(lambda: connections_of(ipc_main))
        hub = ipc_main._provider.hub
        assert hub is not None
        hub.account.share.capacity = hub.account.held + 70_000
        upload.bytes(body[1_000:150_000])
        assert await upload.answer() == (503, b"the server is busy\n")
    assert len(connections_of(ipc_main)) == 1


# --- a real server ----------------------------------------------------------------------------------------------------


@contextmanager
def post_of(server: Live, path: str, length: int, **more: str) -> Iterator[http.client.HTTPConnection]:
    """Send the head of a request. The test sends the body, which has `length` bytes, or a part of it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.putrequest("POST", path)
        for name, value in {"Content-Type": BEACON_TYPE, "Origin": server.url, **more}.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("http_class", ["h11", "httptools"])
@pytest.mark.parametrize(
    "path, fields, status",
    [("/ipc/sync", {"secret": "2" * 32}, 403), ("/ipc/beacon", {"link": "9" * 32, "fresh": False}, 204)],
)
def test_a_refused_body_is_answered_at_once_and_read_to_its_end(
    http_class: str, path: str, fields: dict[str, Any], status: int
) -> None:
    """The client has asked for the connection to be closed, as some proxies do."""
    site = Site()
    start = encode_body([hello(attempt=0, **fields)])
    size = 3 * MIB if path == "/ipc/sync" else 100_000
    with (
        live(site.app, http=http_class) as server,
        greeted(server),
        post_of(server, path, len(start) + size, Connection="close") as request,
    ):
        request.send(start)
        sock = request.sock
        response = request.getresponse()
        assert response.status == status
        assert server.open_connections == 2
        assert sock is not None
        sock.sendall(bytes(size))
        assert len(response.read()) == int(response.getheader("Content-Length", "0"))
        wait_until(lambda: server.open_connections == 1, "the connection is closed behind the body")


@pytest.mark.parametrize("http_class", ["h11", "httptools"])
@pytest.mark.parametrize("path", PATHS)
def test_half_sent_bodies_are_ended_with_their_connections(http_class: str, path: str) -> None:
    # Longer than this thread may stand still between a head and the beginning of its body.
    site = Site(limits=Limits(body_silence_ms=1_000))
    with live(site.app, http=http_class) as server, greeted(server), ExitStack() as open_requests:
        opened = []
        for _ in range(10):
            opened.append(open_requests.enter_context(post_of(server, path, 100_000)))
            opened[-1].send(encode_body([hello(attempt=0), say(1, "one")]) + b"\x00")
        responses = [request.getresponse() for request in opened]
        assert [response.status for response in responses] == [408] * 10
        assert {response.getheader("Connection") for response in responses} == {"close"}
        assert all(b"none came" in response.read() for response in responses)
        # The page's socket is the only connection that is left.
        wait_until(lambda: server.open_connections == 1, "the connections of the requests are closed")
    assert site.said == [["one"]]
