"""The link by hand-made cases: the limits, sockets and bodies that the shared transcripts do not go into.

Whole dialogues are in test_transcripts.py, random ones in test_link_machine.py.
"""

import json
from typing import Any

import pytest

from webipc.core.envelope import Part, Result, Send
from webipc.core.errors import (
    BufferFullError,
    CloseCode,
    LimitError,
    LinkEndedError,
    LocalError,
    ProtocolError,
    ResetError,
)
from webipc.core.frame import (
    EncodedMessage,
    binary_form,
    decode_frame,
    encode_control,
    encode_frame,
    encode_parcel,
    sized,
)
from webipc.core.frame.json_text import load_array
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.link import Link, Side
from webipc.core.link.large import Whole, opened
from webipc.core.link.snapshot import snapshot

SIDES = [Side.MAIN, Side.RENDERER]


def message(value: Any, *segments: bytes) -> EncodedMessage:
    return sized(json.dumps(["send", "c", [value]]).encode(), segments)


def open_pair(**limits: int) -> tuple[Link, Link]:
    page, server = Link(Side.RENDERER, Limits(**limits)), Link(Side.MAIN, Limits(**limits))
    assert server.claim(1)
    server.attach(1, page.received)
    page.attach(1, server.received)
    return page, server


def carry(sender: Link, receiver: Link, attempt: int | None = 1) -> list[Any]:
    """Carry everything that may be sent; the values that arrive."""
    values: list[Any] = []
    while (frame := sender.take_frame()) is not None:
        values += values_of(receiver, frame, attempt)
    return values


def values_of(receiver: Link, frame: str | bytes, attempt: int | None = 1) -> list[Any]:
    arrived = receiver.receive(decode_frame(frame), attempt)
    came = [opened(each.parcel, DEFAULT_LIMITS, load_array) if isinstance(each, Whole) else each for each in arrived]
    assert all(isinstance(envelope, Send) for envelope in came)
    return [envelope.value[0] for envelope in came if isinstance(envelope, Send)]


@pytest.mark.parametrize("side", SIDES)
def test_a_new_link_has_nothing(side: Side) -> None:
    link = Link(side)
    assert (link.side, link.first, link.last, link.received, link.kept_count, link.kept_bytes) == (side, 1, 0, 0, 0, 0)
    assert (link.fresh, link.attached, link.attempt, link.ack_owed, link.ack_due) == (True, False, None, False, False)
    assert (link.take_frame(), link.backlog(), link.end()) == (None, [], 0)


def test_kept_bytes_count_what_is_kept() -> None:
    page, server = open_pair()
    first, second = message("a", b"123"), message("b")
    page.post(first)
    page.post(second)
    assert page.kept_bytes == first.size + second.size
    carry(page, server)
    assert page.kept_bytes == first.size + second.size
    page.receive(decode_frame("[1,1]"), 1)
    assert page.kept_bytes == second.size
    page.end()
    assert page.kept_bytes == 0


def test_kept_bytes_follow_a_replacement() -> None:
    page, server = open_pair()
    page.post(message("a" * 100))
    page.post(message("b"))
    carry(page, server)
    page.post(message("c" * 100))
    void = sized(b'["void"]', ())
    page.replace(1, void)
    page.replace(3, void)
    page.replace(4, void)
    page.replace(0, void)
    assert page.kept_bytes == 2 * void.size + message("b").size


def test_a_link_is_full_once_its_next_frame_is() -> None:
    _, server = open_pair()
    for index in range(127):
        server.post(message(index))
    assert not server.is_full
    server.post(message("the last that fits"))
    assert server.is_full
    server.take_frame()
    assert not server.is_full


def test_a_frame_has_at_most_128_messages() -> None:
    page, server = open_pair()
    for index in range(300):
        page.post(message(index))
    frames = []
    while (frame := page.take_frame()) is not None:
        frames.append(decode_frame(frame))
        server.receive(frames[-1], 1)
    assert [len(frame.messages) for frame in frames] == [128, 128, 44]
    assert [frame.seq for frame in frames] == [1, 129, 257]
    assert server.received == 300


@pytest.mark.parametrize("size", [1, 100, 1000, 60_000, 65_400])
def test_a_frame_of_several_messages_stays_within_64_kib(size: int) -> None:
    page, _ = open_pair()
    for index in range(200):
        page.post(message("x" * size, b"y" * (index % 9)))
    sent = 0
    while (frame := page.take_frame(beyond_window=True)) is not None:
        decoded = decode_frame(frame)
        assert decoded.size <= 65_536 or len(decoded.messages) == 1
        sent += len(decoded.messages)
    assert sent == 200


