"""Cookies, tokens and secrets of a link are in no line of the log and in no `repr`, whatever a page and its user do."""

import asyncio
import logging
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tests.support.logins import LoggedInPage, Logins
from tests.support.waiting import settled, until
from webipc import IpcError
from webipc.core.envelope import Hello
from webipc.core.frame import encode_control

TOKEN = "canary.token-1a2b3c"
COOKIE = "canary-cookie-4d5e6f"
SECRET = "b" * 32


class TokenPage(LoggedInPage):
    """A page whose program has set a token."""

    token: Any = TOKEN

    def hello(self, attempt: int) -> str:
        """Return the `hello`, with the token."""
        fields = {"link": self._id, "secret": SECRET, "attempt": attempt, "received": self.link.received}
        fields |= {"first": self.link.first, "fresh": self._welcomed == 0, "features": [], "auth": self.token}
        return encode_control(self.link.received, "hello", fields)


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any logger writes, with tracebacks."""
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(logging.Formatter())
    return caplog


def assert_no_secret_in(text: str) -> None:
    for canary in (TOKEN, COOKIE, SECRET):
        assert canary not in text


class Tokens(Logins):
    """An application whose users show a token, and which is not careful with it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.users: dict[str, str] = {TOKEN: "ada"}
        # Whether it says of a token that it is not valid any more.
        self.says_why = False
        self.ipc_main.handle("fails", self._fails)
        self.ipc_main.handle("me", lambda event: event.connection.headers["authorization"])
        self.ipc_main.on("whoami", self._look)
        self.seen: list[Any] = []

    def _fails(self, event: Any, number: int) -> None:
        raise IpcError(f"not {number}")

    def _look(self, event: Any) -> None:
        self.seen += [event, event.connection, event.user, event.sender, event.sender_frame, event.sender.ipc]

    async def current_user(  # type: ignore[override] # another way to log in
        self, token: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
    ) -> Any:
        await self.before.pass_by()
        if token is None:
            raise HTTPException(401, "no token")
        if self.says_why:
            raise HTTPException(401, f"the token {token.credentials} is not valid any more")
        return type("User", (), {"id": self.users[token.credentials]})()


def page_of(logins: Logins, token: Any = TOKEN, link: str = "a" * 32) -> TokenPage:
    page = TokenPage(logins, COOKIE, link)
    page.token = token
    return page


async def test_a_token_of_the_page_is_what_handlers_see_as_authorization(written: pytest.LogCaptureFixture) -> None:
    logins = Tokens()
    page = page_of(logins)
    await page.connect()
    page.post("invoke", 1, "me", value=[])
    page.flush()
    await until(lambda: page.results)
    assert page.results == [["result", 1, f"Bearer {TOKEN}"]]


async def test_nothing_that_a_user_does_writes_a_secret(written: pytest.LogCaptureFixture) -> None:
    logins = Tokens()
    page = page_of(logins)
    await page.connect()
    page.post("send", "whoami", value=[])
    page.post("invoke", 1, "fails", value=["no number"])
    page.post("invoke", 3, "fails", value=[3])
    page.post("invoke", 5, "nothing", value=[])
    page.flush()
    await until(lambda: len(page.results) == 3)
    hub = logins.ipc_main._provider.here()
    (connection,) = hub._links
    faces = [*logins.seen, connection, connection.document, connection.document.tab, hub, hub.asks, logins.ipc_main]
    assert_no_secret_in("\n".join(repr(each) for each in faces))
    await logins.ipc_main.reauthenticate(user="ada")
    # The token has been taken away: looking it up fails with it in the text.
    logins.users.clear()
    await page.connect()
    await page.upload(page.ask("answer", "one"))
    await page.upload(page.body(), path="/ipc/beacon")
    await page.end()
    await settled()
    assert "KeyError: '[hidden]'" in written.text
    assert_no_secret_in(written.text)


async def test_what_the_application_says_of_a_secret_goes_to_the_client_and_not_to_the_log(
    written: pytest.LogCaptureFixture,
) -> None:
    logins = Tokens()
    page = page_of(logins)
    await page.connect()
    page.post("send", "say", value=["last words"])
    logins.says_why = True
    answers = [await page.upload(page.body(), path=path) for path in ("/ipc/sync", "/ipc/beacon")]
    assert answers[0] == (401, {"code": 4401, "reason": f"the token {TOKEN} is not valid any more"})
    assert answers[1][0] == 204
    await page.connect()
    assert TOKEN in page.closes[-1][1]
    assert written.text.count("the token [hidden] is not valid any more") == 4
    assert_no_secret_in(written.text)


@pytest.mark.parametrize(
    "token", [f"{TOKEN} with a space", f"{TOKEN}\n", TOKEN * 1_000, [TOKEN], {TOKEN: 1}], ids=range(5)
)
async def test_a_hello_with_a_wrong_token_is_refused_without_it(written: pytest.LogCaptureFixture, token: Any) -> None:
    page = page_of(Tokens(), token)
    await page.connect()
    await page.upload(page.ask("answer", "one"))
    await page.end()
    assert [code for code, _ in page.closes] == [4400]
    assert "auth" in page.closes[0][1]
    assert_no_secret_in(written.text + repr(page.closes))


async def test_a_token_has_room_in_a_hello(written: pytest.LogCaptureFixture) -> None:
    logins = Tokens()
    logins.users["x" * 8_192] = "ada"
    page = page_of(logins, "x" * 8_192)
    await page.connect()
    assert (page._welcomed, page.closes) == (1, [])


async def test_what_ends_while_it_is_asked_writes_no_secret(written: pytest.LogCaptureFixture) -> None:
    logins = Tokens()
    logins.before.set()
    page = page_of(logins)
    connecting = asyncio.create_task(page.connect())
    await logins.before.reached()
    await logins.ipc_main._provider.here().stop()
    await connecting
    assert_no_secret_in(written.text + repr(page.closes))


def test_the_repr_of_a_hello_has_no_secret() -> None:
    hello = Hello(link="a" * 32, secret=SECRET, attempt=1, received=0, first=1, fresh=True, features=[], auth=TOKEN)
    assert_no_secret_in(repr(hello))
