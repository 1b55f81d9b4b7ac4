"""What a group costs: a send touches its members alone, leaving costs what was joined, and a member takes few bytes."""

import asyncio
import gc
import threading
import tracemalloc
import uuid
from dataclasses import replace

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, suspend, visitor
from tests.support.logged import troubles
from tests.support.work import calls_of
from webipc import BigInt
from webipc.core.errors import BufferFullError, CloneError, LimitError
from webipc.electron.tab import Tab
from webipc.groups.group import Group, UserTabs
from webipc.hub.hub import Hub
from webipc.link.connection import Connection
from webipc.link.holdings import GROUP_BYTES, LINK_BYTES

MIB = 1_048_576


def group(hub: Hub, name: str) -> Group:
    return Group(lambda: hub.groups, name)


def members(hub: Hub, count: int, *, of: str) -> list[Connection]:
    """Connect so many pages and add their tabs to a group."""
    pages = [connect(hub, f"203.0.{number // 250}.{number % 250}") for number in range(count)]
    for page in pages:
        group(hub, of).add(page.document.tab.contents)
    return pages


def sent(page: Connection) -> list[bytes]:
    """Return the channels of what a page has been sent, in order."""
    return [message.json.split(b'"')[3] for message in page.link.kept.values()]


async def test_a_send_touches_the_members_alone(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = members(hub, 10, of="small")
    small = group(hub, "small")
    small.send("warm")
    among_ten = calls_of(lambda: small.send("news"))
    others = members(hub, 990, of="large")
    assert calls_of(lambda: small.send("news")) == among_ten
    assert [page.link.last for page in pages] == [3] * 10
    assert not any(page.link.last for page in others)


async def test_the_end_of_a_tab_costs_what_it_has_joined(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = members(hub, 1_000, of="all")
    for page in pages:
        for number in range(3):
            group(hub, f"some {number}").add(page.document.tab.contents)

    def leave(page: Connection) -> int:
        hub.end(page, "ended")
        return calls_of(lambda: hub.tabs.destroy(page.document.tab))

    assert leave(pages[0]) == leave(pages[500]) == leave(pages[-1])
    joined = group(hub, "all")
    assert len(joined) == 997


async def test_a_group_is_gone_with_its_last_member(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = members(hub, 20, of="room")
    assert len(hub.groups.named) == 1
    for page in pages[:10]:
        group(hub, "room").discard(page.document.tab.contents)
    for page in pages[10:]:
        hub.end(page, "ended")
        hub.tabs.destroy(page.document.tab)
    assert len(hub.groups.named) == 0
    assert not any(page.document.tab.joined for page in pages)
    group(hub, "room").send("nobody hears this")
    assert len(hub.groups.named) == 0


@pytest.mark.parametrize("count", [1_000, 5_000])
async def test_a_member_takes_about_a_hundred_bytes(make_hub: MakeHub, count: int) -> None:
    hub = make_hub()
    pages = [connect(hub, f"203.0.{number // 250}.{number % 250}") for number in range(count)]
    room = group(hub, "room")
    gc.collect()
    tracemalloc.start(1)
    try:
        for page in pages:
            room.add(page.document.tab.contents)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / count < 110


async def test_the_tabs_of_a_user_are_found_without_looking_at_others(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, f"203.0.113.{number % 250}") for number in range(500)]
    for number, page in enumerate(pages):
        hub.groups.users.add(f"user {number // 2}", page.document.tab)
    ada = UserTabs(lambda: hub.groups, "user 7")
    assert list(ada) == [page.document.tab.contents for page in pages[14:16]]
    ada.send("warm")
    few = calls_of(lambda: ada.send("news"))
    assert [page.link.last for page in pages] == [*[0] * 14, 2, 2, *[0] * 484]
    for page in pages[16:]:
        hub.end(page, "ended")
        hub.tabs.destroy(page.document.tab)
    assert calls_of(lambda: ada.send("news")) == few
    assert len(hub.groups.users) == 8


@pytest.mark.parametrize("user", [7, "7", BigInt(7)])
async def test_a_user_is_named_as_the_identity_is_compared(make_hub: MakeHub, user: int | str) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    hub.groups.users.add("7", page.document.tab)
    UserTabs(lambda: hub.groups, user).send("news")
    assert sent(page) == [b"news"]


async def test_a_uuid_names_a_user_and_what_is_no_identity_is_refused(make_hub: MakeHub) -> None:
    hub = make_hub()
    page, name = connect(hub, "203.0.113.1"), uuid.uuid4()
    hub.groups.users.add(str(name), page.document.tab)
    assert page.document.tab.contents in UserTabs(lambda: hub.groups, name)
    assert repr(UserTabs(lambda: hub.groups, name)) == f"<UserTabs of '{name}', 1 of them>"
    for wrong in (None, True, 7.0, b"7", ["7"], page):
        with pytest.raises(TypeError, match=f"such as user.id; got {type(wrong).__name__}"):
            UserTabs(lambda: hub.groups, wrong)  # type: ignore[arg-type] # that is the point


async def test_what_a_link_without_a_group_takes_is_one_empty_tuple(make_hub: MakeHub) -> None:
    page = connect(make_hub(), "203.0.113.1")
    assert page.document.joined == page.document.tab.joined == ()


async def test_the_message_is_one_object_for_all(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = members(hub, 10, of="room")
    group(hub, "room").send("news", "x" * 5_000)
    assert len({id(page.link.kept[1]) for page in pages}) == 1


async def test_members_that_end_while_it_is_sent_keep_nobody_from_getting_it(
    make_hub: MakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub(kept_messages=3)
    pages = members(hub, 10, of="room")
    for page in pages[::2]:
        for _ in range(3):
            page.document.tab.contents.send("fill")
    group(hub, "room").send("news")
    assert [page.ended for page in pages] == [True, False] * 5
    assert all(sent(page) == [b"news"] for page in pages[1::2])
    assert len(troubles(caplog)) == 5
    # Their pages begin other links in the same tabs.
    assert len(group(hub, "room")) == 10


async def test_the_end_of_one_member_that_ends_another_stops_nothing(make_hub: MakeHub) -> None:
    hub = make_hub(kept_messages=3)
    (first, second, third) = members(hub, 3, of="room")
    for _ in range(3):
        first.document.tab.contents.send("fill")
    end = hub.end

    def end_both(connection: Connection, reason: str) -> None:
        end(connection, reason)
        end(second, reason)
        hub.tabs.destroy(second.document.tab)

    hub.end = end_both  # type: ignore[method-assign] # the owner ends it in the middle of the send
    group(hub, "room").send("news")
    hub.end = end  # type: ignore[method-assign]
    assert first.ended
    assert second.ended
    assert sent(third) == [b"news"]
    assert len(group(hub, "room")) == 2


async def test_what_a_thread_does_takes_effect_in_its_order(make_hub: MakeHub) -> None:
    hub = make_hub()
    page, other = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    contents, room = page.document.tab.contents, group(hub, "room")
    room.add(other.document.tab.contents)

    def work() -> None:
        room.send("before")
        room.add(contents)
        room.send("one")
        contents.send("two")
        hub.broadcast("three", ())
        room.discard(contents)
        room.send("without")
        hub.broadcast("four", ())
        room.add(page.document.frame)
        room.send("five")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    # Nothing before the event loop runs it, whose own calls come first.
    assert contents not in room
    room.send("first of the loop")
    await asyncio.sleep(0)
    assert sent(page) == [b"one", b"two", b"three", b"four", b"five"]
    every = [b"first of the loop", b"before", b"one", b"three", b"without", b"four", b"five"]
    assert sent(other) == every
    assert hub._around.backlog.held == 0


async def test_members_are_those_of_the_moment_when_the_loop_sends(make_hub: MakeHub) -> None:
    hub = make_hub()
    early, late = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    room = group(hub, "room")
    room.add(early.document.tab.contents)
    thread = threading.Thread(target=room.send, args=("news",))
    thread.start()
    thread.join()
    room.discard(early.document.tab.contents)
    room.add(late.document.tab.contents)
    await asyncio.sleep(0)
    assert (sent(early), sent(late)) == ([], [b"news"])


async def test_a_tab_that_is_destroyed_before_the_loop_adds_it_is_not_added(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    room = group(hub, "room")
    thread = threading.Thread(target=room.add, args=(page.document.tab.contents,))
    thread.start()
    thread.join()
    hub.end(page, "ended")
    hub.tabs.destroy(page.document.tab)
    await asyncio.sleep(0)
    assert len(room) == 0
    assert len(hub.groups.named) == 0


async def test_many_threads_leave_a_group_as_one_would(make_hub: MakeHub) -> None:
    hub = make_hub()
    pages = [connect(hub, "203.0.113.1") for _ in range(8)]
    room = group(hub, "room")

    def work(tab: Tab) -> None:
        for number in range(200):
            room.add(tab.contents)
            room.send("news", number)
            list(room)
            assert len(room) <= 8
            room.discard(tab.contents)

    await asyncio.gather(*(asyncio.to_thread(work, page.document.tab) for page in pages))
    await asyncio.sleep(0)
    assert len(hub.groups.named) == 0
    assert not any(page.document.tab.joined for page in pages)


async def test_a_page_without_a_socket_keeps_what_the_group_gets(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = suspend(hub, "203.0.113.1")
    room = group(hub, "room")
    room.add(page.document.tab.contents)
    room.send("news")
    assert sent(page) == [b"news"]


async def test_what_cannot_be_sent_raises_also_where_nobody_would_get_it(make_hub: MakeHub) -> None:
    hub = make_hub(message_bytes=1_000)
    room = group(hub, "room")
    with pytest.raises(CloneError):
        room.send("news", object())
    with pytest.raises(LimitError):
        room.send("news", "x" * 2_000)
    with pytest.raises(TypeError, match="Missing required channel argument"):
        room.send(7)  # type: ignore[arg-type] # that is the point


async def test_who_belongs_to_another_hub_is_refused(make_hub: MakeHub) -> None:
    page = connect(make_hub(), "203.0.113.1")
    other = make_hub()
    for member in (page.document.tab.contents, page.document.frame):
        with pytest.raises(ValueError, match="is not of this IpcMain"):
            group(other, "room").add(member)
    connect(other, "203.0.113.1", Socket())
    with pytest.raises(ValueError, match="is not of this IpcMain"):
        group(other, "room").add(page.document.tab.contents)


async def test_a_page_pays_for_the_groups_that_it_is_in_and_gets_no_more_than_its_share(make_hub: MakeHub) -> None:
    hub = make_hub(memory=4 * MIB)
    page, other = connect(hub, "203.0.113.1"), connect(hub, "203.0.113.2")
    contents = page.document.tab.contents
    for number in range(8):
        group(hub, f"few {number}").add(contents)
    assert hub.account.held == 2 * LINK_BYTES
    for number in range(3_000):
        group(hub, f"many {number}").add(contents)
    refused = 0
    for number in range(3_000, 6_000):
        try:
            group(hub, f"many {number}").add(contents)
        except BufferFullError:
            refused += 1
    joined = len(page.document.tab.joined)
    assert joined + refused == 6_008
    assert 3_000 < joined < 5_000
    assert len(hub.groups.named) == joined
    assert hub.account.held == 2 * LINK_BYTES + (joined - 8) * GROUP_BYTES
    assert not page.ended
    group(hub, "few 0").add(other.document.tab.contents)
    for number in range(6_000):
        group(hub, f"many {number}").discard(contents)
    assert hub.account.held == 2 * LINK_BYTES


async def test_the_next_document_of_a_tab_pays_for_its_groups(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = connect(hub, "203.0.113.1")
    tab = page.document.tab
    for number in range(108):
        group(hub, f"{number}").add(tab.contents)
    assert hub.account.held == LINK_BYTES + 100 * GROUP_BYTES
    hub.end(page, "ended")
    assert hub.account.held == 0
    following = hub.attaches.attach(replace(hello(), token=tab.token), visitor("203.0.113.1"), NOBODY, Socket())
    assert following.document.tab is tab
    assert hub.account.held == LINK_BYTES + 100 * GROUP_BYTES
    group(hub, "one more").add(following.document.frame)
    assert hub.account.held == LINK_BYTES + 101 * GROUP_BYTES


async def test_a_thread_that_adds_too_much_is_told_by_the_log(
    make_hub: MakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub(memory=64 * 1_024)
    page = connect(hub, "203.0.113.1")

    def add() -> None:
        for number in range(1_000):
            group(hub, f"{number}").add(page.document.tab.contents)

    await asyncio.to_thread(add)
    await asyncio.sleep(0)
    assert len(page.document.tab.joined) < 200
    (line,) = troubles(caplog)
    assert "<WebContents #1> is not added to the group '" in line
    assert "memory: at most 65536 allowed" in line
