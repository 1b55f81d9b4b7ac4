"""The fixture of the contract of buses: workers on each kind of bus in turn."""

from collections.abc import AsyncIterator

import pytest

from tests.support.buses import RIGS, Rig


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Workers on one bus."""
    async with RIGS[request.param]() as made:
        yield made