def exchange(sender: Link, receiver: Link, milliseconds: float) -> int:
    """Carry what is unsent, and acknowledge as an old peer does, with so much time between two frames.

    Returns how many frames were sent.
    """
    now, frames = 1.0, 0
    while (frame := sender.take_frame()) is not None:
        frames += 1
        sender.measure(now)
        receiver.receive(decode_frame(frame), 1)
        now += milliseconds
        if receiver.ack_due:
            sender.receive(decode_frame(receiver.bare_frame()), 1)
            sender.measure(now)
    return frames


def test_a_message_of_a_mebibyte_travels_whole_on_a_fast_network_and_one_byte_more_in_parts() -> None:
    empty = message("").size
    page, server = open_pair()
    for _ in range(4):
        page.post(message("x" * 4_000_000))
        exchange(page, server, 0)
    last = page.last
    assert page.post(message("x" * (1_081_344 - empty))) == last + 1
    assert page.post(message("x" * (1_081_345 - empty))) == last + 3
    assert [len(value) for value in carry(page, server)] == [1_081_344 - empty, 1_081_345 - empty]


def test_the_first_message_is_cut_into_pieces_of_64_kib() -> None:
    empty = message("").size
    page, server = open_pair()
    assert page.post(message("x" * (67_584 - empty))) == 1
    assert page.post(message("x" * (67_585 - empty))) == 3
    assert [len(value) for value in carry(page, server)] == [67_584 - empty, 67_585 - empty]


def test_a_link_that_keeps_messages_whole_cuts_only_what_no_frame_holds() -> None:
    empty = message("").size
    page, server = open_pair()
    server.keep_whole()
    for socket in range(2, 4):
        last = server.last
        assert server.post(message("x" * (1_081_344 - empty))) == last + 1
        assert server.post(message("x" * (1_081_345 - empty))) == last + 3
        exchange(server, page, 60_000)
        server.claim(socket)
        server.attach(socket, page.received)
        page.attach(socket, server.received)


def test_what_is_larger_than_a_message_may_be_only_as_a_parcel_is_not_cut() -> None:
    empty = message("").size
    page, server = open_pair(message_bytes=100_000)
    assert page.post(message("x" * (100_000 - empty))) == 1
    assert carry(page, server) == ["x" * (100_000 - empty)]
    with pytest.raises(LimitError):
        page.post(message("x" * (100_001 - empty)))


def test_messages_stay_in_the_link_while_a_window_of_bytes_is_not_acknowledged() -> None:
    page, server = open_pair()
    window = page.window
    for _ in range(200):
        page.post(message("x" * 10_000))
    sent = carry(page, server)
    assert (page.take_frame(), window) == (None, 8 * 67_584)
    assert window <= page.under_way < window + 70_000
    assert window / 10_100 < len(sent) < (window + 70_000) / 10_000
    server.receive(decode_frame(page.take_frame(beyond_window=True) or ""), 1)
    page.receive(decode_frame(server.bare_frame()), 1)
    assert page.under_way < 70_000
    assert len(carry(page, server)) > 0


@pytest.mark.parametrize("piece", [16_896, 67_584])
@pytest.mark.parametrize("sizes", [[16_000_000], [100_000] * 100, [20_000] * 500, [100] * 20_000])
def test_the_window_never_stalls_where_a_peer_acknowledges_by_number_bytes_and_time_alone(
    piece: int, sizes: list[int]
) -> None:
    """As every peer of version 1 does: the least that PROTOCOL.md 6.3 asks."""
    page, server = open_pair()
    page._cut_by(piece)
    for size in sizes:
        page.post(message("x" * size))
    waits = 0
    while page.next <= page.last:
        exchange(page, server, 0)
        if page.next <= page.last:
            # Nothing is due by number or bytes: the second of `ack_ms` is over.
            assert server.ack_owed
            waits += 1
            page.receive(decode_frame(server.bare_frame()), 1)
            page.measure(waits * 1_000)
    # Only a window below the 256 KiB of the rule waits for the time, and it grows by that.
    assert waits <= (2 if piece == 16_896 else 0)


def test_a_lost_socket_leaves_nothing_under_way_and_small_pieces() -> None:
    page, server = open_pair()
    for _ in range(4):
        page.post(message("x" * 4_000_000))
        exchange(page, server, 0)
    page.post(message("x" * 1_000_000))
    carry(page, server)
    assert (page.piece, page.under_way > 0) == (1_081_344, True)
    server.claim(2)
    server.attach(2, page.received)
    page.attach(2, server.received)
    assert (page.piece, page.under_way) == (67_584, 0)


