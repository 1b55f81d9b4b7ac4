"""The fixtures of the browser tests: a served application for each test, and a network that can be cut.

A file whose pages need another application defines its own `site`.
"""

from collections.abc import Iterator

import pytest

from tests.browser.site import Site
from tests.support.applications import Application
from tests.support.network import Relay, relay
from tests.support.serving import Live, live


@pytest.fixture
def site() -> Application:
    """The application of the test."""
    return Site()


@pytest.fixture
def server(site: Application) -> Iterator[Live]:
    """The server of that application."""
    with live(site.app) as served:
        yield served


@pytest.fixture
def network(server: Live) -> Iterator[Relay]:
    """A network between the browser and that server."""
    with relay(server.port) as between:
        yield between
