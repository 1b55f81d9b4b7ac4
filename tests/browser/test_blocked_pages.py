"""A message that a page sends before it blocks itself arrives while it is blocked, as in Electron."""

from typing import Any

from fastapi import Response
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.expected_conditions import alert_is_present
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.browsers import evaluate
from tests.browser.site import Site, visit
from tests.support.serving import Live, wait_until

# In a timer, because a driver waits for the end of its own script.
ALERT = """
setTimeout(() => {
  ipcRenderer.send('say', 'before')
  alert('blocked')
  ipcRenderer.send('say', 'after')
})
"""

# A request per turn of the loop asks the server what it has; a page without one could not tell.
BUSY = """
(() => {
  ipcRenderer.send('say', 'before')
  for (let turn = 0; turn < 200; turn++) {
    const request = new XMLHttpRequest()
    request.open('GET', '/said', false)
    request.send()
    if (request.responseText === 'before') return turn
    for (const end = Date.now() + 10; Date.now() < end;);
  }
  return 'never'
})()
"""


def test_a_message_arrives_while_the_dialog_behind_it_is_open(tab: WebDriver, server: Live, site: Site) -> None:
    visit(tab, server.url)
    tab.execute_script(ALERT)
    WebDriverWait(tab, 10).until(alert_is_present())
    wait_until(lambda: site.said == ["before"], "the message before the dialog")
    tab.switch_to.alert.accept()
    wait_until(lambda: site.said == ["before", "after"], "the message behind the dialog")


def test_a_message_arrives_while_the_script_that_has_sent_it_runs(tab: WebDriver, server: Live, site: Site) -> None:
    @site.app.get("/said")
    def said() -> Response:
        return Response(" ".join(map(str, site.said)))

    visit(tab, server.url)
    turns: Any = evaluate(tab, BUSY)
    assert isinstance(turns, int)
