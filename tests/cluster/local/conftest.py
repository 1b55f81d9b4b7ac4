"""The fixture of the tests of the local bus."""

from collections.abc import AsyncIterator

import pytest

from tests.support.buses import LocalRig, local_rig


@pytest.fixture
async def rig() -> AsyncIterator[LocalRig]:
    async with local_rig() as made:
        yield made
