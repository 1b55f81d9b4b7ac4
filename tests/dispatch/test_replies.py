"""What an error sends to the page, and what only the log contains, because a page is not trusted."""

import pickle
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import HTTPException
from starlette.exceptions import HTTPException as StarletteHTTPException

from webipc.channels.complaint import ArgumentError, Misfit
from webipc.core.errors import CloneError, DestroyedError, IpcError, LimitError, LinkEndedError, ResetError
from webipc.core.values import JSError
from webipc.dispatch.replies import TEXT_LENGTH, NoHandlerError, ReplyNeverSentError, error_reply


def raised(error: BaseException) -> BaseException:
    """Return the error with a traceback."""
    try:
        raise error  # noqa: TRY301 - raised to get a traceback
    except BaseException as caught:  # noqa: BLE001 - the one that was just raised
        return caught


def reply(error: BaseException, *, debug: bool = False, channel: str = "add") -> tuple[dict[str, Any], str | None]:
    return error_reply(raised(error), channel=channel, debug=debug, reference="3f2a")


class NotFoundError(IpcError):
    """An error class of an application, with a code for all its instances."""

    code = "not-found"


class CarelessError(IpcError):
    def __init__(self) -> None:
        """Do not call super().__init__()."""


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class UnprintableIpcError(IpcError):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def test_an_ipc_error_is_sent_and_not_logged() -> None:
    assert reply(IpcError("No such row")) == ({"message": "Error: No such row", "detail": "No such row"}, None)


def test_an_ipc_error_is_sent_with_its_code_and_data() -> None:
    data = {"id": 5}

    value, _ = reply(IpcError("No such row", code="no-row", data=data))

    assert value == {"message": "Error: No such row", "detail": "No such row", "code": "no-row", "data": data}
    assert value["data"] is data


def test_a_class_of_ipc_errors_has_its_code() -> None:
    assert reply(NotFoundError("x"))[0] == {"message": "Error: x", "detail": "x", "code": "not-found"}
    assert reply(NotFoundError("x", code="other"))[0]["code"] == "other"


def test_an_ipc_error_without_a_text_is_only_its_name() -> None:
    """Like JavaScript's `new Error('').toString()`."""
    assert reply(IpcError(""))[0] == {"message": "Error", "detail": ""}
    assert reply(CarelessError())[0] == {"message": "Error", "detail": ""}


def test_any_other_exception_is_sent_as_a_reference() -> None:
    value, line = reply(ValueError("the password is 1234"))

    text = "Internal error (reference 3f2a)"
    assert value == {"message": text, "detail": text, "code": "internal", "reference": "3f2a"}
    assert line == (
        "Error occurred in handler for 'add': the caller reads only reference 3f2a. "
        "To tell the caller more, raise webipc.IpcError, or use IpcMain(debug=True) while developing"
    )


@pytest.mark.parametrize("error", [DestroyedError(), LinkEndedError(), ResetError("ended"), KeyboardInterrupt()])
def test_connection_errors_raised_by_the_application_are_sent_as_a_reference(error: BaseException) -> None:
    assert reply(error)[0]["code"] == "internal"


