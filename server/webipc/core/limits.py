"""The named limits of PROTOCOL.md section 9, in one frozen object.

Code that enforces a limit takes it from this object by name, so that no number is written twice.
Twin: js-client/src/core/limits.ts
"""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes, milliseconds and counts, as the names say. Lower limits are for tests and small machines.

    `ValueError` when one is not a non-negative integer.
    """

    channel_length: int = 4_096  # UTF-16 code units of a channel
    message_bytes: int = 33_554_432  # one message, as it travels: its parcel if it is cut
    part_bytes: int = (
        1_081_344  # the size above which a message travels in parts, and the largest piece: 1 MiB fits whole
    )
    frame_messages: int = 128  # messages in one frame
    frame_bytes: int = 65_536  # a frame of more than one message
    socket_bytes: int = 1_114_112  # one frame at the receiver
    body_bytes: int = 71_303_168  # the body of a request
    body_ms: int = 60_000  # from the beginning of a request to the end of its body; a beacon has half of it
    body_silence_ms: int = 10_000  # between two bytes of a body
    beacon_bytes: int = 61_440  # the messages in a beacon
    depth: int = 512  # arrays and objects within each other in a value
    nodes: int = 1_000_000  # nodes reached in a value with references
    fixups: int = 100_000  # fixups of one message
    segments: int = 10_000  # segments of one message
    bigint_digits: int = 262_144  # hexadecimal digits of a BigInt
    kept_messages: int = 100_000  # messages that a sender keeps, and that wait in the ports of a link
    kept_bytes: int = 67_108_864  # bytes that a sender keeps, and that wait in the ports of a link
    open_calls: int = 65_536  # calls of a peer that wait for an answer
    open_ports: int = 10_000  # ports of a link that are open
    ack_messages: int = 64  # messages after which a bare frame acknowledges
    ack_bytes: int = 262_144  # bytes after which a bare frame acknowledges
    ack_ms: int = 1_000  # time after which a bare frame acknowledges
    hello_bytes: int = 65_536  # the first frame of a socket or a body
    hello_ms: int = 10_000  # from the opening of a socket to its hello
    ask_ms: int = 6_000  # from a hello to the answer of the application who its user is
    heartbeat_ms: int = 15_000  # between two frames of a server
    silence_ms: int = 40_000  # without a byte before the socket is doubted
    unread_ms: int = 600_000  # the same for a page that has not read all that was sent, and whose network answers
    close_ms: int = 10_000  # from a close frame of a server to the end of the connection
    probe_ms: int = 5_000  # from a page's probe to the end of the socket
    answer_page_ms: int = 5_000  # silence after which a page answers a bare frame
    answer_server_ms: int = 1_000  # silence after which a server answers a bare frame
    grace_ms: int = 60_000  # without a socket before a link ends
    unattached_grace_ms: int = 10_000  # the same for a link that only a request has touched
    ask_again_ms: int = 15_000  # the same after the page was asked to come again as who it is now
    sync_ms: int = 30_000  # from a sync to its answer
    goodbye_ms: int = 5_000  # from bye to the end of the link, and from there to the end of its web contents

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{field.name} must be a non-negative integer, not {value!r}")


DEFAULT_LIMITS: Final = Limits()
