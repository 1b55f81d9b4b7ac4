"""Snapshots of tabs: what is in one and what is not, which are refused, and what is left where one cannot be taken."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, visitor
from tests.support.moved import World, comparable
from tests.support.waiting import settled
from webipc.access.caller import AnotherUserError, Caller
from webipc.access.visitor import RefusedError
from webipc.cluster.bus.directory import key_of
from webipc.cluster.bus.rows import RowsError, decode_rows, encode_rows
from webipc.cluster.moves.link_record import NotQuietError
from webipc.cluster.moves.moving import links_of, restore, snapshot
from webipc.cluster.moves.snapshot import FormatError, Heard, Snapshot, SnapshotError
from webipc.core.errors import BufferFullError
from webipc.core.frame import sized
from webipc.core.frame.json_text import Load, load_any_array, load_array
from webipc.electron.message_port_main import MessageChannelMain
from webipc.electron.tab import Tab
from webipc.hub.hub import Hub
from webipc.hub.tabs import digest_of

GOLDEN = Path(__file__).parents[2] / "vectors" / "snapshots"


def golden(name: str = "1.json") -> tuple[dict[str, Any], list[bytes]]:
    """Return the head and the rows of a vector: of a single process, or `1-several.json` of one of several."""
    vector = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return vector["head"], [bytes.fromhex(row) for row in vector["rows"]]


def written(head: Any, rows: list[bytes]) -> bytes:
    return encode_rows([json.dumps(head).encode(), *rows])


async def test_a_tab_of_the_vector_goes_on_as_it_was(make_hub: MakeHub) -> None:
    head, rows = golden()
    hub = make_hub()
    tab = restore(hub, Snapshot.decode(written(head, rows)), visitor("192.0.2.1"))
    again = comparable(snapshot(hub, tab))
    assert again.head == Snapshot.decode(written(head, rows)).head
    assert again.rows == rows
    connections = list(links_of(hub, tab))
    assert [connection.link.kept_count for connection in connections] == [5, 0, 1]
    assert [connection.document.parent for connection in connections] == [None, connections[0].document, None]
    assert tab.shown is connections[2].document


@pytest.mark.parametrize("features, load", [([], load_any_array), (["doubles"], load_array)])
async def test_the_numbers_of_a_page_are_read_as_before(make_hub: MakeHub, features: list[str], load: Load) -> None:
    head, rows = golden()
    head["frames"][0]["features"] = features
    hub = make_hub()
    tab = restore(hub, Snapshot.decode(written(head, rows)), visitor("192.0.2.1"))
    assert next(links_of(hub, tab)).link.load is load


async def test_a_key_of_a_later_version_is_ignored(make_hub: MakeHub) -> None:
    head, rows = golden()
    later = {**head, "later": 1, "contents": {**head["contents"], "later": 1}}
    assert Snapshot.decode(written(later, rows)).head == Snapshot.decode(written(head, rows)).head


async def test_what_one_of_several_processes_adds_is_read_and_may_be_missing(make_hub: MakeHub) -> None:
    head, rows = golden("1-several.json")
    read = Snapshot.decode(written(head, rows))
    # The generation came later.
    assert read.head.model_dump(exclude={"heard": {"generation"}}) == head
    assert read.head.heard == Heard(worker="00000000000000ff", number=7, own=2)
    hub = make_hub()
    tab = restore(hub, read, visitor("192.0.2.1"))
    # The token "0", which its page shows until it is told the next one.
    assert hub.tabs.with_token("0") is tab
    assert hub.tabs.with_token(tab.token) is tab
    assert snapshot(hub, tab, heard=read.head.heard).head.contents.tokens == [digest_of("0"), digest_of(tab.token)]
    hub.let_go(tab, list(links_of(hub, tab)))
    assert hub.tabs.with_token("0") is None
    alone = Snapshot.decode(written(*golden())).head
    assert (alone.heard, alone.contents.tokens) == (None, [])


async def test_the_digest_of_a_token_is_its_key_in_the_directory() -> None:
    assert digest_of("0") == key_of("0")


@pytest.mark.parametrize("format_, shown", [(2, "2"), (0, "0"), ("1", "none"), (True, "True"), (None, "none")])
def test_another_format_is_refused_and_named(format_: object, shown: str) -> None:
    head, rows = golden()
    with pytest.raises(FormatError, match=f"expected a snapshot of format 1, got {shown}: a tab moves between servers"):
        Snapshot.decode(written({**head, "format": format_}, rows))


def _with(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(head: dict[str, Any]) -> None:
        *where, last = (int(key) if key.isdigit() else key for key in path.split("."))
        at: Any = head
        for key in where:
            at = at[key]
        at[last] = value

    return change


@pytest.mark.parametrize(
    "change, text",
    [
        (_with("frames.0.link", "canary"), "its field frames.0.link is wrong"),
        (_with("frames.0.secret", "canary"), "its field frames.0.secret is wrong"),
        (_with("frames.0.core.first", -1), "its field frames.0.core.first is wrong"),
        (_with("frames.0.core.first", "1"), "its field frames.0.core.first is wrong"),
        (_with("contents.id", 0), "its field contents.id is wrong"),
        (_with("frames.0.parent", 0), "expected the parent of document 0 before it, got 0"),
        (_with("documents", [9]), "expected the place of a main document, got 9"),
        (_with("documents", [1]), "expected the place of a main document, got 1"),
        (_with("documents", [0, 0]), "expected each main document once"),
        (_with("frames.0.core.kept", [1]), "rows that the head names"),
    ],
)
def test_a_head_that_is_wrong_is_refused_without_its_values(
    change: Callable[[dict[str, Any]], None], text: str
) -> None:
    head, rows = golden()
    change(head)
    with pytest.raises(SnapshotError, match=text) as caught:
        Snapshot.decode(written(head, rows))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\0", b"\5\0\0\0{}", b"\2\0\0\0{]", b"\2\0\0\0[]", b"\1\0\0\0\xff"])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.decode(data)


def test_rows_come_back_as_they_were_and_cut_ones_are_refused() -> None:
    rows = [b"{}", b"", b"x" * 300]
    data = encode_rows(rows)
    assert decode_rows(data) == rows
    for end in range(1, len(data)):
        if end not in (6, 10):
            with pytest.raises(RowsError):
                decode_rows(data[:end])


async def test_neither_a_secret_nor_a_token_nor_a_user_is_in_it(make_hub: MakeHub) -> None:
    hub = make_hub()
    caller = Caller(NOBODY.attach_scope, "the user of the application", "ada")
    connection = hub.attaches.attach(hello(), visitor("192.0.2.1"), caller, Socket())
    tab = connection.document.tab
    data = snapshot(hub, tab).encode()
    assert b'"identity":"ada"' in data
    assert connection.secret_digest.hex().encode() in data
    for absent in ("b" * 32, tab.token, "the user of the application"):
        assert absent.encode() not in data


async def test_its_next_socket_says_who_the_user_is_and_another_user_does_not_get_it(make_hub: MakeHub) -> None:
    one, other = make_hub(), make_hub()
    ada, bob = (Caller(NOBODY.attach_scope, name, name) for name in ("ada", "bob"))
    connection = one.attaches.attach(hello(), visitor("192.0.2.1"), ada, Socket())
    moved = snapshot(one, connection.document.tab)
    tab = restore(other, moved, visitor("192.0.2.1"))
    assert tab.user is None
    again = hello(connection.link_id, fresh=False)
    with pytest.raises(RefusedError):
        other.attaches.attach(dataclasses.replace(again, secret="c" * 32), visitor("192.0.2.1"), ada, Socket(2))
    other.attaches.attach(again, visitor("192.0.2.1"), ada, Socket(2))
    assert tab.user == "ada"
    with pytest.raises(AnotherUserError):
        other.attaches.attach(again, visitor("192.0.2.1"), bob, Socket(3))


# --- what cannot be written down


async def test_what_runs_is_not_written_down_and_named(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = connect(hub, "192.0.2.1")
    connection.features = ("ports", "invoke")
    tab = connection.document.tab
    channel = MessageChannelMain()
    connection.document.frame.post_message("port", None, [channel.port2])
    with pytest.raises(NotQuietError, match="a port is open"):
        snapshot(hub, tab)
    connection.ports.close_all()
    await settled()
    assert [message.json for message in connection.link.kept.values()][-1] == b'["port-close",2]'
    call = asyncio.ensure_future(connection.outgoing_calls.invoke("do"))
    await settled()
    with pytest.raises(NotQuietError, match="a call into its page waits"):
        snapshot(hub, tab)
    call.cancel()
    await settled()
    connection.unpacking = hub.loop.create_future()
    with pytest.raises(NotQuietError, match="something of it is being decoded"):
        snapshot(hub, tab)
    connection.unpacking = None
    assert snapshot(hub, tab).head.frames[0].ports is not None


async def test_a_document_whose_parent_has_gone_is_not_written_down(make_hub: MakeHub) -> None:
    hub = make_hub()
    main = connect(hub, "192.0.2.1")
    hub.attaches.attach(dataclasses.replace(hello(), parent=main.link_id), visitor("192.0.2.1"), NOBODY, Socket())
    main.bye(0)
    with pytest.raises(NotQuietError, match="the document that embeds it has gone"):
        snapshot(hub, main.document.tab)


# --- where there is no room


def _held(hub: Hub) -> int:
    return hub.account.held


async def test_what_a_tab_holds_is_charged_where_it_goes_on_and_given_back_at_its_end(make_hub: MakeHub) -> None:
    one, other = make_hub(), make_hub()
    connection = connect(one, "192.0.2.1")
    for _ in range(100):
        connection.post_here(sized(b'["send","x",["' + b"y" * 1_000 + b'"]]', ()))
    tab = restore(other, snapshot(one, connection.document.tab), visitor("192.0.2.1"))
    (moved,) = links_of(other, tab)
    assert moved.link.held == connection.link.held <= moved.link.granted
    assert _held(other) >= moved.link.held
    other.end(moved, "ended")
    assert _held(other) == 0


async def test_parts_that_have_arrived_are_charged_as_well() -> None:
    world = World(moves=True)
    try:
        page = world.pages[0]
        world.connect(page)
        page.post("send", "say", value=["x" * 250])
        world.write(page, 2)
        before = world.connection(page)
        assert before is not None
        assert before.holdings.parts > 0
        await world.move()
        after = world.connection(page)
        assert after is not None
        assert after is not before
        assert after.holdings.parts > 0
        world.hub.end(after, "ended")
        assert _held(world.hub) == 0
    finally:
        await world.end()


async def test_nothing_is_left_where_a_tab_does_not_fit(make_hub: MakeHub) -> None:
    head, rows = golden()
    moved = Snapshot.decode(written(head, rows))
    full = make_hub(max_links=2)
    with pytest.raises(RefusedError):
        restore(full, moved, visitor("192.0.2.1"))
    small = make_hub(kept_bytes=10, message_bytes=10, part_bytes=10)
    with pytest.raises(BufferFullError):
        restore(small, moved, visitor("192.0.2.1"))
    for hub in (full, small):
        await settled()
        assert (hub.tabs.all(), list(hub.links), _held(hub)) == ([], [], 0)
        hub._sweeper.sweep()


async def test_a_tab_that_is_here_is_not_taken_again(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = connect(hub, "192.0.2.1")
    moved = snapshot(hub, connection.document.tab)
    with pytest.raises(ValueError, match="expected a tab that is not here; got web contents 1, which are"):
        restore(hub, moved, visitor("192.0.2.1"))
    assert hub.tabs.all() == [connection.document.tab]
    assert list(hub.links) == [connection]


async def test_a_tab_between_two_documents_is_given_up_after_its_time(make_hub: MakeHub) -> None:
    one, other = make_hub(), make_hub()
    connection = connect(one, "192.0.2.1")
    tab: Tab = connection.document.tab
    connection.bye(0)
    assert not list(links_of(one, tab))
    moved = restore(other, snapshot(one, tab), visitor("192.0.2.1"))
    ended: list[bool] = []
    moved.contents.on("destroyed", lambda event: ended.append(True))
    other._sweeper.sweep()
    assert not ended
    other.clock.now += other.limits.goodbye_ms / 1000
    other._sweeper.sweep()
    assert ended
