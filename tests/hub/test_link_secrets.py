"""What the server keeps of the secret of a link: nothing that would prove it."""

import dataclasses
import gc
import types
from typing import Any

import pytest

from tests.support.hubs import NOBODY, MakeHub, Socket, hello, suspend, visitor
from webipc.access.visitor import RefusedError
from webipc.core.errors import CloseCode

SECRET = "b" * 32
CODE = type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType


def texts_below(root: object) -> set[str | bytes]:
    """Return every text that can be reached from an object, without its code."""
    found: set[str | bytes] = set()
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str | bytes):
            found.add(one)
        elif id(one) not in seen and not isinstance(one, CODE):
            seen.add(id(one))
            waiting += gc.get_referents(one)
    return found


async def test_neither_a_link_nor_its_hub_holds_the_secret_of_a_page(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = suspend(hub, "192.0.2.1")
    texts = texts_below(hub)
    assert connection.link_id in texts
    assert connection.secret_digest in texts
    assert not {SECRET, SECRET.encode(), bytes.fromhex(SECRET)} & texts


async def test_the_secret_resumes_the_link_and_its_digest_does_not(make_hub: MakeHub) -> None:
    hub = make_hub()
    connection = suspend(hub, "192.0.2.1")
    again = hello(connection.link_id, fresh=False)
    for wrong in (connection.secret_digest.hex(), connection.secret_digest.hex()[:32], "c" * 32):
        with pytest.raises(RefusedError) as caught:
            hub.attaches.attach(dataclasses.replace(again, secret=wrong), visitor("192.0.2.1"), NOBODY, Socket(2))
        assert caught.value.code == CloseCode.FORBIDDEN
    assert hub.attaches.attach(again, visitor("192.0.2.1"), NOBODY, Socket(2)) is connection
