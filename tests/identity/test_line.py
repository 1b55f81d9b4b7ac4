"""Places are given in turn: no address has more than what is left, and who waits longest of each is next."""

import asyncio

import pytest

from tests.support.waiting import settled
from webipc.identity.line import FullError, Line


def line(places: int, waiting: int = 1_000) -> Line:
    return Line(asyncio.get_running_loop(), places, waiting)


def entering(line: Line, payer: str, entered: list[str], name: str = "") -> "asyncio.Task[None]":
    async def enter() -> None:
        await line.enter(payer)
        entered.append(name or payer)

    return asyncio.get_running_loop().create_task(enter())


async def test_one_address_alone_has_half_of_the_places() -> None:
    places, entered = line(8), list[str]()
    waiting = [entering(places, "a", entered) for _ in range(10)]
    await settled()
    assert (entered, places.taken, places.waiting) == (["a"] * 4, 4, 6)
    entering(places, "b", entered)
    await settled()
    assert entered[-1] == "b"
    for task in waiting:
        task.cancel()


async def test_a_place_that_is_given_back_goes_to_the_addresses_in_turn_and_within_one_in_order() -> None:
    places, entered = line(4), list[str]()
    for payer in ("x", "x", "y", "y"):
        await places.enter(payer)
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        entering(places, name[0], entered, name)
    await settled()
    assert entered == []
    for _ in range(6):
        places.leave((["x", "x", "y", "y"] + [name[0] for name in entered])[len(entered)])
        await settled()
    assert entered == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert places.waiting == 0


async def test_the_line_is_bounded_and_one_address_alone_has_half_of_it() -> None:
    places, entered = line(4, waiting=100), list[str]()
    waiting = [entering(places, "a", entered) for _ in range(52)]
    await settled()
    assert (len(entered), places.waiting) == (2, 50)
    with pytest.raises(FullError):
        await places.enter("a")
    entering(places, "b", entered)
    await settled()
    assert entered[-1] == "b"
    for task in waiting:
        task.cancel()


async def test_who_gives_up_leaves_the_line_and_those_behind_move_up() -> None:
    places, entered = line(2), list[str]()
    await places.enter("x")
    await places.enter("x")
    first, _ = entering(places, "a", entered, "first"), entering(places, "a", entered, "second")
    await settled()
    first.cancel()
    await settled()
    assert places.waiting == 1
    places.leave("x")
    await settled()
    assert (entered, places.waiting, places.taken) == (["second"], 0, 2)


async def test_a_place_that_comes_in_the_turn_of_a_timeout_is_not_lost() -> None:
    places, entered = line(2), list[str]()
    await places.enter("x")
    await places.enter("x")
    late = entering(places, "a", entered)
    await settled()
    places.leave("x")
    late.cancel()
    await settled()
    assert (entered, places.taken, places.waiting) == ([], 1, 0)
