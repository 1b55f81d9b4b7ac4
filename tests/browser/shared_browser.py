"""One browser in which users change: an application with logins, and everything that it has for one page of a user.

The pages are in pages/frames/. They note what the server sends on the channel `say`, as `heard`.
"""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.framed import FRAMES
from tests.support.serving import Live, wait_until
from tests.support.users import Users
from webipc import IpcMainEvent, MessagePortMain, WebContents

BEGIN = """(() => {
  window.port = new MessageChannel()
  port.port1.onmessage = ({ data }) => heard.push([data])
  ipcRenderer.postMessage('port', null, [port.port2])
  ipcRenderer.send('later')
  window.outcome = ipcRenderer.invoke('slow').catch((error) => error.reason)
  return ipcRenderer.invoke('join')
})()"""
"""Lets the application have all that it can have of a page."""
NOTES = {"kept", "pushed", "to the frame", "to the group", "to the user", "port", "by the sender", "a reply"}
"""What the first user gets of it in the end, if nothing happens meanwhile."""


class SharedSite(Users):
    """An application for pages whose users change."""

    def __init__(self, pages: Path = FRAMES, **settings: Any) -> None:
        super().__init__(pages=pages, **settings)
        self.app.get("/as/{name}")(self._log_in)
        self.app.get("/as-nobody")(self._log_out)

    def _log_in(self, name: str) -> Response:
        """Log in by a link, as a page for that would."""
        response = RedirectResponse(f"/frame.html?{name}", 303)
        response.set_cookie("user", name, httponly=True)
        return response

    def _log_out(self) -> Response:
        response = RedirectResponse("/frame.html", 303)
        response.delete_cookie("user")
        return response


class Everything:
    """All that the application has for one page of a user: what runs, waits, is open, or was joined."""

    def __init__(self, site: SharedSite, server: Live) -> None:
        self._site = site
        self._server = server
        self._go_on = asyncio.Event()
        self._ports: list[MessagePortMain] = []
        # Who ran what.
        self.ran: list[tuple[str, str]] = []
        ipc_main = site.ipc_main
        ipc_main.handle("slow", self._slow)
        ipc_main.on("later", self._later)
        ipc_main.on("port", self._port)
        ipc_main.handle("join", lambda event: ipc_main.group("lab").add(event.sender))

    def begin(self, tab: WebDriver) -> WebContents:
        """Let the page of the tab begin everything. Return its web contents."""
        evaluate(tab, BEGIN)
        wait_until(lambda: self._ports and len(self.ran) == 2, "everything has begun")
        return contents_of(self._site, tab)

    def end(self, contents: WebContents) -> None:
        """Let everything that has begun go on to its end, and push in every way."""
        frame = contents.main_frame if not contents.is_destroyed() else None

        def send() -> None:
            self._go_on.set()
            if not contents.is_destroyed():
                contents.send("say", "pushed")
            if frame is not None and not frame.is_destroyed():
                frame.send("say", "to the frame")
            self._site.ipc_main.group("lab").send("say", "to the group")
            self._site.ipc_main.to(user="ada").send("say", "to the user")
            self._ports[0].post_message("port")

        self._server.call(send)
        wait_until(lambda: len(self.ran) == 4, "what ran has ended")

    def _port(self, event: IpcMainEvent, message: None) -> None:
        self._ports += event.ports
        event.ports[0].start()

    async def _slow(self, event: Any) -> str:
        self.ran.append((event.user.id, "begins"))
        await self._go_on.wait()
        self.ran.append((event.user.id, "ends"))
        if not event.sender.is_destroyed():
            event.sender.send("say", "by the sender")
        return "an answer"

    async def _later(self, event: Any) -> None:
        self.ran.append((event.user.id, "begins"))
        await self._go_on.wait()
        self.ran.append((event.user.id, "ends"))
        event.reply("say", "a reply")


def contents_of(site: SharedSite, tab: WebDriver) -> WebContents:
    """Return the web contents of the document that the tab shows, or in which its driver is."""
    contents = site.ipc_main.from_id(evaluate(tab, "connection.webContentsId"))
    assert contents is not None
    return contents


def show(tab: WebDriver, url: str, *, at: str | None = None) -> None:
    """Load a page, and wait until it is connected. `at` is where a redirect leads to."""
    tab.get(url)
    # WebKitGTK's driver may still be on the previous page.
    wait_until(lambda: tab.current_url == (at or url), f"the page is shown, not {tab.current_url}")
    evaluate(tab, "window.opened")


def log_in(tab: WebDriver, name: str | None) -> None:
    """Replace the cookie of the browser, by the page of the tab. Nothing is told to any connection."""
    path = "/logout" if name is None else f"/login/{name}"
    assert evaluate(tab, f"fetch('{path}', {{ method: 'POST' }}).then(({{ ok }}) => ok)")


def show_as(tab: WebDriver, url: str, name: str) -> None:
    """Load frame.html as this user."""
    show(tab, f"{url}/as/{name}", at=f"{url}/frame.html?{name}")


def who(tab: WebDriver) -> str | None:
    """Return as whom the page of the tab calls. What was sent to the page before has arrived then."""
    name: str | None = evaluate(tab, "ipcRenderer.invoke('me')")
    return name


def heard(tab: WebDriver) -> list[str]:
    """Return what the page has heard, after all that was sent to it has arrived."""
    return [args[0] for args in evaluate(tab, "ipcRenderer.invoke('me').then(() => heard.splice(0))")]
