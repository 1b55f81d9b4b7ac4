"""The playground of an application in production that asks who a page is: it is refused, and connects with a token."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.contrast import unreadable
from tests.browser.playground import Page
from tests.support.serving import Live, live
from webipc import IpcMain, IpcMainInvokeEvent

# What is shown does not depend on the browser; the connection itself is tested in all of them.
pytestmark = pytest.mark.engines("chromium")

bearer = HTTPBearer(auto_error=False)


async def user_of(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
    if given is None or given.credentials != "ada.token":
        raise HTTPException(401, "a token, please")
    return "ada"


@pytest.fixture
def server() -> Iterator[Live]:
    app = FastAPI()
    ipc_main = IpcMain(authenticate=user_of, playground=True)
    ipc_main.mount(app)

    @ipc_main.handle("whoami")
    async def whoami(event: IpcMainInvokeEvent) -> str:
        user: str = event.user
        return user

    with live(app) as served:
        yield served


def connect_with(tab: WebDriver, token: str) -> None:
    tab.find_element(By.CSS_SELECTOR, "#notice input").send_keys(token + Keys.ENTER)


def test_a_refused_page_shows_why_lists_nothing_and_connects_with_a_token(tab: WebDriver, server: Live) -> None:
    page = Page(tab, server.url)
    tab.get(page.url)
    page.until_text("#notice", "The server refuses this page.")
    page.until_text("#notice", "Reason: a token, please (4401).")
    page.until_text("#arrivals", "closed: a token, please (4401)")
    assert page.look("document.querySelector('#connection .word').title") == "close code 4401"
    assert unreadable(tab) == []
    page.until_text("#call", "the server answered 401 for its list of channels")
    assert page.text("#channel-list a") == ""
    connect_with(tab, "no token")
    page.until_text("#notice", "expected at most 8192 letters, digits")
    tab.find_element(By.CSS_SELECTOR, "#notice input").clear()
    connect_with(tab, "ada.token")
    page.until_text("#channel-list", "whoami")
    page.until("document.querySelector('#notice').innerText === ''")
    page.call()
    page.until_text(".entry", "ada")


def test_a_page_that_is_refused_again_says_so_again(tab: WebDriver, server: Live) -> None:
    page = Page(tab, server.url)
    tab.get(page.url)
    page.until_text("#notice", "a token, please")
    tab.find_element(By.CSS_SELECTOR, "#notice button").click()
    page.until("document.querySelector('#arrivals').innerText.match(/closed: a token, please/g)?.length === 2")
    page.until_text("#notice", "a token, please")
