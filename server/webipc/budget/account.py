"""`Account`: the bytes that one process holds for its peers, and who holds them.

Three levels: the process (`Account`), a payer (an address, or later a person who is logged in), and one link
(`Purse`). A charge is counted in all three at once. Who has to give something back is decided in eviction.py.
"""

import threading
from collections.abc import Hashable

from webipc.budget.eviction import Evictions, Holder
from webipc.budget.share import Share

LEAST_BYTES = 1_048_576
"""What each payer may hold in any case: less than this no page can work with."""


class Payer:
    """Whose bytes are counted together: all links of one address, or of one person."""

    __slots__ = ("is_crowded", "key", "purses", "settle_from")

    def __init__(self, key: Hashable) -> None:
        # An address, or what identifies a person.
        self.key = key
        # Below this many bytes nothing is left that could be given back: it is not searched again.
        self.settle_from = 0
        # It held more than it may when that was last checked: its links have to wait.
        self.is_crowded = False
        self.purses: set[Purse] = set()

    def __repr__(self) -> str:
        return str(self.key)


class Purse:
    """What one link holds. `take` and `give` may be called from any thread."""

    __slots__ = ("_account", "held", "holder", "is_closed", "lasting", "payer")

    def __init__(self, account: "Account", payer: Payer, holder: Holder) -> None:
        self._account = account
        self.payer = payer
        # What has to pay when it holds too much.
        self.holder = holder
        self.held = 0
        # The part of it that the end of the link does not free: what the application's running calls hold.
        self.lasting = 0
        # The link is over.
        self.is_closed = False

    def take(self, size: int, *, lasting: bool = False) -> bool:
        """Charge so many bytes. Return whether the payer may have them; if not, they are charged all the same.

        `lasting`: they are held by a running call, whose end does not depend on the link's.
        """
        account = self._account
        with account.lock:
            may = account.share.take(self.payer, size)
            self.held += size
            if lasting:
                self.lasting += size
        return may

    def give(self, size: int, *, lasting: bool = False) -> None:
        """Give so many bytes back."""
        account = self._account
        with account.lock:
            account.share.give(self.payer, size)
            self.held -= size
            if lasting:
                self.lasting -= size
            if self.is_closed:
                self._leave_if_done()

    @property
    def is_exceeded(self) -> bool:
        """Whether the payer holds more than it may, or all together do."""
        share = self._account.share
        return share.of(self.payer) > share.bound(self.payer) or share.held > share.capacity

    @property
    def is_far_exceeded(self) -> bool:
        """Whether the payer holds an eighth more than it may, or all together an eighth more than there is."""
        share = self._account.share
        return share.of(self.payer) > share.bound(self.payer) * 9 // 8 or share.held > share.capacity * 9 // 8

    def may(self, size: int) -> bool:
        """Tell whether the payer may have so many bytes more."""
        return self._account.share.may(self.payer, size)

    def settle(self) -> None:
        """Have bytes given back where too many are held: it may end any link. In the event loop's thread only."""
        self._account.settle(self.payer)

    def settle_others(self) -> bool:
        """As `settle`, but this link is not ended, and no other one that holds less. Return whether that was enough."""
        self._account.settle(self.payer, self)
        return not self.is_exceeded

    def close(self) -> None:
        """Note that the link is over. What is still charged stays, until it is given back."""
        with self._account.lock:
            self.is_closed = True
            self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self.is_closed and not self.held:
            self._account.forget(self)


class Account:
    """The bytes of a process."""

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes all peers together may hold."""
        self.share: Share[Payer] = Share(limit, min(LEAST_BYTES, limit))
        # Guards all counts: a port gives back in the thread that reads it. Reentrant, because the garbage collector may
        # close a port while its thread holds the lock.
        self.lock = threading.RLock()
        self.evictions = Evictions(self.share)
        self._payers: dict[Hashable, Payer] = {}
        self._is_settling = False
        # As `settle_from` of a payer, for all of them.
        self._settle_from = 0

    @property
    def limit(self) -> int:
        """How many bytes all peers together may hold."""
        return self.share.capacity

    @property
    def held(self) -> int:
        """How many bytes are held now."""
        return self.share.held

    def purse(self, key: Hashable, holder: Holder) -> Purse:
        """Return the purse of a new link, whose payer is `key`."""
        with self.lock:
            payer = self._payers.get(key)
            if payer is None:
                payer = self._payers[key] = Payer(key)
            purse = Purse(self, payer, holder)
            payer.purses.add(purse)
        return purse

    def forget(self, purse: Purse) -> None:
        """Forget a purse that is closed and empty, and its payer with its last one. Called under the lock."""
        payer = purse.payer
        payer.purses.discard(purse)
        if not payer.purses and self._payers.get(payer.key) is payer:
            del self._payers[payer.key]

    def may_begin(self, key: Hashable, size: int) -> bool:
        """Tell whether one more link of a payer may take so many bytes. While the whole is full, the largest pays."""
        payer = self._payers.get(key)
        return payer is None or self.share.of(payer) + size <= self.share.bound(payer)

    def settle(self, payer: Payer, spared: Purse | None = None) -> None:
        """Have `payer` give bytes back if it holds more than it may, and the largest payer while the whole is full.

        `spared` is not ended.
        """
        if self._is_settling:
            # A link that is being evicted releases and posts as it ends.
            return
        self._is_settling = True
        try:
            self._settle_payer(payer, spared)
            self._settle_all(spared)
        finally:
            self._is_settling = False

    def _settle_payer(self, payer: Payer, spared: Purse | None) -> None:
        share, evictions = self.share, self.evictions
        bound = share.bound(payer)
        if share.of(payer) <= max(bound, payer.settle_from):
            return
        evictions.collect(payer, payer.purses, bound * 7 // 8, spared)
        if share.of(payer) > bound * 9 // 8:
            evictions.stop_callers(payer, payer.purses, bound * 7 // 8, spared)
        payer.settle_from = self._next_search(share.of(payer), bound)

    def _settle_all(self, spared: Purse | None) -> None:
        share, evictions = self.share, self.evictions
        if share.held <= max(share.capacity, self._settle_from):
            return
        for largest, size in share.by_size():
            evictions.collect(largest, largest.purses, size * 7 // 8, spared)
            if share.held > share.capacity:
                evictions.stop_callers(largest, largest.purses, size * 7 // 8, spared)
            if share.held <= share.capacity:
                break
        self._settle_from = self._next_search(share.held, share.capacity)

    def _next_search(self, held: int, bound: int) -> int:
        """Return from how many bytes on a search is worth its time again, after one that has left so many."""
        return held + self.share.capacity // 64 if held > bound else 0
