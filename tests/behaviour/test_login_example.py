"""The example with a login, by the requests and messages of its users' browsers. In real ones: tests/browser."""

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from webipc.core.errors import CloseCode
from webipc.testing import Browser, ClosedError, InvokeError, Renderer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the example."""
    return tmp_path / "login.sqlite3"


@pytest.fixture
def example(project_root: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example as `webipc run` imports it."""
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("LOGIN_FILE", str(file))
    spec = importlib.util.spec_from_file_location("login_example", project_root / "examples/login/main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where annotations of its functions are resolved.
    monkeypatch.setitem(sys.modules, "login_example", module)
    spec.loader.exec_module(module)
    yield module
    module.engine.dispose()


async def logged_in(example: ModuleType, name: str) -> Browser:
    browser = Browser(example.app)
    answer = await browser.post("/login", json={"name": name, "password": name})
    assert answer.status == 204
    return browser


@pytest.fixture
async def ada(example: ModuleType) -> AsyncIterator[Renderer]:
    """A page of an editor."""
    async with (await logged_in(example, "ada")).open() as page:
        yield page


@pytest.fixture
async def bob(example: ModuleType, ada: Renderer) -> AsyncIterator[Renderer]:
    """A page of a reader, in the same application."""
    async with (await logged_in(example, "bob")).open() as page:
        yield page


async def refusal_of(page: Renderer) -> int:
    with pytest.raises(ClosedError) as closed:
        await page.connect()
    return closed.value.close_code


@pytest.mark.parametrize("name, password", [("ada", "bob"), ("eve", "eve"), ("", "")])
async def test_wrong_credentials_are_refused_and_no_page_connects(
    example: ModuleType, name: str, password: str
) -> None:
    async with Browser(example.app) as browser:
        answer = await browser.post("/login", json={"name": name, "password": password})
        assert (answer.status, answer.json()) == (401, {"detail": "wrong name or password"})
        assert browser.cookies.keys() <= {"webipc"}
        assert await refusal_of(browser.open()) == CloseCode.UNAUTHORIZED


async def test_a_refused_page_connects_when_its_browser_has_logged_in(example: ModuleType) -> None:
    async with Browser(example.app) as browser:
        page = browser.open()
        assert await refusal_of(page) == CloseCode.UNAUTHORIZED
        await browser.post("/login", json={"name": "ada", "password": "ada"})
        await page.connect()
        assert await page.invoke("me") == {"id": 1, "name": "ada", "role": "editor"}
        await page.close()


async def test_a_notice_of_an_editor_reaches_every_page_and_stays(ada: Renderer, bob: Renderer) -> None:
    await ada.invoke("notices:add", "  Tea at four ")
    (shown,) = await bob.received("notices")
    assert shown == await bob.invoke("notices")
    assert [(notice["author"], notice["text"]) for notice in shown] == [("ada", "Tea at four")]
    await ada.invoke("notices:remove", shown[0]["id"])
    assert await bob.received("notices") == [[]]
    assert await ada.invoke("notices") == []


@pytest.mark.parametrize("call", [("notices:add", "x"), ("notices:remove", 1), ("notices:add",)])
async def test_a_reader_changes_nothing_and_learns_nothing_of_arguments(bob: Renderer, call: tuple[str, ...]) -> None:
    with pytest.raises(InvokeError) as caught:
        await bob.invoke(*call)
    assert (caught.value.code, caught.value.detail) == ("forbidden", "only editors may change the board")
    assert await bob.invoke("notices") == []


async def test_a_page_cannot_say_who_it_is(ada: Renderer) -> None:
    with pytest.raises(InvokeError) as caught:
        await ada.invoke("notices:add", "x", {"id": 2, "name": "bob", "role": "editor"})
    assert caught.value.code == "bad-argument"


async def test_a_logout_ends_every_page_of_its_session_and_no_other(example: ModuleType, ada: Renderer) -> None:
    laptop, phone, other = [await logged_in(example, name) for name in ("ada", "ada", "bob")]
    async with phone.open() as stays, other.open() as bob:
        first, second = laptop.open(), laptop.open()
        await first.connect()
        await second.connect()
        assert (await laptop.post("/logout")).status == 204
        # Every page of ada is asked again.
        assert [await page.closed() for page in (first, second, stays, ada)] == [CloseCode.ASK_AGAIN] * 4
        assert [await refusal_of(page) for page in (first, second, laptop.open())] == [CloseCode.UNAUTHORIZED] * 3
        for page in (stays, ada):
            await page.connect()
        await stays.invoke("notices:add", "still here")
        for page in (stays, ada, bob):
            assert [notice["text"] for notice in (await page.received("notices"))[0]] == ["still here"]


async def test_a_cookie_is_worth_nothing_after_its_logout(example: ModuleType, ada: Renderer) -> None:
    browser = await logged_in(example, "ada")
    cookies = dict(browser.cookies)
    await browser.post("/logout")
    assert "session" not in browser.cookies
    assert await refusal_of(Browser(example.app, cookies=cookies).open()) == CloseCode.UNAUTHORIZED
    assert (await Browser(example.app, cookies=cookies).post("/logout")).status == 401


async def test_the_file_has_neither_passwords_nor_cookies(example: ModuleType, file: Path) -> None:
    browser = await logged_in(example, "ada")
    content = await asyncio.to_thread(file.read_bytes)
    assert browser.cookies["session"].encode() not in content
    assert example.digest_of(browser.cookies["session"]).encode() in content


def test_the_example_passes_the_strict_type_checker(project_root: Path) -> None:
    pytest.importorskip("sqlalchemy")
    command = [sys.executable, "-m", "mypy", "examples/login/main.py"]
    checked = subprocess.run(command, cwd=project_root, capture_output=True, text=True, check=False)
    assert checked.stdout == "Success: no issues found in 1 source file\n", checked.stdout + checked.stderr