@pytest.mark.parametrize(
    "error, message, code",
    [
        (NoHandlerError("add"), "Error: No handler registered for 'add'", "no-handler"),
        (ReplyNeverSentError(), "reply was never sent", "reply-never-sent"),
        (
            ArgumentError("add", "b", "argument 2 (b) must be a valid number, got 'x'"),
            "Error: add: argument 2 (b) must be a valid number, got 'x'",
            "bad-argument",
        ),
        (
            CloneError("result.save", "a function"),
            "Error: An object could not be cloned. result.save: a function",
            "not-cloneable",
        ),
        (
            LimitError("message_bytes", 6, 5),
            "Error: message_bytes: at most 5 allowed, 6 found; send less at once, or raise the limit",
            "limit",
        ),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_the_librarys_own_errors_are_always_sent(error: Exception, message: str, code: str, *, debug: bool) -> None:
    value, line = reply(error, debug=debug)

    detail = message.removeprefix("Error: ").removeprefix("add: ")
    data: dict[str, Any] = {"data": {"errors": []}} if isinstance(error, ArgumentError) else {}
    assert value == {"message": message, "detail": detail, "code": code, **data}
    assert line is not None
    assert line.startswith("Error occurred in handler for 'add': ")


@pytest.mark.parametrize(
    "error, value",
    [
        (HTTPException(404), {"message": "Error: Not Found", "detail": "Not Found", "code": "404"}),
        (HTTPException(409, "taken"), {"message": "Error: taken", "detail": "taken", "code": "409"}),
        (
            StarletteHTTPException(401, "log in"),
            {"message": "Error: log in", "detail": "log in", "code": "unauthorized"},
        ),
        (HTTPException(403), {"message": "Error: Forbidden", "detail": "Forbidden", "code": "forbidden"}),
        (
            HTTPException(422, [{"loc": ["x"]}]),
            {
                "message": f"Error: {HTTPStatus(422).phrase}",
                "detail": HTTPStatus(422).phrase,
                "code": "422",
                "data": [{"loc": ["x"]}],
            },
        ),
        (
            HTTPException(799, {"a": 1}),
            {"message": "Error: HTTP 799", "detail": "HTTP 799", "code": "799", "data": {"a": 1}},
        ),
        (HTTPException(503, ""), {"message": "Error", "detail": "", "code": "503"}),
    ],
)
def test_an_http_exception_is_sent_with_its_status_and_not_logged(error: Exception, value: dict[str, Any]) -> None:
    assert reply(error) == (value, None)
    in_debug, line = reply(error, debug=True)
    assert line is None
    assert "HTTPException" in in_debug.pop("cause").stack
    assert in_debug == value


@pytest.mark.parametrize("debug", [True, False])
def test_a_refusal_does_not_tell_where_objects_are_in_memory(*, debug: bool) -> None:
    shown = f"argument 1 (a) must be a number, got {object()!r} and {memoryview(b'')!r}"
    assert " at 0x" in shown
    value, _ = reply(ArgumentError("add", "a", shown, errors=[Misfit("a", shown, "x")]), debug=debug)
    assert value["message"] == "Error: add: argument 1 (a) must be a number, got <object object> and <memory>"
    assert " at 0x" not in repr(value)


def test_in_debug_the_text_is_sent_with_the_traceback() -> None:
    value, line = reply(ValueError("no such row"), debug=True)

    assert value["message"] == "ValueError: no such row"
    assert set(value) == {"message", "detail", "cause"}
    assert value["detail"] == "no such row"
    cause = value["cause"]
    assert isinstance(cause, JSError)
    assert (cause.name, cause.message) == ("Error", "ValueError: no such row")
    assert cause.stack is not None
    assert cause.stack.startswith("Traceback (most recent call last):")
    assert "in raised" in cause.stack
    assert line == "Error occurred in handler for 'add': no such row"


def test_in_debug_an_ipc_error_has_its_traceback_too() -> None:
    value, line = reply(IpcError("No such row", code="no-row"), debug=True)

    assert (value["message"], value["code"]) == ("Error: No such row", "no-row")
    assert "Traceback" in value["cause"].stack
    assert line is None


def test_an_exception_without_a_text_is_its_name() -> None:
    assert reply(ValueError(), debug=True)[0]["message"] == "ValueError"


@pytest.mark.parametrize("debug", [True, False])
def test_an_exception_whose_text_raises_is_still_answered(*, debug: bool) -> None:
    excuse = "(its text cannot be shown: __str__ raised RuntimeError)"

    assert reply(UnprintableIpcError("x"), debug=debug)[0]["message"] == f"Error: {excuse}"
    value, line = reply(UnprintableError(), debug=debug)
    assert value["message"] == (f"UnprintableError: {excuse}" if debug else "Internal error (reference 3f2a)")
    assert line is not None


def test_a_text_that_would_not_fit_is_cut() -> None:
    value, line = reply(ValueError("x" * 1_000_000), debug=True)

    assert len(value["message"]) <= TEXT_LENGTH + 20
    assert len(value["cause"].stack) <= TEXT_LENGTH
    assert len(str(line)) < 300
    assert len(reply(IpcError("x" * 1_000_000))[0]["message"]) <= TEXT_LENGTH + 20


def test_a_channel_cannot_forge_lines_of_the_log() -> None:
    _, line = reply(NoHandlerError("a\nERROR forged"), channel="a\nERROR forged")

    assert line == (r"Error occurred in handler for 'a\nERROR forged': No handler registered for 'a\nERROR forged'")


def test_the_errors_can_be_pickled() -> None:
    no_handler = pickle.loads(pickle.dumps(NoHandlerError("add")))
    never = pickle.loads(pickle.dumps(ReplyNeverSentError()))

    assert (str(no_handler), no_handler.channel) == ("No handler registered for 'add'", "add")
    assert str(never) == "reply was never sent"
