"""An ask runs the application's own dependencies, once, on a GET request, and gives what it finds an identity."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer
from starlette.authentication import SimpleUser, UnauthenticatedUser

from tests.support.asking import MakeAsks, asked, attach, refused, visitor
from webipc.core.errors import CloseCode


class User:
    def __init__(self, name: str) -> None:
        self.id = name


async def current_user(session: Annotated[str, Cookie()]) -> User:
    return User(session)


async def test_the_user_is_what_authenticate_returns_and_has_an_identity(make_asks: MakeAsks) -> None:
    scope = attach(("cookie", "session=ada"))
    caller = await asked(make_asks(current_user), scope)
    assert caller.user.id == caller.identity == "ada"
    assert caller.attach_scope is scope


async def test_none_is_let_in_as_nobody(make_asks: MakeAsks) -> None:
    async def nobody() -> None:
        return None

    caller = await asked(make_asks(nobody))
    assert (caller.user, caller.identity) == (None, None)


async def test_an_application_that_asks_for_nothing_is_not_waited_for(make_asks: MakeAsks) -> None:
    asking = make_asks().ask(visitor(), attach())
    with pytest.raises(StopIteration) as ended:
        asking.send(None)
    assert (ended.value.value.user, ended.value.value.identity) == (None, None)


@pytest.mark.parametrize(
    "user, identity", [(SimpleUser("ada"), "ada"), (UnauthenticatedUser(), None)], ids=["user", "unauthenticated"]
)
@pytest.mark.parametrize("dependencies", [[], [Depends(lambda: None)]], ids=["none", "one"])
async def test_without_authenticate_the_user_is_that_of_the_middleware(
    make_asks: MakeAsks, user: Any, identity: str | None, dependencies: Any
) -> None:
    caller = await asked(make_asks(dependencies=dependencies), attach(user=user))
    assert (caller.user, caller.identity) == (user, identity)


@pytest.mark.parametrize(
    "kind", [{"type": "websocket", "scheme": "wss"}, {"type": "http", "scheme": "https", "method": "POST"}]
)
async def test_what_it_sees_is_a_get_request_without_a_body(make_asks: MakeAsks, kind: dict[str, str]) -> None:
    seen: list[Any] = []

    async def look(request: Request, a: int, x_thing: Annotated[str, Header()]) -> str:
        seen.extend((request.method, str(request.url), request.path_params, request.client, a, x_thing))
        with pytest.raises(RuntimeError):
            await request.body()
        return "ada"

    await asked(make_asks(look), attach(("x-thing", "y"), **kind))
    assert seen[:3] == ["GET", "https://app.example/ipc/socket/1?a=1", {}]
    assert seen[3].host == "203.0.113.1"
    assert seen[4:] == [1, "y"]


async def test_the_dependencies_of_the_application_and_authenticate_run_once_together(make_asks: MakeAsks) -> None:
    ran: list[str] = []

    async def database() -> AsyncIterator[str]:
        ran.append("opened")
        yield "database"
        ran.append("closed")

    async def guard(db: Annotated[str, Depends(database)]) -> None:
        ran.append(f"guard with {db}")

    async def current_user(db: Annotated[str, Depends(database)]) -> User:
        ran.append(f"authenticate with {db}")
        return User("ada")

    def identity(user: User) -> str:
        ran.append("identity")
        return user.id

    asks = make_asks(current_user, [Depends(guard)], identity)
    await asked(asks)
    assert ran == ["opened", "guard with database", "authenticate with database", "identity", "closed"]


async def test_overrides_of_the_application_count(make_asks: MakeAsks) -> None:
    app = FastAPI()
    app.dependency_overrides[current_user] = lambda: User("override")
    assert (await asked(make_asks(current_user, app=app))).identity == "override"


async def test_state_of_two_asks_of_one_attach_is_not_shared(make_asks: MakeAsks) -> None:
    async def count(request: Request) -> str:
        request.state.number = getattr(request.state, "number", 0) + 1
        return str(request.state.number)

    asks, scope = make_asks(count), attach()
    assert [(await asked(asks, scope)).identity for _ in range(2)] == ["1", "1"]


async def test_context_variables_of_the_attach_are_seen(make_asks: MakeAsks) -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    tenant.set("lab")

    async def current() -> str:
        return tenant.get()

    assert (await asked(make_asks(current))).identity == "lab"


# --- tokens -----------------------------------------------------------------------------------------------------------

bearer = OAuth2PasswordBearer("token")


async def of_token(token: Annotated[str, Depends(bearer)]) -> str:
    return f"user of {token}"


async def test_a_token_is_seen_as_a_bearer_of_authorization(make_asks: MakeAsks) -> None:
    scope = attach()
    assert (await asked(make_asks(of_token), scope, "abc")).identity == "user of abc"
    assert (b"authorization", b"Bearer abc") in scope.headers


async def test_the_header_of_a_proxy_counts_and_one_line_says_so(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture
) -> None:
    asks = make_asks(of_token)
    with caplog.at_level(logging.INFO, "webipc"):
        for _ in range(3):
            scope = attach(("authorization", "Bearer of-the-proxy"))
            assert (await asked(asks, scope, "of-the-page")).identity == "user of of-the-proxy"
    (record,) = caplog.records
    assert record.getMessage() == (
        "203.0.113.1:1 at http://app.example sends a token (connection.token) and an Authorization header, as a proxy "
        "adds it: the header counts, for every such page"
    )


async def test_an_attach_that_is_asked_about_once_more_is_not_taken_for_one_behind_a_proxy(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture
) -> None:
    asks, scope = make_asks(of_token), attach()
    with caplog.at_level(logging.INFO, "webipc"):
        for _ in range(2):
            assert (await asked(asks, scope, "abc")).identity == "user of abc"
    assert caplog.records == []


# --- who is refused ---------------------------------------------------------------------------------------------------


async def needs_a_number(number: Annotated[int, Cookie()]) -> int:
    return number


@pytest.mark.parametrize(
    "status, code",
    [
        (401, CloseCode.UNAUTHORIZED),
        (404, CloseCode.UNAUTHORIZED),
        (302, CloseCode.UNAUTHORIZED),
        (307, CloseCode.UNAUTHORIZED),
        (403, CloseCode.FORBIDDEN),
        (408, CloseCode.TRY_LATER),
        (425, CloseCode.TRY_LATER),
        (429, CloseCode.TRY_LATER),
        (500, CloseCode.TRY_LATER),
        (503, CloseCode.TRY_LATER),
        (200, CloseCode.INTERNAL_ERROR),
    ],
)
async def test_a_status_becomes_a_close_code(make_asks: MakeAsks, status: int, code: CloseCode) -> None:
    async def refuse() -> None:
        raise HTTPException(status, "why")

    refusal = await refused(make_asks(refuse))
    assert refusal.code == code
    assert refusal.reason == ("why" if status != 200 else "the server failed")


@pytest.mark.parametrize(
    "detail, reason",
    [
        (None, "Unauthorized"),
        ("é" * 100, "é" * 61),
        ({"reason": "expired"}, '{"reason": "expired"}'),
        ({1, 2}, "an object of the type set"),
    ],
)
async def test_a_detail_goes_to_the_page_cut_to_123_bytes(make_asks: MakeAsks, detail: Any, reason: str) -> None:
    async def refuse() -> None:
        raise HTTPException(401, detail)

    assert (await refused(make_asks(refuse))).reason == reason


@pytest.mark.parametrize(
    "headers, reason",
    [
        ([], "cookie number: Field required"),
        (
            [("cookie", "number=seven-is-a-secret")],
            "cookie number: Input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
async def test_a_parameter_that_does_not_validate_is_unauthorized(
    make_asks: MakeAsks, headers: list[tuple[str, str]], reason: str
) -> None:
    refusal = await refused(make_asks(needs_a_number), attach(*headers))
    assert (refusal.code, refusal.reason) == (CloseCode.UNAUTHORIZED, reason)


class Odd(BaseException):
    """As no application raises."""


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), ValueError(), asyncio.CancelledError(), Odd(), StopIteration(), TimeoutError()],
)
@pytest.mark.parametrize("is_async", [True, False])
async def test_an_ask_that_raises_anything_lets_nobody_in_and_is_logged_with_its_traceback(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture, error: BaseException, *, is_async: bool
) -> None:
    async def fails() -> None:
        raise error

    def fails_in_a_thread() -> None:
        raise error

    refusal = await refused(make_asks(fails if is_async else fails_in_a_thread))
    assert (refusal.code, refusal.reason) == (CloseCode.INTERNAL_ERROR, "the server failed")
    (record,) = [each for each in caplog.records if each.name == "webipc"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        "Asking who 203.0.113.1:1 at http://app.example is failed: it is refused, and asks again"
    )
    assert record.exc_info is not None


async def test_a_dependency_that_fails_when_it_closes_lets_nobody_in(make_asks: MakeAsks) -> None:
    async def commits() -> AsyncIterator[str]:
        yield "ada"
        raise ConnectionError("not committed")

    assert (await refused(make_asks(commits))).code == CloseCode.INTERNAL_ERROR


async def test_failures_are_one_line_in_ten_seconds(make_asks: MakeAsks, caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("down")

    asks = make_asks(fails)
    for number in range(50):
        await refused(asks, address=f"203.0.113.{number}")
    assert len([each for each in caplog.records if each.name == "webipc"]) == 1


async def test_a_user_who_cannot_be_compared_is_one_line_that_names_the_setting(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture
) -> None:
    async def row() -> dict[str, Any]:
        return {"id": 7}

    asks = make_asks(row)
    for _ in range(3):
        assert (await refused(asks)).code == CloseCode.INTERNAL_ERROR
    (record,) = [each for each in caplog.records if each.name == "webipc"]
    assert record.levelno == logging.ERROR
    assert "such as IpcMain(identity=lambda user: user['id'])" in record.getMessage()


async def test_refusals_are_one_line_each_and_few_of_one_address(
    make_asks: MakeAsks, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse() -> None:
        raise HTTPException(401, "not logged in")

    asks = make_asks(refuse)
    with caplog.at_level(logging.INFO, "webipc"):
        for _ in range(30):
            await refused(asks)
        await refused(asks, address="203.0.113.2")
    lines = [each.getMessage() for each in caplog.records if each.name == "webipc"]
    assert lines[0] == "203.0.113.1:1 at http://app.example was refused with 4401: not logged in"
    assert len(lines) == 11
    assert lines[-1] == (
        "203.0.113.2:1 at http://app.example was refused with 4401: not logged in "
        "(20 lines like this were left out before)"
    )
