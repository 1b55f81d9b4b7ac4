"""The setting `authorize`: what it may be, what its answers mean, and what the log says of a refusal."""

import functools
import logging
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from webipc import IpcMain
from webipc.dispatch.authorization import Authorization, ForbiddenError, checked_authorize
from webipc.logs.lines import LENGTH
from webipc.logs.refusals import LINES

Event = Any


class Sender:
    """Stands for the web contents, of which the log needs the `repr` alone."""

    def __repr__(self) -> str:
        return "<WebContents #1>"


class Message:
    """Stands for the event."""

    def __init__(self) -> None:
        self.sender = Sender()


@pytest.fixture
def event() -> Event:
    return Message()


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "webipc")


def may(event: Event, channel: str) -> bool:
    return channel == "open"


async def may_later(event: Event, channel: str) -> bool:
    return True


async def may_yield_later(event: Event, channel: str) -> AsyncIterator[bool]:
    yield True


def may_yield(event: Event, channel: str) -> Iterator[bool]:
    yield True


class Rules:
    def may(self, event: Event, channel: str) -> bool:
        return channel == "open"

    async def later(self, event: Event, channel: str) -> bool:
        return True

    def __call__(self, event: Event, channel: str) -> bool:
        return channel == "open"


class LaterRules:
    async def __call__(self, event: Event, channel: str) -> bool:
        return True


def with_more(rule: str, event: Event, channel: str, *, strict: bool = True) -> bool:
    return channel == rule


async def with_more_later(rule: str, event: Event, channel: str) -> bool:
    return True


def is_allowed(function: Any, event: Event, channel: str = "open") -> bool:
    authorization = checked_authorize(function)
    assert authorization is not None
    try:
        authorization.require(event, channel)
    except ForbiddenError:
        return False
    return True


# --- what it may be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [may, Rules().may, Rules(), functools.partial(with_more, "open", strict=False)])
def test_it_is_any_plain_function_of_the_event_and_the_channel(function: Any, event: Event) -> None:
    assert is_allowed(function, event)
    assert not is_allowed(function, event, "closed")


def test_without_it_there_is_no_guard() -> None:
    assert checked_authorize(None) is None


@pytest.mark.parametrize(
    "function, name",
    [
        (may_later, "may_later"),
        (may_yield_later, "may_yield_later"),
        (Rules().later, "later"),
        (LaterRules(), "LaterRules"),
        (functools.partial(with_more_later, "open"), "with_more_later"),
        (functools.partial(LaterRules()), "LaterRules"),
        (functools.partial(functools.partial(may_later), channel="x"), "may_later"),
    ],
)
def test_an_async_function_is_refused_when_the_ipc_main_is_made(function: Any, name: str) -> None:
    with pytest.raises(TypeError) as caught:
        IpcMain(authorize=function)
    assert str(caught.value) == (
        "expected a plain function for authorize, such as def may(event, channel) -> bool; got the async function "
        f"{name}: it decides while a message waits, and cannot wait itself: load what it needs in authenticate"
    )


def one_parameter(channel: str) -> bool:
    return True


def three_parameters(event: Event, channel: str, args: list[Any]) -> bool:
    return True


def keyword_only(event: Event, *, channel: str) -> bool:
    return True


@pytest.mark.parametrize(
    "wrong, got",
    [
        (True, "an object of the type bool"),
        (["open"], "an object of the type list"),
        (may_yield, "the generator may_yield"),
        (one_parameter, "one_parameter(channel: str) -> bool"),
        (three_parameters, "three_parameters(event: Any, channel: str, args: list[Any]) -> bool"),
        (keyword_only, "keyword_only(event: Any, *, channel: str) -> bool"),
        (lambda: True, "handler()"),
    ],
)
def test_what_could_not_decide_is_refused_when_the_ipc_main_is_made(wrong: Any, got: str) -> None:
    with pytest.raises(TypeError) as caught:
        IpcMain(authorize=wrong)
    text = "expected a plain function for authorize, such as def may(event, channel) -> bool; got "
    assert str(caught.value).replace("typing.", "") == text + got


# --- what its answers mean --------------------------------------------------------------------------------------------


class Truth:
    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("answer", [1, 1.0, "yes", [1], Truth(), object(), may, None, 0, ""])
def test_only_true_allows(answer: object, event: Event, caplog: pytest.LogCaptureFixture) -> None:
    assert not is_allowed(lambda event, channel: answer, event)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        "A message for 'open' of <WebContents #1> is refused: authorize must return True or False, and has "
        f"returned an object of {type(answer).__name__}"
    )


@pytest.mark.filterwarnings("error")
def test_a_plain_function_that_returns_a_coroutine_allows_nothing(event: Event) -> None:
    def may_at_last(event: Event, channel: str) -> Any:
        return may_later(event, channel)

    assert not is_allowed(may_at_last, event)


@pytest.mark.parametrize("error", [KeyError("role"), StopIteration(), GeneratorExit(), BaseException("odd")])
def test_an_exception_denies_and_is_logged_with_its_traceback(
    error: BaseException, event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(event: Event, channel: str) -> bool:
        raise error

    assert not is_allowed(raises, event)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        "A message for 'open' of <WebContents #1> is refused: authorize has raised",
    )
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_does(error: type[BaseException], event: Event) -> None:
    def ends(event: Event, channel: str) -> bool:
        raise error

    with pytest.raises(error):
        is_allowed(ends, event)


def test_the_error_names_the_channel_and_says_what_to_do() -> None:
    error = pickle.loads(pickle.dumps(ForbiddenError("todos:add")))
    assert str(error) == "'todos:add' is forbidden for this page: sign in as a user who may use it"
    assert (error.code, error.channel) == ("forbidden", "todos:add")


# --- what the log says ------------------------------------------------------------------------------------------------


def deny_all(authorization: Authorization, event: Event, channels: list[str]) -> None:
    for channel in channels:
        with pytest.raises(ForbiddenError):
            authorization.require(event, channel)


def test_a_refusal_is_one_line_for_a_page_and_a_channel(event: Event, caplog: pytest.LogCaptureFixture) -> None:
    authorization = Authorization(lambda event, channel: False)
    deny_all(authorization, event, ["a", "b", "a", "a", "b"] * 100)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "A message for 'a' of <WebContents #1> is refused: authorize does not allow it"),
        ("INFO", "A message for 'b' of <WebContents #1> is refused: authorize does not allow it"),
    ]
    deny_all(authorization, Message(), ["a"])
    assert len(caplog.records) == 3


def raising(event: Event, channel: str) -> bool:
    raise KeyError(channel)


@pytest.mark.parametrize("may", [lambda event, channel: False, lambda event, channel: 1, raising])
def test_a_page_that_tries_many_channels_has_no_more_lines_than_any_other(
    may: Callable[[Event, str], bool], event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    deny_all(Authorization(may), event, [f"channel {number}" for number in range(1_000)])
    assert len(caplog.records) == LINES


def test_a_channel_cannot_begin_a_line_of_its_own_in_the_log(event: Event, caplog: pytest.LogCaptureFixture) -> None:
    deny_all(Authorization(lambda event, channel: False), event, ["x\nERROR fake\x1b[2J" + "y" * 10_000])
    (text,) = caplog.messages
    assert text.isprintable()
    assert "x\\nERROR fake\\x1b[2J" in text
    assert len(text) < LENGTH