def test_many_small_segments_travel_in_parts_before_their_padding_makes_the_frame_too_large() -> None:
    segments = [b"x" * 89] * 9_800
    whole = sized(json.dumps(["result", 1, "x" * 150_000, [["u", []]]]).encode(), segments)
    assert whole.size < 1_081_344
    page, server = open_pair()
    assert page.post(whole) > 1
    while (frame := page.take_frame(beyond_window=True)) is not None:
        assert decode_frame(frame).size <= DEFAULT_LIMITS.socket_bytes
        came = server.receive(decode_frame(frame), 1)
    (result,) = came
    assert isinstance(result, Result)
    assert len(result.segments) == 9_800


@pytest.mark.parametrize("part_bytes", [1, 7, 30, 60, 61, 1000])
def test_parts_of_any_size_are_joined(part_bytes: int) -> None:
    page, server = open_pair(part_bytes=part_bytes, message_bytes=2000)
    page.post(message("before"))
    page.post(message("x" * 200, b"abc", b"", b"y" * 100))
    page.post(message("behind"))
    assert carry(page, server) == ["before", "x" * 200, "behind"]


def test_the_last_part_says_that_nothing_remains_even_where_the_cut_is_exact() -> None:
    page, _ = open_pair(part_bytes=50, message_bytes=2000)
    parcel_of_100 = message("x" * (100 - 4 - len('[["send", "c", [""]],[[]]]')))
    assert page.post(parcel_of_100) == 2
    remaining = [decode_frame(page.take_frame() or "").messages[0].fields[1] for _ in range(2)]
    assert remaining == [50, 0]


def test_the_segments_of_a_joined_message_cannot_be_written() -> None:
    page, server = open_pair(part_bytes=50, message_bytes=2000)
    page.post(message("x" * 100, b"abc"))
    came: list[Any] = []
    while (frame := page.take_frame()) is not None:
        came += server.receive(decode_frame(frame), 1)
    assert [(bytes(view), view.readonly) for view in came[0].segments] == [(b"abc", True)]


def test_a_large_message_takes_no_number_when_it_does_not_fit() -> None:
    page, _ = open_pair(part_bytes=50, message_bytes=500, kept_messages=4, kept_bytes=600)
    with pytest.raises(LimitError) as caught:
        page.post(message("x" * 500))
    assert (caught.value.limit, caught.value.allowed, type(caught.value)) == ("message_bytes", 500, LimitError)
    with pytest.raises(BufferFullError) as full:
        page.post(message("x" * 200))
    assert (full.value.limit, full.value.actual, full.value.allowed) == ("kept_messages", 5, 4)
    assert (page.last, page.kept_count, page.kept_bytes) == (0, 0, 0)
    assert page.post(message("y")) == 1


def test_bytes_that_do_not_fit_are_refused_and_fit_after_an_acknowledgement() -> None:
    page, server = open_pair(kept_bytes=150)
    page.post(message("x" * 100))
    with pytest.raises(BufferFullError) as full:
        page.post(message("x" * 100))
    assert (full.value.limit, full.value.actual) == ("kept_bytes", 2 * message("x" * 100).size)
    carry(page, server)
    page.receive(decode_frame(server.bare_frame()), 1)
    assert page.post(message("x" * 100)) == 2


def test_an_older_socket_cannot_carry_the_link_again() -> None:
    server = Link(Side.MAIN)
    server.claim(2)
    with pytest.raises(LocalError):
        server.attach(1, 0)
    assert not server.attached
    server.attach(2, 0)
    assert server.attempt == 2


def test_a_claim_takes_the_link_from_the_socket_that_has_it() -> None:
    page, server = open_pair()
    server.post(message("m"))
    page.post(message("p"))
    frame = page.take_frame() or ""
    assert server.claim(2)
    assert (server.attached, server.take_frame(), values_of(server, frame, 1)) == (False, None, [])
    server.detach(1)
    server.attach(2, 0)
    assert values_of(server, frame, 2) == ["p"]
    assert server.take_frame() is not None


def test_a_body_is_read_whichever_socket_owns_the_link() -> None:
    page, server = open_pair()
    page.post(message("p"))
    (frame,) = page.backlog()
    server.claim(2)
    assert values_of(server, binary_form(frame), None) == ["p"]


def test_an_acknowledgement_after_a_body_includes_messages_that_the_socket_has_not_sent() -> None:
    page, server = open_pair()
    for value in "abc":
        page.post(message(value))
    assert [values_of(server, frame, None) for frame in page.backlog()] == [["a", "b", "c"]]
    page.receive(decode_frame(server.bare_frame()), 1)
    assert (page.first, page.kept_count, page.take_frame()) == (4, 0, None)
    page.post(message("d"))
    assert carry(page, server) == ["d"]


def test_a_backlog_fits_including_the_overhead_of_its_frames() -> None:
    page = Link(Side.RENDERER)
    for index in range(20_000):
        page.post(sized(b'["void"]', [b"x"] if index % 3 else []))
    frames = page.backlog(61_440)
    size = sum(4 + len(binary_form(frame)) for frame in frames)
    handed = sum(len(decode_frame(frame).messages) for frame in frames)
    assert size <= 61_440
    assert page.was_handed(handed)
    assert not page.was_handed(handed + 1)


