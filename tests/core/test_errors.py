"""The hierarchy of errors, close codes and what a page does after each. Twin: js-client/test/core/errors.test.ts"""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from webipc.core import errors
from webipc.core.errors import AfterClose, CloseCode, WebipcError, after_close, fit_reason, reset_reason

CODES = {
    errors.CloneError("args[1].user", "a function"): "not-cloneable",
    errors.LimitError("depth", 513, 512): "limit",
    errors.BufferFullError("kept_messages", 3, 2): "buffer-full",
    errors.DestroyedError(): "destroyed",
    errors.LinkEndedError(): "link-ended",
    errors.ProtocolError("no", CloseCode.TOO_LARGE): "protocol",
    errors.UnreadableError("no"): "unreadable",
    errors.ResetError("ended", "not-sent"): "not-sent",
    errors.ResetError("ended"): "unknown-outcome",
    errors.IpcError("no", code="mine", data=[1]): "mine",
    errors.IpcError("no"): "webipc",
}


@pytest.fixture
def constants(vectors: Path) -> Any:
    return json.loads((vectors / "constants.json").read_text(encoding="utf-8"))


def test_the_close_codes_are_those_of_the_vector(constants: Any) -> None:
    assert {code.name: code.value for code in CloseCode} == constants["close_codes"]


def test_what_a_page_does_after_a_code_is_what_the_vector_says(constants: Any) -> None:
    assert {code: after_close(int(code)).value for code in constants["after_close"]} == constants["after_close"]


def test_the_reason_of_a_reset_is_what_the_vector_says(constants: Any) -> None:
    assert [[code, text, reset_reason(code, text)] for code, text, _ in constants["reset_reasons"]] == constants[
        "reset_reasons"
    ]


def test_a_page_reconnects_after_an_unknown_code() -> None:
    assert after_close(4321) is AfterClose.RECONNECT


@pytest.mark.parametrize("error", CODES, ids=repr)
def test_every_error_has_its_code_and_one_root(error: WebipcError) -> None:
    assert isinstance(error, WebipcError)
    assert error.code == CODES[error]


@pytest.mark.parametrize("error", CODES, ids=repr)
@pytest.mark.parametrize("repeat", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
def test_an_error_survives_copying_and_pickling(error: WebipcError, repeat: Any) -> None:
    again = repeat(error)
    assert (type(again), str(again), again.code, vars(again)) == (type(error), str(error), error.code, vars(error))


def test_a_clone_error_has_the_text_of_electron_and_then_the_path() -> None:
    error = errors.CloneError("args[1].user.save", "a function")
    assert str(error) == "An object could not be cloned. args[1].user.save: a function"
    assert (error.path, error.reason) == ("args[1].user.save", "a function")


def test_a_destroyed_object_is_a_type_error_with_the_text_of_electron() -> None:
    error = errors.DestroyedError()
    assert isinstance(error, TypeError)
    assert str(error) == "Object has been destroyed"


def test_a_protocol_error_closes_with_4400_unless_it_says_otherwise() -> None:
    assert errors.ProtocolError("no").close_code == 4400
    assert errors.ProtocolError("no", CloseCode.TOO_LARGE).close_code == 4413


def test_a_full_buffer_names_limit_and_sizes() -> None:
    error = errors.BufferFullError("kept_bytes", 30, 20)
    assert (error.limit, error.actual, error.allowed) == ("kept_bytes", 30, 20)
    assert "kept_bytes" in str(error)


@pytest.mark.parametrize(
    "text, fitting",
    [
        ("short", "short"),
        ("a" * 124, "a" * 123),
        ("é" * 62, "é" * 61),
        ("a" + "😀" * 31, "a" + "😀" * 30),
    ],
)
def test_a_reason_is_cut_at_123_bytes_and_between_characters(text: str, fitting: str) -> None:
    assert fit_reason(text) == fitting


def test_a_reason_with_half_a_character_is_still_sent() -> None:
    assert fit_reason("\ud800!") == "?!"


def test_the_length_of_a_reason_is_that_of_the_vector(constants: Any) -> None:
    assert len(fit_reason("a" * 1000)) == constants["reason_bytes"]
