"""The ids of ports within a link, for either side: whose they are, that none is used twice, and that a restored table
goes on. Twin: js-client/test/core/ports.test.ts
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webipc.core.errors import CloseCode, LimitError, ProtocolError
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Side
from webipc.core.ports import Ports

SIDES = [Side.MAIN, Side.RENDERER]
TWO = Limits(open_ports=2)


def test_a_page_sends_odd_ids_and_a_server_even_ones() -> None:
    assert [Ports[str](Side.RENDERER).open("a"), Ports[str](Side.MAIN).open("a")] == [1, 2]


@pytest.mark.parametrize("side", SIDES)
def test_ids_grow_by_two_and_are_never_used_again(side: Side) -> None:
    ports: Ports[str] = Ports(side)
    first = ports.open("a")
    ports.close(first)
    assert [ports.open("b"), ports.open("c")] == [first + 2, first + 4]
    ports.close_all()
    assert ports.open("d") == first + 6


@pytest.mark.parametrize("side, ids", [(Side.MAIN, [1, 3, 9]), (Side.RENDERER, [2, 4, 10])])
def test_the_peers_ids_have_the_other_parity_and_grow(side: Side, ids: list[int]) -> None:
    ports: Ports[int] = Ports(side)
    for port_id in ids:
        ports.accept(port_id, port_id)
    assert ([ports.get(port_id) for port_id in ids], len(ports)) == (ids, 3)


@pytest.mark.parametrize("side, wrong", [(Side.MAIN, [5, 4, 3, 1, 6, 0, -1]), (Side.RENDERER, [6, 5, 4, 2, 7, 0])])
def test_an_id_that_is_not_the_peers_next_one_is_refused(side: Side, wrong: list[int]) -> None:
    ports: Ports[str] = Ports(side)
    ports.accept(wrong[0], "first")
    ports.close(wrong[0])
    for port_id in wrong:
        with pytest.raises(ProtocolError) as caught:
            ports.accept(port_id, "wrong")
        assert caught.value.close_code == CloseCode.PROTOCOL_ERROR
    assert len(ports) == 0


@pytest.mark.parametrize("side", SIDES)
def test_a_port_that_was_closed_is_known_and_gives_none(side: Side) -> None:
    ports: Ports[str] = Ports(side)
    ours = ports.open("ours")
    theirs = 1 if side is Side.MAIN else 2
    ports.accept(theirs, "theirs")
    assert [ports.close(ours), ports.close(ours), ports.close(theirs)] == ["ours", None, "theirs"]
    assert [ports.get(ours), ports.get(theirs)] == [None, None]


@pytest.mark.parametrize("side", SIDES)
def test_a_port_that_was_never_sent_is_refused_whichever_side_its_id_belongs_to(side: Side) -> None:
    ports: Ports[str] = Ports(side)
    ports.open("ours")
    ports.accept(5 if side is Side.MAIN else 6, "theirs")
    never = [4, 6, 7, 9] if side is Side.MAIN else [3, 5, 8, 10]
    for port_id in never:
        with pytest.raises(ProtocolError):
            ports.get(port_id)
    # An id that the peer has skipped counts as used: it cannot be sent any more.
    assert ports.get(3 if side is Side.MAIN else 4) is None


def test_a_port_beyond_the_limit_takes_no_id() -> None:
    ports: Ports[str] = Ports(Side.RENDERER, TWO)
    first = ports.open("a")
    ports.open("b")
    with pytest.raises(LimitError) as caught:
        ports.open("c")
    assert (caught.value.limit, caught.value.actual, caught.value.allowed) == ("open_ports", 3, 2)
    ports.close(first)
    assert ports.open("d") == 5


def test_room_for_several_ports_is_checked_at_once() -> None:
    ports: Ports[str] = Ports(Side.RENDERER, TWO)
    ports.room_for(2)
    ports.open("a")
    with pytest.raises(LimitError):
        ports.room_for(2)
    assert len(ports) == 1


def test_a_port_of_the_peer_beyond_the_limit_is_refused() -> None:
    ports: Ports[str] = Ports(Side.MAIN, TWO)
    ports.open("ours")
    ports.accept(1, "a")
    with pytest.raises(ProtocolError) as caught:
        ports.accept(3, "b")
    assert caught.value.close_code == CloseCode.TOO_LARGE
    ports.close(1)
    ports.accept(3, "b")


def test_all_are_closed_in_the_order_in_which_they_crossed_the_link() -> None:
    ports: Ports[str] = Ports(Side.MAIN)
    ports.open("first")
    ports.accept(1, "second")
    ports.open("third")
    ports.close(1)
    assert (ports.close_all(), ports.close_all(), len(ports)) == (["first", "third"], [], 0)


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["open", "accept", "get", "close"]), st.integers(0, 20)))


def play(ports: Ports[str], steps: list[Step]) -> list[int | str | None]:
    """Return what each step gives; the class of the error for one that is refused."""
    results: list[int | str | None] = []
    for name, port_id in steps:
        try:
            if name == "open":
                results.append(ports.open(f"port {len(results)}"))
            elif name == "accept":
                results.append(ports.accept(port_id, f"port {len(results)}"))  # type: ignore[func-returns-value] # it is None
            else:
                results.append(ports.get(port_id) if name == "get" else ports.close(port_id))
        except (ProtocolError, LimitError) as error:
            results.append(type(error).__name__)
    return results


@given(st.sampled_from(SIDES), STEPS, STEPS)
def test_restored_ports_go_on_identically(side: Side, before: list[Step], after: list[Step]) -> None:
    limits = Limits(open_ports=4)
    ports: Ports[str] = Ports(side, limits)
    play(ports, before)
    restored: Ports[str] = Ports.restore(side, limits, ports.snapshot())
    assert restored.snapshot() == ports.snapshot()
    assert play(restored, after) == play(ports, after)
    assert restored.close_all() == ports.close_all()


@given(st.lists(st.booleans()))
def test_two_sides_agree_on_every_id(turns: list[bool]) -> None:
    sides: dict[bool, Ports[str]] = {True: Ports(Side.MAIN), False: Ports(Side.RENDERER, DEFAULT_LIMITS)}
    for turn in turns:
        sides[not turn].accept(sides[turn].open("here"), "there")
    assert len(sides[True]) == len(sides[False]) == len(turns)
