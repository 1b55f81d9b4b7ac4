"""An application in this process with a page that is connected to it: what most tests of the server begin with.

The page is the one of `webipc.testing`. tests/conftest.py loads this file, so that every test may ask for `site`; a
folder or a file whose tests want something else has a `site` of its own. Knows no channel but `end`.
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
    """An application and a page that is connected to it; when `end` has answered, all that came before has arrived."""
    app, ipc_main = application()
    ipc_main.handle("end", lambda event: None)
    async with Renderer(app) as page:
        yield app, ipc_main, page


def contents_of(ipc_main: IpcMain, page: Renderer) -> WebContents:
    """Return the tab that a page is in."""
    contents = ipc_main.from_id(page.web_contents_id)
    assert contents is not None
    return contents
