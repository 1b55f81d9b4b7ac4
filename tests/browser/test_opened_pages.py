"""Pages that do not begin as a plain address does: rewritten by `document.open()`, prerendered, `srcdoc`, `blob:`.

Also workers from a blob, pages whose policy forbids synchronous requests, and proxies around the connection.
"""

import threading

import pytest
from fastapi.responses import HTMLResponse, Response
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.browser.site import Site
from tests.support.serving import PATIENCE, Live, wait_until
from webipc import IpcMainEvent

CLIENT = "<script src='/ipc/client.global.js'></script>"
# Says its kind and its tab as soon as it can.
SAY = "<script>const { ipcRenderer } = webipc; ipcRenderer.send('here', %r)</script>"
REWRITTEN = f"""<!doctype html><title>a page</title>{CLIENT}{SAY % "before"}
<script>
  function rewrite() {{
    document.open()
    document.write('<!doctype html><title>another text</title><p>rewritten')
    document.close()
    ipcRenderer.send('say', 'rewritten')
    addEventListener('pagehide', () => ipcRenderer.send('say', 'goodbye'))
  }}
</script>"""
# A bundled client has no address of the server: the text of the served one stands for it.
BUNDLED = "<script>fetch('/ipc/client.global.js').then((answer) => answer.text()).then((text) => { %s })</script>"
SRCDOC = """
  const frame = document.createElement('iframe')
  frame.srcdoc = `<script>${text}</` + `script><script>webipc.ipcRenderer.send('here', 'srcdoc')</` + 'script>'
  document.body.append(frame)
"""
BLOB_PAGE = """
  const html = `<script>${text}</` + `script><script>webipc.ipcRenderer.send('here', 'blob')</` + 'script>'
  const frame = document.createElement('iframe')
  frame.src = URL.createObjectURL(new Blob([html], { type: 'text/html' }))
  document.body.append(frame)
"""
BLOB_WORKER = """
  const script = `${text};webipc.ipcRenderer.send('here', 'blob worker')`
  new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
"""
NAMED_WORKER = """
  const named = `globalThis.webipc = { server: '${location.origin}/ipc' }`
  const script = `${named};${text};webipc.ipcRenderer.send('here', 'named worker')`
  new Worker('data:text/javascript,' + encodeURIComponent(script))
"""
PRERENDERING = (
    """<!doctype html><title>first</title><body>
<script type="speculationrules">{"prerender": [{"source": "list", "urls": ["/prerendered"]}]}</script>
<a href="/prerendered">next</a>"""
    + CLIENT
    + SAY % "first"
)
PRERENDERED = f"""<!doctype html><title>second</title><body>{CLIENT}
<script>
  const {{ ipcRenderer }} = webipc
  window.wasPrerendered = document.prerendering
  if (document.prerendering) {{
    fetch('/loaded')
    try {{ ipcRenderer.sendSync('sync') }} catch (error) {{ window.refusal = `${{error.code}} ${{error.message}}` }}
  }}
  ipcRenderer.send('here', 'second')
  ipcRenderer.connection.on('state', ({{ state }}) => {{
    if (state === 'open') ipcRenderer.send('say', ipcRenderer.sendSync('sync'))
  }})
</script>"""


class Opened(Site):
    """An application with these pages, and a record of who has come."""

    def __init__(self) -> None:
        super().__init__(allow_missing_origin=True)
        self.here: list[tuple[str, int]] = []
        self.ipc_main.on("here", self._here)
        self.ipc_main.on("sync", self._sync)
        pages = {
            "rewritten": REWRITTEN,
            "srcdoc": BUNDLED % SRCDOC,
            "blob": BUNDLED % BLOB_PAGE,
            "blob worker": BUNDLED % BLOB_WORKER,
            "named worker": BUNDLED % NAMED_WORKER,
            "prerendering": PRERENDERING,
            "prerendered": PRERENDERED,
        }
        for name, text in pages.items():
            self.app.get(f"/{name}")(lambda text=text: HTMLResponse(text))
        self.app.get("/forbidden")(self._forbidden)
        # The prerendered page has run its script.
        self.loaded = threading.Event()
        self.app.get("/loaded")(self.loaded.set)

    def _here(self, event: IpcMainEvent, kind: str) -> None:
        self.here.append((kind, event.sender.id))

    def _sync(self, event: IpcMainEvent) -> None:
        event.return_value = "an answer"

    def _forbidden(self) -> Response:
        return HTMLResponse(CLIENT + SAY % "forbidden", headers={"Permissions-Policy": "sync-xhr=()"})


