"""The fixture `site`: an application in this process and a page of `webipc.testing` that is connected to it.

tests/conftest.py loads this file, so every test can use `site`. A folder or file that needs another application defines
its own `site`. The only channel is `end`.
"""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.support.applications import application
from webipc import IpcMain, WebContents
from webipc.testing import Renderer

Site = tuple[FastAPI, IpcMain, Renderer]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """An application and a page connected to it. When `end` answers, all earlier messages have arrived."""
    app, ipc_main = application()
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        yield app, ipc_main, page


def contents_of(ipc_main: IpcMain, page: Renderer) -> WebContents:
    """Return the tab of a page."""
    contents = ipc_main.from_id(page.web_contents_id)
    assert contents is not None
    return contents
