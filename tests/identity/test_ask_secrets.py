"""Cookies and tokens of a client are in no line of the log and in no `repr`, whatever the application raises."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, Header, HTTPException
from fastapi.security import HTTPBearer
from pydantic import AfterValidator

from tests.support.asking import MakeAsks, attach, visitor
from webipc.identity.outcome import AskRefusedError

TOKEN = "canary-token-1a2b"
COOKIE = "canary-cookie-3c4d"
KEY = "canary-key-5e6f"


SESSIONS: dict[str, str] = {}


async def looks_up(session: Annotated[str, Cookie()]) -> Any:
    return SESSIONS[session]


async def looks_up_a_token(token: Annotated[Any, Depends(HTTPBearer())]) -> Any:
    return SESSIONS[token.credentials]


async def looks_up_a_key(x_api_key: Annotated[str, Header()]) -> Any:
    return SESSIONS[x_api_key]


async def says_it(session: Annotated[str, Cookie()]) -> None:
    raise HTTPException(401, f"no session {session}")


async def chains_it(session: Annotated[str, Cookie()]) -> None:
    try:
        await looks_up(session)
    except LookupError as error:
        error.add_note(f"of {session}")
        raise RuntimeError("no session") from error


def _refuse(value: str) -> str:
    raise ValueError(f"{value} is not known")


async def validates_it(session: Annotated[str, Cookie(), AfterValidator(_refuse)]) -> None: ...


async def parses_it(session: Annotated[int, Cookie()]) -> None: ...


async def returns_it(session: Annotated[str, Cookie()]) -> Any:
    return [session]


@pytest.mark.parametrize(
    "authenticate",
    [looks_up, looks_up_a_token, looks_up_a_key, says_it, chains_it, validates_it, parses_it, returns_it],
)
async def test_what_an_application_raises_shows_no_secret_of_the_client(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture, authenticate: Callable[..., Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(logging.Formatter())
    asks = make_asks(authenticate)
    scope = attach(("cookie", f"a=b; session={COOKIE}"), ("x-api-key", KEY))
    with pytest.raises(AskRefusedError) as caught:
        await asks.ask(visitor(), scope, TOKEN)
    written = caplog.text + repr(scope) + repr(asks) + repr(caught.value.__context__)
    assert caplog.records
    for canary in (TOKEN, COOKIE, KEY):
        assert canary not in written


async def test_the_traceback_stays(make_asks: MakeAsks, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AskRefusedError):
        await make_asks(looks_up).ask(visitor(), attach(("cookie", f"session={COOKIE}")))
    assert "return SESSIONS[session]" in caplog.text
    assert "KeyError: '[hidden]'" in caplog.text


@pytest.mark.parametrize("authenticate", [looks_up, says_it, chains_it])
@pytest.mark.parametrize("secret", [COOKIE * 500, "back\\slash-canary-7a8b", "quote'd-canary-9c0d"], ids=range(3))
async def test_a_secret_that_is_cut_or_escaped_is_found_too(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture, authenticate: Callable[..., Any], secret: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AskRefusedError):
        await make_asks(authenticate).ask(visitor(), attach(("cookie", f"session={secret}")))
    assert "[hidden]" in caplog.text
    assert "canary" not in caplog.text


async def test_what_is_no_secret_stays(make_asks: MakeAsks, caplog: pytest.LogCaptureFixture) -> None:
    async def refuse() -> None:
        raise HTTPException(401, "the session of this example.com is over")

    caplog.set_level(logging.DEBUG)
    with pytest.raises(AskRefusedError):
        await make_asks(refuse).ask(visitor(), attach(("cookie", "session=sess; a=is"), ("host", "example.com")))
    assert "the session of this example.com is over" in caplog.text
