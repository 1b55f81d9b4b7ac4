"""What every directory promises (`Directory`): the same tests for each kind of bus."""

import asyncio
from functools import partial

import pytest

from tests.support.buses import BusWorker, Rig, until_answered, workers
from tests.support.waiting import until
from webipc.cluster.bus.bus import BusError
from webipc.cluster.bus.directory import Home, Over, Parked, Taken, key_of

LINK, OTHER, PARENT = key_of("link"), key_of("other"), key_of("parent")
TOKEN, NEWER = key_of("token"), key_of("newer")
LONG = 60.0


async def born(worker: BusWorker, *links: str, contents_id: int = 1, token: str = TOKEN) -> None:
    """Let a worker have a tab with these links."""
    for link in links:
        assert await worker.bus.directory.claim(link) is None
    worker.bus.directory.tab_born(contents_id, token)
    assert await worker.bus.directory.where(contents_id) == Home(worker.name, "token")


async def parked(worker: BusWorker, *links: str, contents_id: int = 1, seconds: float = LONG) -> None:
    """Let a worker have a tab, and park it."""
    await born(worker, *links, contents_id=contents_id)
    await worker.bus.directory.park(contents_id, b"snapshot", links, seconds)


async def test_link_has_one_home_of_all_that_claim_it_at_once(rig: Rig) -> None:
    made = await workers(rig, 3)
    places = await asyncio.gather(*[worker.bus.directory.claim(LINK) for worker in made])
    homes = [worker.name for worker, place in zip(made, places, strict=True) if place is None]
    assert len(homes) == 1
    assert [place for place in places if place is not None] == [Home(homes[0])] * 2
    for worker in made:
        assert await worker.bus.directory.find(LINK, None, None) == Home(homes[0], "link")
        assert await worker.bus.directory.claim(LINK) == Home(homes[0])


async def test_nothing_is_known_of_what_was_never_said(rig: Rig) -> None:
    (first,) = await workers(rig, 1)
    assert await first.bus.directory.find(LINK, PARENT, TOKEN) is None
    assert await first.bus.directory.where(1) is None
    assert await first.bus.directory.take(1) is None
    assert await first.bus.directory.leave_word(1, b"word") is False


async def test_link_is_found_before_its_parent_and_that_before_the_token(rig: Rig) -> None:
    first, second, third = await workers(rig, 3)
    assert await first.bus.directory.claim(LINK) is None
    assert await second.bus.directory.claim(PARENT) is None
    await born(third)
    find = first.bus.directory.find
    assert await find(LINK, PARENT, TOKEN) == Home(first.name, "link")
    assert await find(OTHER, PARENT, TOKEN) == Home(second.name, "parent")
    assert await find(OTHER, key_of("unknown"), TOKEN) == Home(third.name, "token")
    assert await find(OTHER, None, TOKEN) == Home(third.name, "token")
    assert await find(OTHER, None, NEWER) is None


