"""What the program hears of its calls in a page whose answers are not as they have to be."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, closing, greeted
from tests.support.serving import PATIENCE, Live, live
from webipc import JSError
from webipc.core.errors import ResetError


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def server(site: Site) -> Iterator[Live]:
    with live(site.app) as served:
        yield served


def answered(server: Live, site: Site, page: ClientConnection, answer: str) -> object:
    """Call the page, and let it answer so; return what the program hears of it."""
    frame = site.the_contents().main_frame
    assert frame is not None
    assert server.loop is not None
    calling = asyncio.run_coroutine_threadsafe(frame.execute_javascript("1 + 1"), server.loop)
    seq, _, (kind, call_id, *_) = json.loads(page.recv(PATIENCE))
    assert (kind, call_id) == ("invoke", 2)
    page.send(f"[1,{seq},{answer}]")
    return calling.result(PATIENCE)


def test_a_result_is_returned(site: Site, server: Live) -> None:
    with greeted(server, features=["invoke"]) as page:
        assert answered(server, site, page, '["result",2,2]') == 2


def test_what_the_page_throws_is_raised(site: Site, server: Live) -> None:
    with greeted(server, features=["invoke"]) as page, pytest.raises(JSError, match=r"^not here$"):
        answered(server, site, page, '["error",2,{"message":"not here"}]')


@pytest.mark.parametrize(
    "lie",
    [
        '["result",2,1,[["zz",[]]]]',
        '["error",2,{"message":"x"},[["u",[]]]]',
        '["error",2,{"message":"x"},[["d",["message"]]]]',
        '["error",2,5]',
        '["result",2]',
    ],
)
def test_a_call_whose_answer_lies_is_not_left_waiting(site: Site, server: Live, lie: str) -> None:
    with greeted(server, features=["invoke"]) as page:
        with pytest.raises(ResetError):
            answered(server, site, page, lie)
        assert closing(page)[0] == 4400
