"""Pages whose scripts have changed what all objects and arrays inherit, as old libraries do, are pages as any other."""

from typing import Any

import pytest
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.site import Site
from tests.support.serving import Live, wait_until

# Prototype.js 1.6 and its like, a debugging script, and a script that has put a word on every object.
CHANGES = {
    "Prototype.js": """
      Array.prototype.toJSON = function () { return '[' + this.join(', ') + ']' }
      Object.prototype.toJSON = function () { return 'an object' }
      Array.prototype.reduce = function () { return this.length > 1 ? this : this[0] }
      Array.from = (list) => Array.prototype.slice.call(list)
    """,
    "words": "for (const word of ['get', 'set', 'value', 'name']) Object.prototype[word] = () => word",
    "elements": "for (const index of [0, 1, 2, 3]) Array.prototype[index] = 'an element'",
}
# Sends a value in every way, and says at the end which of them came back the same. The page does it by itself, because
# such changes stop a driver as well.
SCRIPT = """
  const { ipcRenderer } = webipc
  const value = { list: [1, [2]], date: new Date(5), map: new Map([[1, { a: 1 }]]), bytes: new Uint8Array([1, 2]) }
  const isSame = ({ list, date, map, bytes }) =>
    list[1][0] === 2 && +date === 5 && map.get(1).a === 1 && bytes[1] === 2
  const same = []
  const note = (way, other) => {
    if (isSame(other)) same.push(way)
    if (same.length === 4) ipcRenderer.send('say', same.sort().join(' '), ipcRenderer.connection.webContentsId)
  }
  note('sync', ipcRenderer.sendSync('sync', value))
  ipcRenderer.on('pushed', (event, pushed) => note('push', pushed))
  ipcRenderer.send('push me', value)
  ipcRenderer.invoke('echo', value).then((echoed) => note('invoke', echoed))
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = ({ data }) => note('port', data)
  ipcRenderer.postMessage('port', null, [port2])
  port1.postMessage(value)
"""


class Changed(Site):
    """An application with a page for each of the changes."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int]] = []
        self.app.get("/changed/{name}")(self._page)
        self.ipc_main.on("sync", self._sync)
        self.ipc_main.on("push me", lambda event, value: event.reply("pushed", value))
        self.ipc_main.on("port", self._port)
        self.ipc_main.remove_all_listeners("say")
        self.ipc_main.on("say", lambda event, *args: self.told.append(args))

    def _page(self, name: str) -> HTMLResponse:
        scripts = (
            f"<script>{CHANGES[name]}</script><script src='/ipc/client.global.js'></script><script>{SCRIPT}</script>"
        )
        return HTMLResponse(f"<!doctype html><title>a page</title><body>{scripts}")

    def _sync(self, event: Any, value: Any) -> None:
        event.return_value = value

    def _port(self, event: Any, value: Any) -> None:
        (port,) = event.ports
        port.on("message", lambda message: port.post_message(message.data))
        port.start()


@pytest.fixture
def site() -> Changed:
    return Changed()


@pytest.mark.parametrize("name", CHANGES)
def test_every_way_to_send_and_to_receive_works_and_a_reload_keeps_the_tab(
    tab: WebDriver, server: Live, site: Changed, name: str
) -> None:
    tab.get(f"{server.url}/changed/{name}")
    wait_until(lambda: len(site.told) == 1, "all values have come back the same")
    tab.get(f"{server.url}/changed/{name}")
    wait_until(lambda: len(site.told) == 2, "they have done so again")
    (first, identity), (second, again) = site.told
    assert first == second == "invoke port push sync"
    assert identity == again