def test_a_backlog_does_not_count_as_an_acknowledgement() -> None:
    page, server = open_pair()
    server.post(message("m"))
    carry(server, page)
    page.post(message("p"))
    assert decode_frame(page.backlog()[0]).ack == 1
    assert page.ack_owed


def test_of_a_control_frame_the_acknowledgement_is_read() -> None:
    page, server = open_pair()
    server.post(message("m"))
    carry(server, page)
    assert server.receive(decode_frame(encode_control(1, "bye", 0)), 1) == []
    assert server.kept_count == 0
    with pytest.raises(ProtocolError):
        server.receive(decode_frame(encode_control(2, "bye", 0)), 1)


def test_repeated_messages_are_not_parsed() -> None:
    _, server = open_pair()
    server.receive(decode_frame('[1,0,["void"]]'), 1)
    assert server.receive(decode_frame('[1,0,["nonsense"]]'), 1) == []


def test_a_wrong_message_is_refused_with_its_own_code() -> None:
    _, server = open_pair(channel_length=3)
    with pytest.raises(ProtocolError) as caught:
        server.receive(decode_frame('[1,0,["send","abcd",[]]]'), 1)
    assert caught.value.close_code == CloseCode.TOO_LARGE
    assert server.received == 0


@pytest.mark.parametrize("received", [1, -1])
def test_a_refused_attach_leaves_the_link_as_it_was(received: int) -> None:
    link = Link(Side.RENDERER)
    link.post(message("a"))
    before = snapshot(link)
    with pytest.raises(ResetError) as caught:
        link.attach(1, received)
    assert caught.value.reason == "gap"
    assert snapshot(link) == before


def test_nothing_can_be_posted_on_a_link_that_is_over() -> None:
    page, server = open_pair()
    page.post(message("a"))
    page.post(message("b"))
    frame = page.take_frame() or ""
    assert (page.end(), page.attached, page.take_frame(), page.backlog()) == (2, False, None, [])
    with pytest.raises(LinkEndedError):
        page.post(message("c"))
    server.end()
    assert server.receive(decode_frame(frame), 1) == []
    assert server.receive(decode_frame(frame), None) == []
    assert (page.was_handed(2), page.was_handed(3)) == (True, False)


def test_an_empty_part_is_refused() -> None:
    _, server = open_pair()
    with pytest.raises(ProtocolError, match="do not add up"):
        server.receive(decode_frame(encode_frame(1, 0, [sized(b'["part",9]', [b""])])), 1)


def test_the_received_parts_of_a_parcel_are_given_up_at_the_end() -> None:
    _, server = open_pair(part_bytes=50, message_bytes=500)
    server.receive(decode_frame(encode_frame(1, 0, [sized(b'["part",9]', [b"x"])])), 1)
    server.end()
    assert (snapshot(server)["parcel"], snapshot(server)["remaining"]) == (b"", 0)


def test_a_snapshot_holds_plain_values_that_the_link_does_not_share() -> None:
    page, server = open_pair(part_bytes=50, message_bytes=500)
    page.post(message("x" * 100, b"abc"))
    server.receive(decode_frame(page.take_frame() or ""), 1)
    for link in (page, server):
        state = snapshot(link)
        plain = json.dumps(state, default=bytes.hex)
        carry(page, server)
        assert json.dumps(state, default=bytes.hex) == plain


def test_a_parcel_may_exceed_the_limit_by_what_its_layout_takes() -> None:
    _, server = open_pair(part_bytes=50, message_bytes=500)
    text = '["send","n",["%s"]]' % ("x" * (500 - len('["send","n",[""]]')))
    parcel = encode_parcel(sized(text.encode(), []))
    assert len(parcel) > 500
    (came,) = server.receive(decode_frame(encode_frame(1, 0, [sized(b'["part",0]', [parcel])])), 1)
    assert isinstance(came, Send)
    assert came.value == ["x" * (500 - len('["send","n",[""]]'))]
    with pytest.raises(ProtocolError) as refusal:
        server.receive(decode_frame(encode_frame(2, 0, [sized(b'["part",1525]', [b"x"])])), 1)
    assert refusal.value.close_code == CloseCode.TOO_LARGE


def test_a_part_is_never_delivered() -> None:
    page, server = open_pair(part_bytes=50, message_bytes=500)
    page.post(message("x" * 100))
    came = [envelope for frame in page.backlog() for envelope in server.receive(decode_frame(frame), None)]
    assert [type(envelope) for envelope in came] == [Send]
    assert not any(isinstance(envelope, Part) for envelope in came)
