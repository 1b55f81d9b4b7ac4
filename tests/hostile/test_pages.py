"""Pages of other sites, in real browsers: what they may load of this server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.responses import HTMLResponse
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.support.applications import Application
from tests.support.serving import Live, live

SCRIPTS = ("preload.js", "client.global.js")


@pytest.fixture
def preload(tmp_path: Path) -> Path:
    """A preload script that says that it has run."""
    file = tmp_path / "preload.js"
    file.write_text("window.ran = true")
    return file


@pytest.fixture
def evil() -> Iterator[Live]:
    """Another site, whose page is empty."""
    app = Application().app
    app.get("/")(lambda: HTMLResponse("<!doctype html><title>another site</title>"))
    with live(app) as served:
        yield served


def load(tab: WebDriver, site: str, server: Live, **attributes: str) -> list[str]:
    """Load the scripts of a server in a page of a site, and return the names of the events of their elements."""
    tab.get(site.replace("127.0.0.1", "localhost"))
    events: list[str] = evaluate(
        tab,
        f"""Promise.all({list(SCRIPTS)}.map((name) => new Promise((done) => {{
          const script = document.createElement('script')
          script.onload = script.onerror = ({{ type }}) => done(type)
          document.body.append(Object.assign(script, {attributes}, {{ src: '{server.url}/ipc/' + name }}))
        }})))""",
    )
    return events


@pytest.mark.parametrize(
    "attributes", [{}, {"crossOrigin": "anonymous"}, {"type": "module"}, {"referrerPolicy": "no-referrer"}], ids=str
)
def test_a_page_of_another_site_runs_no_script_of_the_server(
    tab: WebDriver, preload: Path, evil: Live, attributes: dict[str, str]
) -> None:
    with live(Application(preload=[preload]).app) as server:
        assert load(tab, evil.url, server, **attributes) == ["error", "error"]
        assert evaluate(tab, "[window.ran, window.webipc]") == [None, None]


@pytest.mark.parametrize("attributes", [{}, {"crossOrigin": "anonymous"}, {"type": "module"}], ids=str)
def test_a_page_of_a_listed_site_runs_the_scripts(
    tab: WebDriver, preload: Path, evil: Live, attributes: dict[str, str]
) -> None:
    listed = evil.url.replace("127.0.0.1", "localhost")
    with live(Application(preload=[preload], origins=[listed]).app) as server:
        assert load(tab, evil.url, server, **attributes) == ["load", "load"]
        assert evaluate(tab, "[window.ran, typeof window.webipc]") == [True, "object"]