async def test_claim_is_given_back_by_the_worker_that_has_it(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    assert await first.bus.directory.claim(LINK) is None
    second.bus.directory.release(LINK)
    assert await second.bus.directory.claim(LINK) == Home(first.name)
    first.bus.directory.release(LINK)
    assert await first.bus.directory.find(LINK, None, None) is None
    assert await second.bus.directory.claim(LINK) is None


async def test_link_that_has_ended_is_over_for_as_long_as_was_said(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    for link, seconds in ((LINK, LONG), (OTHER, 0.2)):
        assert await first.bus.directory.claim(link) is None
        first.bus.directory.link_ended(link, seconds)
    assert await first.bus.directory.find(LINK, PARENT, TOKEN) == Over()
    assert await second.bus.directory.claim(LINK) == Over()
    # Though one that ended before it is remembered for longer.
    await until_answered(lambda: second.bus.directory.find(OTHER, None, None), None)
    assert await second.bus.directory.claim(OTHER) is None
    assert await second.bus.directory.find(LINK, None, None) == Over()


async def test_only_its_home_ends_a_link(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    assert await first.bus.directory.claim(LINK) is None
    second.bus.directory.link_ended(LINK, LONG)
    assert await second.bus.directory.find(LINK, None, None) == Home(first.name)
    # One that is nowhere: of a claim that was given back, for example.
    second.bus.directory.link_ended(OTHER, LONG)
    assert await second.bus.directory.find(OTHER, None, None) == Over()


async def test_parent_that_is_over_is_no_place(rig: Rig) -> None:
    (first,) = await workers(rig, 1)
    assert await first.bus.directory.claim(PARENT) is None
    first.bus.directory.link_ended(PARENT, LONG)
    await born(first)
    assert await first.bus.directory.find(LINK, PARENT, TOKEN) == Home(first.name, "token")
    assert await first.bus.directory.find(LINK, PARENT, None) is None


async def test_tab_is_found_by_each_of_its_tokens_until_it_is_destroyed(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first)
    first.bus.directory.tab_born(1, NEWER)
    # Another worker's word about it counts for nothing.
    second.bus.directory.tab_destroyed(1)
    assert await second.bus.directory.where(1) == Home(first.name, "token")
    for token in (TOKEN, NEWER):
        assert await first.bus.directory.find(LINK, None, token) == Home(first.name, "token")
    first.bus.directory.tab_destroyed(1)
    assert await first.bus.directory.where(1) is None
    for token in (TOKEN, NEWER):
        assert await first.bus.directory.find(LINK, None, token) is None


async def test_worker_that_dies_is_home_to_nothing_that_lives(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    await rig.kill(first)
    await until(lambda: second.lost_workers)
    for place in (await second.bus.directory.find(LINK, None, None), await second.bus.directory.where(1)):
        # Either it is forgotten, or it names a worker that is no member.
        assert place is None or (isinstance(place, Home) and second.bus.members.get(place.worker) is None)


async def test_parked_tab_is_found_by_its_links_its_tokens_and_its_id(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await parked(first, LINK, OTHER)
    find = second.bus.directory.find
    assert await find(LINK, None, None) == Parked(1, "link")
    assert await find(OTHER, None, None) == Parked(1, "link")
    assert await find(key_of("new"), LINK, None) == Parked(1, "parent")
    assert await find(key_of("new"), None, TOKEN) == Parked(1, "token")
    assert await second.bus.directory.where(1) == Parked(1, "token")
    assert await second.bus.directory.claim(LINK) == Parked(1)


async def test_format_of_a_parked_tab_is_told_wherever_it_is_found(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    await first.bus.directory.park(1, b"snapshot", [LINK], LONG, 2)
    find = second.bus.directory.find
    assert await find(LINK, None, None) == Parked(1, "link", 2)
    assert await find(key_of("new"), LINK, TOKEN) == Parked(1, "parent", 2)
    assert await find(key_of("new"), None, TOKEN) == Parked(1, "token", 2)
    assert await second.bus.directory.where(1) == Parked(1, "token", 2)
    assert await second.bus.directory.claim(LINK) == Parked(1, "link", 2)


async def test_parked_tab_is_taken_once_by_three_at_once(rig: Rig) -> None:
    made = await workers(rig, 4)
    first, *takers = made
    await parked(first, LINK, OTHER)
    taken = await asyncio.gather(*[worker.bus.directory.take(1) for worker in takers])
    winners = [worker for worker, one in zip(takers, taken, strict=True) if one is not None]
    assert len(winners) == 1
    assert [one for one in taken if one is not None] == [Taken(b"snapshot", [])]
    home = winners[0].name
    for worker in made:
        assert await worker.bus.directory.find(LINK, None, None) == Home(home)
        assert await worker.bus.directory.find(OTHER, None, None) == Home(home)
        assert await worker.bus.directory.find(key_of("new"), None, TOKEN) == Home(home, "token")
        assert await worker.bus.directory.where(1) == Home(home, "token")


async def test_tokens_are_kept_over_moves(rig: Rig) -> None:
    first, second, third = await workers(rig, 3)
    await parked(first, LINK)
    assert await second.bus.directory.take(1) is not None
    second.bus.directory.tab_born(1, NEWER)
    await second.bus.directory.park(1, b"again", [LINK], LONG)
    assert await third.bus.directory.take(1) == Taken(b"again", [])
    for token in (TOKEN, NEWER):
        assert await first.bus.directory.find(OTHER, None, token) == Home(third.name, "token")
    third.bus.directory.tab_destroyed(1)
    for token in (TOKEN, NEWER):
        assert await third.bus.directory.find(OTHER, None, token) is None


async def test_tab_that_was_parked_outlives_its_worker(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await parked(first, LINK)
    await rig.kill(first)
    await until(lambda: second.lost_workers)
    assert await second.bus.directory.find(LINK, None, None) == Parked(1, "link")
    assert await second.bus.directory.take(1) == Taken(b"snapshot", [])
    assert await second.bus.directory.find(LINK, None, None) == Home(second.name)


async def test_tab_that_is_not_taken_in_time_is_forgotten_with_its_links_and_tokens(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await parked(first, LINK, seconds=0.2)
    await until_answered(lambda: second.bus.directory.where(1), None)
    assert await second.bus.directory.take(1) is None
    assert await second.bus.directory.leave_word(1, b"word") is False
    assert await second.bus.directory.find(LINK, None, TOKEN) is None
    assert await second.bus.directory.claim(LINK) is None


async def test_only_its_home_parks_a_tab(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    with pytest.raises(BusError):
        await second.bus.directory.park(1, b"stolen", [LINK], LONG)
    with pytest.raises(BusError):
        await second.bus.directory.park(2, b"unknown", [], LONG)
    assert await second.bus.directory.find(LINK, None, None) == Home(first.name)
    await first.bus.directory.park(1, b"snapshot", [LINK], LONG)
    with pytest.raises(BusError):
        await first.bus.directory.park(1, b"twice", [LINK], LONG)
    assert await second.bus.directory.take(1) == Taken(b"snapshot", [])


async def test_parking_a_tab_takes_no_link_of_another_worker(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    assert await second.bus.directory.claim(OTHER) is None
    await born(first, LINK)
    await first.bus.directory.park(1, b"snapshot", [LINK, OTHER], LONG)
    assert await first.bus.directory.find(OTHER, None, None) == Home(second.name)
    assert await first.bus.directory.take(1) is not None
    assert await first.bus.directory.find(OTHER, None, None) == Home(second.name)


async def test_words_wait_for_who_takes_a_parked_tab_in_order(rig: Rig) -> None:
    first, second, third = await workers(rig, 3)
    await born(first, LINK)
    assert await second.bus.directory.leave_word(1, b"too early") is False
    await first.bus.directory.park(1, b"snapshot", [LINK], LONG)
    words = [b"%d" % number for number in range(20)] + [bytes(range(256))]
    for word in words:
        assert await second.bus.directory.leave_word(1, word) is True
    assert await third.bus.directory.take(1) == Taken(b"snapshot", words)
    assert await second.bus.directory.leave_word(1, b"too late") is False
    await third.bus.directory.park(1, b"again", [LINK], LONG)
    assert await second.bus.directory.take(1) == Taken(b"again", [])


async def test_words_for_a_parked_tab_are_bounded_in_bytes(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await parked(first, LINK)
    large = bytes(400_000)
    assert [await second.bus.directory.leave_word(1, large) for _ in range(4)] == [True, True, False, False]
    assert await second.bus.directory.leave_word(1, b"small") is True
    assert await second.bus.directory.take(1) == Taken(b"snapshot", [large, large, b"small"])


async def test_words_for_a_parked_tab_are_bounded_in_number(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await parked(first, LINK)
    left = await asyncio.gather(*[second.bus.directory.leave_word(1, b"%d" % number) for number in range(1_010)])
    assert sum(left) == 1_000
    taken = await first.bus.directory.take(1)
    assert taken is not None
    assert len(taken.words) == 1_000


@pytest.mark.parametrize("size", [0, 700_000, 5_000_000])
async def test_snapshot_arrives_as_it_is(rig: Rig, size: int) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    snapshot = bytes(range(256)) * (size // 256)
    await first.bus.directory.park(1, snapshot, [LINK], LONG)
    assert await second.bus.directory.take(1) == Taken(snapshot, [])


async def test_links_of_another_worker_are_told_apart(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    assert await second.bus.directory.claim(OTHER) is None
    unknown = key_of("unknown")
    assert await first.bus.directory.kept([LINK, OTHER, unknown]) == [LINK, unknown]
    await first.bus.directory.park(1, b"snapshot", [LINK], LONG)
    assert await first.bus.directory.kept([LINK, unknown]) == [unknown]


async def test_what_is_noted_once_more_takes_nothing_from_another(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    await born(first, LINK)
    second.bus.directory.note([LINK, OTHER], [(1, TOKEN), (2, NEWER)])
    find = second.bus.directory.find
    assert await find(OTHER, None, None) == Home(second.name)
    assert await find(LINK, None, None) == Home(first.name)
    assert await second.bus.directory.where(1) == Home(first.name, "token")
    assert await second.bus.directory.where(2) == Home(second.name, "token")
    assert await find(key_of("new"), None, TOKEN) == Home(first.name, "token")


async def test_everything_is_forgotten_when_all_of_it_is_over(rig: Rig) -> None:
    first, second = await workers(rig, 2)
    for number in range(20):
        link, token = key_of(f"link {number}"), key_of(f"token {number}")
        await born(first, link, contents_id=number, token=token)
        if number % 2:
            await first.bus.directory.park(number, b"", [link], LONG)
            assert await second.bus.directory.take(number) is not None
        home = second if number % 2 else first
        home.bus.directory.link_ended(link, 0.05)
        home.bus.directory.tab_destroyed(number)
    for number in range(20):
        link, token = key_of(f"link {number}"), key_of(f"token {number}")
        assert await first.bus.directory.where(number) is None
        await until_answered(partial(first.bus.directory.find, link, None, token), None)
        assert await second.bus.directory.find(link, link, token) is None
