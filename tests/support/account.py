"""The fixture `account`, behind every test: a hub that has stopped holds nothing for its peers any more.

A charge without its release would make the server refuse pages after days, and no other test would notice.
tests/conftest.py loads this file.
"""

import threading
from collections.abc import Iterator

import pytest

from webipc.budget.account import Account
from webipc.hub.hub import Hub


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Account]]:
    """The accounts of the hubs that stop during the test."""
    stopped: list[Account] = []
    stop = Hub.stop

    async def stop_and_note(self: Hub) -> None:
        await stop(self)
        stopped.append(self.account)

    monkeypatch.setattr(Hub, "stop", stop_and_note)
    yield stopped
    # A handler that runs in a thread keeps what it holds until it returns.
    if not [thread for thread in threading.enumerate() if thread.name.startswith("webipc")]:
        assert [each.held for each in stopped] == [0] * len(stopped), "a charge was not given back"
