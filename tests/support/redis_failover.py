"""A Redis with a replica that takes over: two real servers, and an address that leads to one of them, as a virtual IP.

What the primary sends its replica goes through a network of its own, which a test can cut: the replica lacks then what
is written from there on.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from tests.support.network import Relay, relay
from tests.support.redis_server import RedisServer, redis_server
from tests.support.serving import wait_until

# Otherwise a replica is sent nothing for five seconds.
_OPTIONS: Final = ("--repl-diskless-sync-delay", "0")


class RedisFailover:
    """The address, the primary behind it, and the replica that is next. It can be used as a `RedisServer`."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        """`stack` ends what is begun."""
        self._stack = stack
        self._primary = stack.enter_context(redis_server(options=_OPTIONS))
        self._address = stack.enter_context(relay(self._primary.port))
        self._replica: RedisServer | None = None
        self._link: Relay | None = None
        # Ends the network between the two.
        self._between = stack.enter_context(contextlib.ExitStack())
        # How many bytes of what was written the last replica to take over has lacked.
        self.lacked = 0
        # What the last primary had written when it was killed.
        self._written = 0

    @property
    def url(self) -> str:
        """Where it is, whichever server that is."""
        return f"redis://127.0.0.1:{self._address.port}/0"

    @property
    def admin(self) -> Any:
        """A client of the test at the primary of this moment."""
        return self._primary.admin

    @property
    def port(self) -> int:
        """That of the address."""
        return self._address.port

    def add_replica(self) -> None:
        """Begin a replica, and wait until it has all that the primary has."""
        assert self._replica is None
        self._link = self._between.enter_context(relay(self._primary.port))
        self._replica = self._stack.enter_context(redis_server(options=_OPTIONS))
        # Said to it, so that it is none where it is begun again later.
        self._replica.admin.replicaof("127.0.0.1", self._link.port)
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until the replica has all that was written up to now."""
        replica = self._replica
        assert replica is not None
        written = _offset(self.admin)
        wait_until(lambda: _is_linked(replica.admin) and _offset(replica.admin) >= written, "the replica has all")

    def cut_off(self) -> None:
        """Cut the network between the two. The primary goes on taking writes."""
        assert self._link is not None
        self._link.down()
        assert self._replica is not None
        replica = self._replica.admin
        wait_until(lambda: not _is_linked(replica), "the replica has lost its primary")

    def wait_for_writes(self, count: int) -> None:
        """Wait until the primary has written so many more bytes."""
        target = _offset(self.admin) + count
        wait_until(lambda: _offset(self.admin) >= target, f"{count} bytes more are written")

    def fail_over(self) -> None:
        """Kill the primary, and let the replica take over at once."""
        self.kill()
        self.promote()

    def promote(self) -> None:
        """Let the replica of a primary that was killed be one, and let the address lead to it."""
        replica = self._replica
        assert replica is not None
        self.lacked = self._written - _offset(replica.admin)
        replica.admin.replicaof("NO", "ONE")
        self._address.target(replica.port)
        self._primary, self._replica = replica, None
        self._between.close()

    def kill(self) -> None:
        """End the primary at once, with everything that is connected to it."""
        self._written = _offset(self.admin)
        self._primary.kill()
        # As the kernel of its machine does. The network of tests keeps a connection whose other end was reset.
        self._address.cut()

    def start(self) -> None:
        """Begin the primary again, as it was."""
        self._primary.start()


def _offset(admin: Any) -> int:
    """Return how many bytes of the primary's writes a server has."""
    return int(admin.info("replication")["master_repl_offset"])


def _is_linked(admin: Any) -> bool:
    return bool(admin.info("replication").get("master_link_status") == "up")


@contextlib.contextmanager
def redis_failover() -> Iterator[RedisFailover]:
    """Run a primary behind an address; a replica comes when it is asked for."""
    with contextlib.ExitStack() as stack:
        yield RedisFailover(stack)