@pytest.fixture
def site() -> Opened:
    return Opened()


def came(site: Opened, kind: str) -> int:
    """Wait for a page of this kind, and return its web contents."""
    wait_until(lambda: any(each == kind for each, _ in site.here), f"the page {kind!r} has come")
    return next(contents for each, contents in reversed(site.here) if each == kind)


def test_a_page_that_is_rewritten_says_its_last_words_and_keeps_its_tab(
    tab: WebDriver, server: Live, site: Opened
) -> None:
    tab.get(f"{server.url}/rewritten")
    first = came(site, "before")
    evaluate(tab, "void rewrite()")
    wait_until(lambda: site.said == ["rewritten"], "the rewritten page has spoken")
    tab.get("about:blank")
    wait_until(lambda: site.said == ["rewritten", "goodbye"], "its last words have come")
    site.here.clear()
    tab.get(f"{server.url}/rewritten")
    assert came(site, "before") == first


@pytest.mark.parametrize("kind", ["srcdoc", "blob", "blob worker", "named worker"])
def test_a_bundled_client_without_an_address_of_its_own_finds_the_server(
    tab: WebDriver, server: Live, site: Opened, kind: str
) -> None:
    tab.get(f"{server.url}/{kind}")
    assert came(site, kind) > 0


@pytest.mark.engines("chromium")
def test_a_prerendered_page_takes_over_the_tab_when_it_is_opened(tab: WebDriver, server: Live, site: Opened) -> None:
    tab.get(f"{server.url}/prerendering")
    first = came(site, "first")
    assert site.loaded.wait(PATIENCE)
    evaluate(tab, "void document.querySelector('a').click()")
    wait_until(lambda: evaluate(tab, "document.title") == "second", "the next page is shown")
    assert evaluate(tab, "window.wasPrerendered") is True
    assert str(evaluate(tab, "window.refusal")).startswith("no-sync sendSync cannot block this page: it is prerendered")
    assert came(site, "second") == first
    wait_until(lambda: site.said == ["an answer"], "sendSync works from now on")
    assert len(site.destroyed) == 0


@pytest.mark.engines("chromium")
def test_send_sync_names_the_policy_that_forbids_it(tab: WebDriver, server: Live, site: Opened) -> None:
    tab.get(f"{server.url}/forbidden")
    came(site, "forbidden")
    text = evaluate(tab, "(() => { try { ipcRenderer.sendSync('sync') } catch (error) { return error.message } })()")
    assert text == "sendSync cannot block this page: its Permissions-Policy forbids sync-xhr"
    assert evaluate(tab, "ipcRenderer.invoke('echo', 1)") == 1


# As Vue's `reactive` does: a proxy of every object that can be extended.
REACTIVE = """
(() => {
  const reactive = (target) => typeof target === 'object' && target !== null && Object.isExtensible(target)
    ? new Proxy(target, { get: (object, key, receiver) => reactive(Reflect.get(object, key, receiver)) }) : target
  const { ipc } = reactive({ ipc: webipc.ipcRenderer })
  return [ipc.connection.state, ipc.connection.debug, typeof ipc.connection.webContentsId]
})()
"""


def test_the_connection_can_be_read_through_the_proxies_of_a_reactive_library(
    tab: WebDriver, server: Live, site: Opened
) -> None:
    tab.get(f"{server.url}/rewritten")
    came(site, "before")
    assert evaluate(tab, REACTIVE) == ["open", False, "number"]
