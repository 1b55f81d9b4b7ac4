"""What a page in a browser sees of channels that it may not use, and when a login counts for it."""

from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.site import PAGES, visit
from tests.support.applications import Application
from tests.support.serving import Live
from webipc import IpcMainEvent, IpcMainInvokeEvent, IpcRouter

router = IpcRouter(prefix="secret:")


@router.handle("read")
async def read(event: IpcMainInvokeEvent, number: int) -> str:
    return f"secret {number}"


@router.on("read")
def read_sync(event: IpcMainEvent, number: int) -> None:
    event.return_value = f"secret {number}"


class Site(Application):
    """An application whose secrets are for tabs that have logged in."""

    def __init__(self) -> None:
        super().__init__(pages=PAGES, authorize=self._may)
        self._members: set[int] = set()
        self.ipc_main.include_router(router)
        self.ipc_main.on("login", lambda event: self._members.add(event.sender.id))

    def _may(self, event: Any, channel: str) -> bool:
        return channel == "login" or (event.sender.id in self._members and channel.startswith("secret:"))


@pytest.fixture
def site() -> Application:
    return Site()


OUTCOMES = """
  const outcome = async (call) => {
    try {
      return await call()
    } catch (error) {
      return [error.message, error.code, error.detail]
    }
  }
  const all = async (channel) => [
    await outcome(() => ipcRenderer.invoke(channel, 1)), await outcome(() => ipcRenderer.sendSync(channel, 2)),
  ]
"""


def test_a_page_that_may_not_use_a_channel_cannot_tell_it_from_one_that_is_not_there(
    tab: WebDriver, server: Live
) -> None:
    visit(tab, server.url)
    script = f"(async () => {{ {OUTCOMES} return [await all('secret:read'), await all('none')] }})()"
    secret, none = evaluate(tab, script)
    for outcomes, channel in ((secret, "secret:read"), (none, "none")):
        detail = f"'{channel}' is forbidden for this page: sign in as a user who may use it"
        of_invoke = f"Error invoking remote method '{channel}': Error: {detail}"
        assert outcomes == [[of_invoke, "forbidden", detail], [f"Error: {detail}", "forbidden", detail]]


def test_a_login_counts_for_what_the_page_sends_behind_it_in_the_same_task(tab: WebDriver, server: Live) -> None:
    visit(tab, server.url)
    script = f"""(async () => {{ {OUTCOMES}
      const before = outcome(() => ipcRenderer.invoke('secret:read', 1))
      ipcRenderer.send('login')
      const behind = ipcRenderer.invoke('secret:read', 2)
      return [(await before)[1], await behind, ipcRenderer.sendSync('secret:read', 3)]
    }})()"""
    assert evaluate(tab, script) == ["forbidden", "secret 2", "secret 3"]
