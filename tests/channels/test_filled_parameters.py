"""For any signature: what FastAPI fills in and what a page sends each take their own places in a call."""

import inspect
from typing import Annotated, Any

import pytest
from fastapi import Depends
from hypothesis import given
from hypothesis import strategies as st

from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler

POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD
NOTHING = inspect.Parameter.empty


class Called:
    """A function that tells which parameter has got what. `filled` says of each whether it is FastAPI's."""

    def __init__(self, filled: list[bool], first_default: int, *, has_rest: bool) -> None:
        user = Annotated[str, Depends(lambda: "solved")]
        behind = [
            inspect.Parameter(
                f"p{number}",
                POSITIONAL,
                default=None if number >= first_default else NOTHING,
                annotation=user if is_filled else NOTHING,
            )
            for number, is_filled in enumerate(filled)
        ]
        rest = [inspect.Parameter("rest", inspect.Parameter.VAR_POSITIONAL)] if has_rest else []
        self.__signature__ = inspect.Signature([inspect.Parameter("event", POSITIONAL), *behind, *rest])
        self.filled = {f"p{number}": "solved" for number, is_filled in enumerate(filled) if is_filled}
        self.of_the_page = [f"p{number}" for number, is_filled in enumerate(filled) if not is_filled]
        self.least = filled[:first_default].count(False)
        self.has_rest = has_rest

    def __call__(self, *args: Any, **by_name: Any) -> dict[str, Any]:
        return self.__signature__.bind(*args, **by_name).arguments

    def expected(self, arguments: list[int]) -> dict[str, Any] | None:
        """Return what a call with these arguments gives; None for one that is refused."""
        most = len(self.of_the_page)
        if len(arguments) < self.least or (len(arguments) > most and not self.has_rest):
            return None
        rest = {"rest": tuple(arguments[most:])} if arguments[most:] else {}
        return {"event": "event", **self.filled, **dict(zip(self.of_the_page, arguments, strict=False)), **rest}


@st.composite
def functions(draw: st.DrawFn) -> Called:
    filled = draw(st.lists(st.booleans(), max_size=6))
    return Called(filled, draw(st.integers(0, len(filled))), has_rest=draw(st.booleans()))


@given(function=functions(), count=st.integers(0, 9))
def test_no_argument_of_a_page_takes_the_place_of_a_dependency(function: Called, count: int) -> None:
    handler = Handler(function, "any", "handle")
    arguments = list(range(count))
    if not function.filled:
        assert handler.needs is None
        return
    expected = function.expected(arguments)
    if expected is None:
        with pytest.raises(ArgumentError):
            handler.called("event", arguments, function.filled)
    else:
        assert handler.called("event", arguments, function.filled) == expected
    assert arguments == list(range(count))
