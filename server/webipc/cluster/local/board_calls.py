"""What a worker may say, state in the directory and ask of it, by name: at the parent, on a `Switchboard`.

Only what is asked has an answer: a value of JSON, and bytes. All of it raises ValueError, TypeError or LookupError for
wrong arguments, and BusError where the directory says so.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from webipc.cluster.board.stream import Kept
from webipc.cluster.board.switchboard import Switchboard
from webipc.cluster.bus.rows import encode_rows
from webipc.cluster.local.values import array, key_or_none, place_value, seconds, text, texts, whole

Args = Sequence[Any]
Answered = tuple[Any, bytes]

SINCE_BYTES: Final = 1_048_576
"""One answer to `since` ends behind the message with which it has so many bytes, or `SINCE_MESSAGES` messages."""
SINCE_MESSAGES: Final = 1_000


def _release(board: Switchboard, worker: str, args: Args) -> None:
    board.places.release(worker, text(args[0]))


def _link_ended(board: Switchboard, worker: str, args: Args) -> None:
    board.places.link_ended(worker, text(args[0]), seconds(args[1]))


def _tab_born(board: Switchboard, worker: str, args: Args) -> None:
    board.places.tab_born(worker, whole(args[0]), text(args[1]))


def _tab_destroyed(board: Switchboard, worker: str, args: Args) -> None:
    board.places.tab_destroyed(worker, whole(args[0]))


def _note(board: Switchboard, worker: str, args: Args) -> None:
    tabs = [(whole(array(tab)[0]), text(array(tab)[1])) for tab in array(args[1])]
    board.places.note(worker, texts(args[0]), tabs)


STATED: Final[dict[str, Callable[[Switchboard, str, Args], None]]] = {
    "release": _release,
    "link-ended": _link_ended,
    "tab-born": _tab_born,
    "tab-destroyed": _tab_destroyed,
    "note": _note,
}


def _post(board: Switchboard, worker: str, args: Args, payload: bytes) -> None:
    board.post(worker, text(args[0]), (payload,))


def _post_all(board: Switchboard, worker: str, _args: Args, payload: bytes) -> None:
    board.post_all(worker, (payload,))


def _state(board: Switchboard, worker: str, args: Args, _payload: bytes) -> None:
    STATED[text(args[0])](board, worker, args[1:])


def _lost_post(board: Switchboard, _worker: str, args: Args, _payload: bytes) -> None:
    board.gap(text(args[0]))


def _lost_posts_to_all(board: Switchboard, worker: str, args: Args, _payload: bytes) -> None:
    board.missed(worker, whole(args[0]))


def _change(board: Switchboard, worker: str, args: Args, _payload: bytes) -> None:
    changes = args[0]
    if not isinstance(changes, dict):
        raise ValueError("expected an object with what has changed")  # noqa: TRY004 - one class for all that is wrong
    is_draining, pages = changes.get("is_draining"), changes.get("pages")
    board.change(
        worker,
        is_draining=is_draining if isinstance(is_draining, bool) else None,
        pages=None if pages is None else whole(pages),
    )


SAID: Final[dict[str, Callable[[Switchboard, str, Args, bytes], None]]] = {
    "post": _post,
    "post-all": _post_all,
    "state": _state,
    "lost-post": _lost_post,
    "lost-posts-to-all": _lost_posts_to_all,
    "change": _change,
}


def _find(board: Switchboard, _worker: str, args: Args, _payload: bytes) -> Answered:
    return place_value(board.places.find(text(args[0]), key_or_none(args[1]), key_or_none(args[2]))), b""


def _claim(board: Switchboard, worker: str, args: Args, _payload: bytes) -> Answered:
    return place_value(board.places.claim(worker, text(args[0]))), b""


def _where(board: Switchboard, _worker: str, args: Args, _payload: bytes) -> Answered:
    return place_value(board.places.where(whole(args[0]))), b""


def _park(board: Switchboard, worker: str, args: Args, payload: bytes) -> Answered:
    # A worker of an earlier version does not tell it.
    written_as = whole(args[3]) if len(args) > 3 else 0  # noqa: PLR2004 - the fourth
    board.places.park(worker, whole(args[0]), payload, texts(args[1]), seconds(args[2]), written_as)
    return None, b""


def _take(board: Switchboard, worker: str, args: Args, _payload: bytes) -> Answered:
    taken = board.places.take(worker, whole(args[0]))
    return (False, b"") if taken is None else (True, encode_rows([taken.snapshot, *taken.words]))


def _leave_word(board: Switchboard, _worker: str, args: Args, payload: bytes) -> Answered:
    return board.places.leave_word(whole(args[0]), payload), b""


def _kept(board: Switchboard, worker: str, args: Args, _payload: bytes) -> Answered:
    return board.places.kept(worker, texts(args[0])), b""


def _since(board: Switchboard, _worker: str, args: Args, _payload: bytes) -> Answered:
    """Answer with some of what was said to all, and whether there is more; null where some is not kept any more."""
    kept = board.since(whole(args[0]), SINCE_MESSAGES + 1)
    if kept is None:
        return None, b""
    some: list[Kept] = []
    size = 0
    for one in kept[:SINCE_MESSAGES]:
        if size >= SINCE_BYTES:
            break
        some.append(one)
        size += sum(map(len, one.rows))
    heads = [[one.number, one.own, one.origin] for one in some]
    return [len(some) < len(kept), heads], encode_rows(row for one in some for row in one.rows)


ASKED: Final[dict[str, Callable[[Switchboard, str, Args, bytes], Answered]]] = {
    "find": _find,
    "claim": _claim,
    "where": _where,
    "park": _park,
    "take": _take,
    "leave-word": _leave_word,
    "kept": _kept,
    "since": _since,
}
