"""What the caller reads when its arguments are not those that a function takes: one sentence, of a bounded length.

Says which argument, where in it, what was expected and what came. Which errors there are is decided by Pydantic.
"""

import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from webipc.core.errors import LocalError
from webipc.core.values import JSArray, undefined

# How much of a value an error shows.
SHOWN: Final = 80

# Pydantic makes an object for each error when it is asked for them: it is not asked for more.
_MOST_ERRORS: Final = 1_000
# How many errors of one call its caller gets.
MOST_MISFITS: Final = 20

_REMARK: Final = re.compile(r", (?:unable to|got) .*", re.DOTALL)


class Misfit(NamedTuple):
    """One place where the arguments do not fit."""

    # Where, as JavaScript would write it, such as `user.tags[0]`: it begins with the name of the parameter.
    path: str
    # What is wrong, to be shown beside a field of a form.
    message: str
    # The type of Pydantic's error, such as `string_too_short`.
    type: str


class ArgumentError(LocalError):
    """The arguments of a message are not those that the function takes. The caller gets the text, in production too."""

    code = "bad-argument"

    def __init__(
        self, channel: str, parameter: str | None, detail: str, joint: str = ": ", errors: Sequence[Misfit] = ()
    ) -> None:
        """`parameter` is the name of the one that is wrong or missing, None when there are too many arguments.

        `detail` is the text without the channel; `joint` stands between the two. `errors` are all places that do not
        fit, at most 20; the text tells the first.
        """
        super().__init__(f"{channel}{joint}{detail}")
        self.channel = channel
        self.parameter = parameter
        self.detail = detail
        self.errors = tuple(errors)
        self._joint = joint

    def __reduce__(self) -> tuple[type["ArgumentError"], tuple[str, str | None, str, str, tuple[Misfit, ...]]]:
        return type(self), (self.channel, self.parameter, self.detail, self._joint, self.errors)


def lines_of(error: ValidationError) -> list[ErrorDetails]:
    """Return what Pydantic says, an entry for each error; nothing where there are very many."""
    if error.error_count() > _MOST_ERRORS:
        return []
    return error.errors(include_url=False, include_context=False)


def misfits_of(name: str, value: Any, error: ValidationError) -> list[Misfit]:
    """Return what is wrong with an argument, at most 20 entries; `name` is that of the parameter, with its star."""
    lines = lines_of(error)
    if not lines:
        text = f"is wrong in {error.error_count()} places, got {shown(value)}"
        return [Misfit(name[:SHOWN], text, "too_many_errors")]
    return [_misfit(name, value, line) for line in lines[:MOST_MISFITS]]


def sentence_of(misfits: Sequence[Misfit], count: int) -> str:
    """Return the sentence behind `argument 1` for its errors, of which there are `count` in all."""
    path, message, _ = misfits[0]
    joint = " " if message.startswith(_VERBS) else ": "
    return f" ({path}){joint}{message}{f' (and {count - 1} more)' if count > 1 else ''}"


def _misfit(name: str, value: Any, line: ErrorDetails) -> Misfit:
    path, found = _find(name, value, line)
    # Where a property is `undefined`, it was validated as absent, or as None where it has no default.
    is_missing = line["type"] == "missing" or (found is undefined and line["input"] is None)
    return Misfit(path[:SHOWN], "is missing" if is_missing else _complaint(line), line["type"])


# How a message begins that continues a sentence.
_VERBS: Final = ("must ", "is missing", "is wrong in ", "fits its ")


def _complaint(line: ErrorDetails) -> str:
    """Return Pydantic's complaint as a message of ours, with the value."""
    given = line["input"]
    if isinstance(given, JSArray) and given.is_sparse:
        return f"must be a list, got an array of length {given.length} with {len(given.items)} of its items set"
    if line["type"] == "string_unicode":
        # Pydantic says "a valid string", whatever was expected.
        return f"must not have a lone surrogate in it, got {shown(given)}"
    text = line["msg"]
    if line["type"] in ("value_error", "assertion_error"):
        # Pydantic puts "Value error, " and "Assertion failed, " before the text of the application's own validator.
        text = text.partition(", ")[2]
    expected = text.removeprefix("Input should be ")
    if expected != text:
        return f"must be {_REMARK.sub('', expected)}, got {shown(given)}"
    return f"{text}, got {shown(given)}"


def _find(name: str, value: Any, line: ErrorDetails) -> tuple[str, Any]:
    """Return where in an argument the error is, as JavaScript would write it (`user.tags[0]`), and what is there.

    Pydantic's own path also has the union members that it tried, which are no keys of the value: they are left out.
    """
    path = name
    absent = line["type"] == "missing"
    for key in line["loc"][:-1] if absent else line["loc"]:
        if isinstance(value, Mapping) and key in value:
            path, value = f"{path}.{key}", value[key]
        elif isinstance(key, int) and isinstance(value, list) and key < len(value):
            path, value = f"{path}[{key}]", value[key]
    return (f"{path}.{line['loc'][-1]}" if absent else path), value


class _Shown(reprlib.Repr):
    """Shows the beginning of a value, at a cost that does not grow with the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxdict = self.maxlist = self.maxset = self.maxtuple = 3
        self.maxstring = self.maxlong = self.maxother = SHOWN

    def repr_instance(self, x: Any, level: int) -> str:
        """Return the beginning of any other object's repr; its class where that raises, and not its address."""
        try:
            text = repr(x)
        except Exception:  # noqa: BLE001 - foreign code
            return f"<{type(x).__name__}>"
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


_SHOWN: Final = _Shown()


def shown(value: object) -> str:
    """Return at most 80 characters of a value's repr; only the type, if it has none."""
    try:
        text = _SHOWN.repr(value[:SHOWN] if isinstance(value, bytes | bytearray) else value)
    except Exception:  # noqa: BLE001 - a `__repr__` may raise anything, and that of an int with 5,000 digits does
        return f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
