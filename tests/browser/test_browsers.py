"""The test browser itself: it starts, evaluates expressions, and reports exceptions and the console."""

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, console, evaluate

PAGE = "data:text/html,<title>one</title><script>function add(a, b) { return a + b }</script>"


def test_an_awaited_expression_returns_its_value(tab: WebDriver) -> None:
    tab.get(PAGE)
    assert evaluate(tab, "Promise.resolve([document.title, add(1, 2)])") == ["one", 3]


def test_an_exception_in_the_page_is_raised_with_its_text_and_stack(tab: WebDriver) -> None:
    tab.get(PAGE)
    with pytest.raises(PageError, match="TypeError: no such thing") as caught:
        evaluate(tab, "(() => { throw new TypeError('no such thing') })()")
    assert caught.value.stack != ""


def test_a_syntax_error_is_raised_without_a_timeout(tab: WebDriver) -> None:
    tab.get(PAGE)
    # WebKit's driver omits the class of the error.
    with pytest.raises(PageError, match=r"SyntaxError|Unexpected token"):
        evaluate(tab, "1 +")


def test_the_console_log_can_be_read(tab: WebDriver) -> None:
    tab.get(PAGE)
    console(tab)
    evaluate(tab, "console.warn('a word of warning')")
    assert any(line.startswith("WARNING") and "a word of warning" in line for line in console(tab))


def test_each_test_has_a_tab_of_its_own(tab: WebDriver) -> None:
    assert tab.current_url == "about:blank"
    assert len(tab.window_handles) == 2
