"""Pages into which foreign HTML was injected, without any script of it: neither which scripts run, nor which
server is used, nor who hears `sendToHost` is chosen by an element.

A strict policy lets no injected script run by itself, so what is left are the elements that scripts of the page read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.applications import Application
from tests.support.serving import Live, live, wait_until

# `strict-dynamic` lets the scripts run that a trusted script adds, wherever they come from.
POLICY = "script-src 'nonce-YQ==' 'strict-dynamic'; require-trusted-types-for 'script'; trusted-types webipc"
PAGE = "<!doctype html><html><head><title>a page</title>{head}</head><body>{body}</body></html>"
CLIENT = "<script nonce='YQ==' src='/ipc/client.global.js'></script>"
PRELOAD = "<script nonce='YQ==' src='/ipc/preload.js'></script>"

# Elements that have the names of what the client, the loader and the `electron` module read of the document.
HIDING = "".join(
    f"<img name={name}>"
    for name in (
        *("currentScript", "head", "baseURI", "referrer", "hidden", "readyState", "scripts", "featurePolicy"),
        *("addEventListener", "querySelector", "createElement", "write"),
    )
) + "".join(f"<a id={name} href='https://evil.example/'></a>" for name in ("webipc", "require", "shop", "trustedTypes"))


class Site(Application):
    """An application whose page the test writes. Its two preload scripts note that they have run."""

    def __init__(self, folder: Path, name: str) -> None:
        for part in ("first", "second"):
            (folder / f"{part}-{name}.js").write_text(f"(window.ran ??= []).push('{part} of {name}')")
        (folder / f"expose-{name}.js").write_text(
            "require('electron').contextBridge.exposeInMainWorld('shop', { isOpen: true })"
        )
        files = [folder / f"{part}-{name}.js" for part in ("first", "second", "expose")]
        super().__init__(preload=files)
        self.head = self.body = ""
        self.said: list[Any] = []
        self.ipc_main.on("say", lambda event, *args: self.said.append(args))
        self.app.get("/")(self._page)

    def _page(self) -> HTMLResponse:
        text = PAGE.format(head=self.head, body=self.body)
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The application whose page is attacked."""
    return Site(tmp_path, "page")


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[Live]:
    """The server of the attacker, which has everything that a server of webipc has."""
    with live(Site(tmp_path, "evil").app) as served:
        yield served


def until(tab: WebDriver, expression: str) -> None:
    wait_until(lambda: tab.execute_script(f"return Boolean({expression})"), expression)


@pytest.mark.parametrize("kind", ["classic", "module"])
def test_no_element_chooses_the_preload_scripts(
    tab: WebDriver, site: Site, server: Live, evil: Live, kind: str
) -> None:
    address = f"{evil.url}/ipc/preload.js"
    injected = f"<img name=currentScript src='{address}'><script src='{address}'></script>"
    site.body = injected + (PRELOAD if kind == "classic" else PRELOAD.replace("src", "type=module src"))
    tab.get(server.url)
    until(tab, "window.shop")
    assert evaluate(tab, "ran") == ["first of page", "second of page"]


@pytest.mark.parametrize(
    "injected",
    ["<img name=currentScript src='{evil}/ipc/client.global.js'>", "<meta name=webipc content='{evil}/ipc'>"],
    ids=["script", "meta"],
)
def test_no_element_of_the_body_chooses_the_server(
    tab: WebDriver, site: Site, server: Live, evil: Live, injected: str
) -> None:
    site.body = injected.format(evil=evil.url) + CLIENT
    tab.get(server.url)
    evaluate(tab, "void webipc.ipcRenderer.send('say', 'here')")
    wait_until(lambda: site.said == [("here",)], "the page's own server hears it")


def test_a_meta_element_of_the_head_chooses_the_server(tab: WebDriver, site: Site, server: Live) -> None:
    site.head = "<meta name=webipc content='/other/ipc'>"
    site.body = CLIENT
    tab.get(server.url)
    assert evaluate(tab, "webipc.ipcRenderer.connection.address") == f"{server.url}/other/ipc"


def test_elements_with_the_names_of_properties_stop_neither_client_nor_preload_scripts(
    tab: WebDriver, site: Site, server: Live
) -> None:
    site.body = HIDING + PRELOAD + CLIENT + CLIENT.replace("client.global", "electron.global")
    tab.get(server.url)
    until(tab, "window.ran?.length === 2 && window.shop.isOpen && window.webipc.ipcRenderer")
    # `evaluate` reads `document.readyState`, which is an element here.
    assert tab.execute_script("return require('electron').ipcRenderer === webipc.ipcRenderer")
    tab.execute_script("webipc.ipcRenderer.send('say', 1)")
    wait_until(lambda: site.said == [(1,)], "the page is connected")
    # The lifecycle is followed too: the page's last words arrive.
    tab.execute_script("addEventListener('pagehide', () => webipc.ipcRenderer.send('say', 2))")
    tab.get("about:blank")
    wait_until(lambda: site.said == [(1,), (2,)], "the page has left")


@pytest.mark.parametrize("place", ["head", "body"])
def test_only_the_head_lists_the_hosts_that_hear_send_to_host(
    tab: WebDriver, site: Site, server: Live, evil: Live, tmp_path: Path, place: str
) -> None:
    setattr(site, place, f"<meta name=webipc-hosts content='{evil.url}'>")
    site.body += CLIENT + "<script nonce='YQ=='>webipc.ipcRenderer.send('say', 'loaded')</script>"
    tab.get(f"{evil.url}/ipc/client.js")
    tab.execute_script(
        """
        window.heard = []
        addEventListener('message', ({ data }) => heard.push(data.webipc))
        document.body.append(Object.assign(document.createElement('iframe'), { src: arguments[0] }))
        """,
        server.url,
    )
    wait_until(lambda: site.said == [("loaded",)], "the framed page is loaded")
    # The announcement was posted before the message to the server.
    assert tab.execute_script("return heard") == (["guest"] if place == "head" else [])


def test_the_policy_for_trusted_types_passes_the_parts_of_the_preload_script_only(
    tab: WebDriver, site: Site, server: Live
) -> None:
    catch = """
    <script nonce='YQ=='>
      const create = trustedTypes.createPolicy
      trustedTypes.createPolicy = function (...args) { return window.policy = create.apply(this, args) }
    </script>"""
    site.body = catch + PRELOAD
    tab.get(server.url)
    until(tab, "window.shop")
    tried = """['createScriptURL', 'createHTML'].map((rule) => (address) => {
      try { return String(policy[rule](address)) } catch (error) { return error.name }
    })"""
    own = f"{server.url}/ipc/preload.js?part=1"
    evil = "https://evil.example/ipc/preload.js?part=1"
    asked = f"(([url, html]) => [url('{own}'), url('{evil}'), html('<b>'), html('{own}')])({tried})"
    assert evaluate(tab, asked) == [own, "TypeError", "TypeError", "TypeError"]
