"""`IpcMain` in its application: mounting, settings, accepted origins, and its event loop."""

import asyncio
import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.support.applications import application
from webipc import (
    IpcMain,
    WrongLoopError,
)
from webipc.testing import ClosedError, Renderer
from webipc.version import SUBPROTOCOL


def test_an_ipc_main_is_mounted_once_and_under_a_path() -> None:
    app, ipc_main = application()
    with pytest.raises(RuntimeError, match="mounted already"):
        ipc_main.mount(FastAPI())
    with pytest.raises(ValueError, match="prefix"):
        IpcMain().mount(app, prefix="/")
    with pytest.raises(ValueError, match="prefix"):
        IpcMain().mount(app, prefix="ipc")


async def test_an_application_mounted_in_another_works_without_its_own_lifespan() -> None:
    inner, ipc_main = application()
    outer = FastAPI()
    outer.mount("/inner", inner)
    ipc_main.handle("here", lambda event: "here")
    async with Renderer(outer, prefix="/inner/ipc") as page:
        assert await page.invoke("here") == "here"


def test_debug_follows_the_application() -> None:
    app, ipc_main = application()
    assert not ipc_main.debug
    app.debug = True
    assert ipc_main.debug
    assert not IpcMain(debug=False).debug


async def test_secrets_and_payloads_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app, ipc_main = application(debug=True)
    ipc_main.handle("payload", lambda event, text: text)
    async with Renderer(app) as page:
        secret = page._connection.page.secret
        await page.invoke("payload", "a private text")
        await page.disconnect()
        await page.connect()
    assert secret not in caplog.text
    assert "a private text" not in caplog.text


async def test_an_unlisted_origin_is_refused_and_a_listed_one_is_accepted() -> None:
    app, _ = application(origins=["https://app.example"])
    with pytest.raises(ClosedError) as caught:
        async with Renderer(app, origin="https://evil.example"):
            pass
    assert caught.value.close_code == 4403
    with pytest.raises(ClosedError):
        async with Renderer(app, origin=None):
            pass
    async with Renderer(app, origin="https://app.example") as page:
        assert page.connected


async def test_a_missing_origin_is_accepted_with_allow_missing_origin() -> None:
    app, _ = application(allow_missing_origin=True)
    async with Renderer(app, origin=None) as page:
        assert page.connected


def test_a_string_instead_of_a_list_of_origins_is_refused_with_the_correction() -> None:
    with pytest.raises(TypeError, match=r"expected a list of origins, got a string: write \['https://app\.example'\]"):
        IpcMain(origins="https://app.example")


def test_a_page_in_a_second_event_loop_raises_an_error_with_the_reason() -> None:
    app, _ = application()
    with TestClient(app):
        # The client's portal runs requests in its own loop; `asyncio.run` makes the second one.

        async def enter() -> None:
            async with Renderer(app):
                pass

        with pytest.raises(Exception, match="belongs to another event loop"):
            asyncio.run(enter())


def test_a_socket_in_a_second_event_loop_is_refused_until_the_first_loop_has_ended() -> None:
    app, _ = application()
    site = {"origin": "http://testserver"}
    with TestClient(app) as client:
        # Not entered, so this client has no open portal: each of its sockets runs in a new loop.
        other = TestClient(app)
        with (
            pytest.raises(WrongLoopError, match="Use one loop per application"),
            other.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site),
        ):
            pytest.fail("it was let in")
        with client.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site) as socket:
            assert socket.accepted_subprotocol == SUBPROTOCOL
    with (
        TestClient(app) as client,
        client.websocket_connect("/ipc/socket", subprotocols=[SUBPROTOCOL], headers=site) as socket,
    ):
        assert socket.accepted_subprotocol == SUBPROTOCOL
