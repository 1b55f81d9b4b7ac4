"""The ids of tabs, documents and frames: each process gives its own, and a single one gives 1, 2, 3."""

import pytest

from webipc.electron.ids import MOST_ORDINAL, Ids

SAFE_INTEGER = (1 << 53) - 1


def test_a_single_process_counts_tabs_documents_and_frames_from_one_each() -> None:
    ids = Ids()
    assert [ids.contents() for _ in range(3)] == [1, 2, 3]
    assert [ids.routing() for _ in range(3)] == [1, 2, 3]
    assert [ids.tree_node() for _ in range(3)] == [1, 2, 3]


def test_two_processes_never_give_the_same_id() -> None:
    one, other = Ids(1), Ids(2)
    given = [give() for ids in (one, other) for give in (ids.contents, ids.contents, ids.routing, ids.tree_node)]
    assert given[:4] == [(1 << 32) + 1, (1 << 32) + 2, (1 << 32) + 1, (1 << 32) + 1]
    assert not {*given[:4]} & {*given[4:]}


def test_every_id_is_a_safe_integer_of_the_page() -> None:
    last = Ids(MOST_ORDINAL)
    assert last.contents() + (1 << 32) - 2 == SAFE_INTEGER


@pytest.mark.parametrize("ordinal", [-1, MOST_ORDINAL + 1])
def test_an_ordinal_that_pages_could_not_read_is_refused(ordinal: int) -> None:
    with pytest.raises(ValueError, match=r"expected the ordinal of a process from 0 to 2,097,151; got"):
        Ids(ordinal)
