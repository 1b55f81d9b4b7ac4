"""What is on the wire between a page and a server: tests/vectors/wire/*.json. A real server plays the side `server`,
and the test the page. tests/vectors/README.md says what the steps mean.

Twin, for the side `page`: js-client/test/wire.test.ts
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.applications import Application
from tests.support.raw_sockets import post, socket
from tests.support.serving import PATIENCE, Live, live
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.core.frame import Frame, RawMessage, binary_form, decode_frame, decode_parcel, encode_body

WIRE: Final = Path(__file__).parent.parent / "vectors" / "wire"
TRANSCRIPTS: Final = sorted(WIRE.glob("*.json"))
# What stands for a value that each server chooses.
PLACEHOLDERS: Final[dict[str, Callable[[Any], bool]]] = {
    "<text>": lambda value: isinstance(value, str),
    "<texts>": lambda value: isinstance(value, list) and all(isinstance(text, str) for text in value),
    "<id>": lambda value: type(value) is int and value > 0,
    "<token>": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) is not None,
}


class Wire(Application):
    """The application of the transcripts: README.md lists its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.ipc_main.handle("add", _add)
        self.ipc_main.handle("echo", lambda event, value: value)
        self.ipc_main.on("count", _count)
        self.ipc_main.on("ask", _ask)


async def _add(event: IpcMainInvokeEvent, a: int, b: int) -> int:
    return a + b


def _count(event: IpcMainEvent, to: int) -> None:
    for number in range(1, to + 1):
        event.sender.send("number", number)


def _ask(event: IpcMainEvent, *questions: str) -> None:
    event.return_value = "yes"


@pytest.fixture
def server() -> Iterator[Live]:
    with live(Wire().app) as served:
        yield served


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def data_of(frame: Any) -> str | bytes:
    return frame if isinstance(frame, str) else bytes.fromhex(frame["hex"])


def plain(frame: Frame) -> Any:
    """A frame as JSON has it, with hexadecimal digits for segments."""
    messages = [frame.control] if frame.control else [_plain(message) for message in frame.messages]
    return [frame.seq, frame.ack, *messages]


def _plain(message: RawMessage) -> list[Any]:
    return [*message.fields, *[bytes(segment).hex() for segment in message.segments]]


def matches(expected: Any, found: Any) -> bool:
    """Whether `found` is what was expected: an object may have more keys, and a placeholder stands for a value."""
    if isinstance(expected, str) and expected in PLACEHOLDERS:
        return PLACEHOLDERS[expected](found)
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(key in found and matches(expected[key], found[key]) for key in expected)
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(matches(one, other) for one, other in zip(expected, found, strict=True))
        )
    return type(found) is type(expected) and bool(found == expected)


class Player:
    """Plays the page of one transcript."""

    def __init__(self, server: Live, stack: ExitStack) -> None:
        """`stack` closes its sockets."""
        self._live = server
        self._stack = stack
        self._opened: list[ClientConnection] = []

    @property
    def _socket(self) -> ClientConnection:
        return self._opened[-1]

    def play(self, step: dict[str, Any]) -> None:
        for word in ("open", "page", "server", "page_closes", "server_closes", "post"):
            if word in step:
                getattr(self, f"_{word}")(step)
                return
        assert "lost" in step, f"no such step: {step}"
        self._socket.socket.close()

    def _open(self, step: dict[str, Any]) -> None:
        settings = {name: step[name] for name in ("origin", "subprotocol") if name in step}
        self._opened.append(self._stack.enter_context(socket(self._live, path=step["open"], **settings)))

    def _page(self, step: dict[str, Any]) -> None:
        self._socket.send(data_of(step["page"]))

    def _server(self, step: dict[str, Any]) -> None:
        found, expected = (decode_frame(data) for data in (self._socket.recv(PATIENCE), data_of(step["server"])))
        assert matches(plain(expected), plain(found)), f"expected {step['server']}, got {plain(found)}"

    def _page_closes(self, step: dict[str, Any]) -> None:
        self._socket.close(step["page_closes"])

    def _server_closes(self, step: dict[str, Any]) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            self._socket.recv(PATIENCE)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == step["server_closes"], caught.value.rcvd

    def _post(self, step: dict[str, Any]) -> None:
        body = encode_body([data_of(frame) for frame in step["frames"]])
        assert body.hex() == step["hex"]
        headers = {"Content_Type": step["type"]} if "type" in step else {}
        headers |= {"Origin": step["origin"]} if "origin" in step else {}
        status, answer = post(self._live, step["post"], body, **headers)
        assert status == step["status"], answer
        if "refusal" in step:
            assert json.loads(answer)["code"] == step["refusal"]
        elif "answer" in step:
            assert _parts(answer) == (json.loads(step["answer"]["frame"]), json.loads(step["answer"]["message"]))
        else:
            assert answer == b""


def _parts(answer: bytes) -> tuple[Any, Any]:
    """The frame and the message of the answer to a synchronous request (PROTOCOL.md 2.3)."""
    assert answer[0] == 1
    end = 5 + int.from_bytes(answer[1:5], "little")
    frame = decode_frame(answer[5:end])
    assert frame.is_bare
    return plain(frame), _plain(decode_parcel(answer[end:]))


SERVERS: Final = [path for path in TRANSCRIPTS if "server" in read(path)["plays"]]


@pytest.mark.parametrize("path", SERVERS, ids=lambda path: path.stem)
def test_the_server_plays_its_side(path: Path, server: Live) -> None:
    with ExitStack() as stack:
        player = Player(server, stack)
        for step in read(path)["steps"]:
            player.play(step)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_names_itself_its_section_and_its_sides(path: Path) -> None:
    transcript = read(path)
    assert transcript["name"] == path.stem
    assert transcript["spec"].startswith("PROTOCOL.md#")
    assert transcript["plays"]
    assert set(transcript["plays"]) <= {"page", "server"}


def test_a_text_that_json_writes_as_a_number_is_no_match() -> None:
    assert matches([1, {"a": "<id>"}], [1, {"a": 2, "b": 3}])
    for other in ([1, {"a": "2"}], [1.0, {"a": 2}], [True, {"a": 2}], [1], [1, {}], 1):
        assert not matches([1, {"a": "<id>"}], other)


def test_the_last_step_of_a_binary_frame_is_its_segment() -> None:
    text = json.dumps([1, 0, ["part", 0], [[1]]])
    assert plain(decode_frame(binary_form("[1,0]"))) == [1, 0]
    packed = len(text).to_bytes(4, "little") + text.encode() + bytes(-(4 + len(text)) % 8) + b"x"
    assert plain(decode_frame(packed)) == [1, 0, ["part", 0, "78"]]
