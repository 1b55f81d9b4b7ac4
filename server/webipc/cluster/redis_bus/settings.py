"""`RedisSettings`: the times and sizes of a bus over Redis. Tests have shorter ones, programs have these."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RedisSettings:
    """Times in seconds, sizes in bytes."""

    # How long a worker is taken for alive after it has renewed its lease, and how often it does that.
    lease: float = 5.0
    renew: float = 1.0
    # For so long after Redis has forgotten everything, or is another process, nobody is taken for dead and nothing for
    # unknown.
    settle: float = 10.0
    # How long a question to the directory may take; and after how long without Redis what waits for others gives up.
    ask: float = 2.0
    # How long a connection may take to be made or to answer, before it is made again.
    answer: float = 3.0
    # How long a read of the streams waits for something.
    block: float = 1.0
    # A lost connection is made again after a random time between these.
    again_least: float = 0.1
    again_most: float = 2.0
    # What waits for Redis while it cannot be reached, at most; the oldest is dropped.
    queue_bytes: int = 8_388_608
    queue_seconds: float = 10.0
    # The same while Redis can be reached.
    connected_queue_bytes: int = 67_108_864
    # Something larger is a key of its own, which lives so long.
    large_bytes: int = 524_288
    large_seconds: float = 60.0
    # How many entries a stream keeps, about; and with how many unread ones a worker is called slow.
    stream_entries: int = 65_536
    slow_entries: int = 32_768
    # How much is sent at once, and read at once.
    batch_entries: int = 128
    batch_bytes: int = 1_048_576
    # How long the directory keeps what nobody writes again, and after how long a worker does.
    keep: float = 86_400.0
    note_again: float = 28_800.0
    # How long a mailbox outlives the lease, in which a stopped worker may come back.
    mailbox: float = 3_600.0
    # How long a tab that was taken can be put back.
    put_back: float = 10.0
    # How long the end of a worker waits for what was posted.
    end: float = 2.0
    # From which time of an answer on Redis is called slow.
    slow_answer: float = 0.25


DEFAULT_SETTINGS = RedisSettings()
