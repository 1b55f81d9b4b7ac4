"""Which worker a browser gets: always the same one, evenly, and another one only while its own is away."""

from collections import Counter

from webipc.cli.acceptor.rendezvous import by_rank

KEYS = [f"{number:032x}".encode() for number in range(3_000)]


def test_the_order_depends_on_the_key_alone() -> None:
    for key in KEYS[:100]:
        assert by_rank(key, [3, 1, 2]) == by_rank(key, {1: "", 2: "", 3: ""})


def test_all_slots_get_about_the_same() -> None:
    counts = Counter(by_rank(key, range(1, 6))[0] for key in KEYS)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert min(counts.values()) > 500


def test_without_a_slot_only_its_own_browsers_go_elsewhere_and_they_are_spread() -> None:
    stand_ins: Counter[tuple[int, int]] = Counter()
    for key in KEYS:
        first, second, *_ = by_rank(key, [1, 2, 3, 4])
        assert by_rank(key, [one for one in (1, 2, 3, 4) if one != first])[0] == second
        stand_ins[first, second] += 1
    assert len(stand_ins) == 12


def test_without_a_slot_nobody_is_named() -> None:
    assert by_rank(b"key", []) == []
