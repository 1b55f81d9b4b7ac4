"""The length of an array is chosen by its sender: no validator iterates much further than the items that arrived."""

import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, MutableSequence, Sequence
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, BeforeValidator, RootModel

from webipc.channels.complaint import ArgumentError
from webipc.channels.handler import Handler
from webipc.core import clone
from webipc.core.frame import decode_frame
from webipc.core.values import JSArray
from webipc.core.values.array import MAX_ARRAY_LENGTH

# One place more than 1,000, and 16 for the one item: short enough for a test that finds the guard broken.
SPARSE = JSArray(1_017, {0: 0})
DENSE = JSArray(1_016, {0: 0})


class Numbers(BaseModel):
    numbers: list[int]


class Rows(RootModel[list[int]]):
    pass


def listed(value: Any) -> Any:
    """Iterate the value, as a validator of an application may."""
    return list(value)


def handler_taking(annotation: Any) -> Handler:
    def ints(event: Any, numbers: Any) -> None: ...

    ints.__annotations__["numbers"] = annotation
    return Handler(ints, "ints", "handle")


LISTS = [
    list,
    list[Any],
    list[int],
    tuple[int, ...],
    tuple[int, int],
    set[int],
    frozenset[int],
    deque[int],
    Sequence[int],
    MutableSequence[int],
    Iterable[int],
    list[int] | str,
    list[int] | None,
    Rows,
    Annotated[int, BeforeValidator(listed)],
]


@pytest.mark.parametrize("annotation", LISTS)
def test_a_sparse_array_is_refused_where_a_validator_iterates_it(annotation: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        handler_taking(annotation).bind([SPARSE])
    assert caught.value.code == "bad-argument"
    text = str(caught.value)
    assert text.startswith("ints: argument 1 (numbers)")
    # Refused as a whole, or by each member of a union: an error for each hole would show that it was iterated.
    assert int((re.search(r"and (\d+) more", text) or [0, 0])[1]) < 3


def test_a_sparse_array_inside_a_model_is_refused_with_its_path() -> None:
    with pytest.raises(ArgumentError) as caught:
        handler_taking(Numbers).bind([{"numbers": SPARSE}])
    assert str(caught.value) == (
        "ints: argument 1 (numbers.numbers) must be a list, got an array of length 1017 with 1 of its items set"
    )


@pytest.mark.parametrize("annotation", [list[Numbers], dict[str, list[int]], list[list[int]] | None])
def test_a_sparse_array_deep_in_an_argument_is_refused(annotation: Any) -> None:
    value = {"numbers": SPARSE}
    with pytest.raises(ArgumentError):
        handler_taking(annotation).bind([value if "dict" in str(annotation) else [value, [SPARSE]]])


def test_a_sparse_array_in_star_args_is_refused() -> None:
    def ints(event: Any, *numbers: list[int]) -> None: ...

    with pytest.raises(ArgumentError):
        Handler(ints, "ints", "handle").bind([[1], SPARSE])


def test_an_array_with_few_holes_becomes_a_list() -> None:
    (numbers,) = handler_taking(list[Any]).bind([DENSE])
    assert len(numbers) == DENSE.length


@pytest.mark.parametrize("annotation", [Any, object, JSArray, JSArray | None, dict[str, Any] | JSArray])
def test_a_sparse_array_reaches_a_handler_that_takes_arrays_as_they_are(annotation: Any) -> None:
    assert handler_taking(annotation).bind([SPARSE])[0] is SPARSE


@pytest.mark.parametrize("walk", [list, iter, reversed, sum, sorted, lambda value: value[:], lambda value: [*value]])
def test_no_code_walks_through_a_sparse_array_by_accident(walk: Any) -> None:
    """Of an unannotated parameter, for example: 53 bytes would make it walk for hours."""
    (value,) = handler_taking(JSArray).bind([JSArray(MAX_ARRAY_LENGTH, {7: 1})])
    with pytest.raises(ValueError, match="too sparse to be walked through"):
        walk(value)


def test_a_validator_may_not_slice_a_sparse_array() -> None:
    with pytest.raises(ArgumentError):
        handler_taking(Annotated[Any, BeforeValidator(lambda value: value[:])]).bind([SPARSE])


@pytest.mark.parametrize("annotation", [Sequence[int], Sequence[int] | str, list[Sequence[int]]])
def test_an_array_with_names_becomes_a_list_for_a_sequence(annotation: Any) -> None:
    array = JSArray(2, {0: "1", 1: 2}, {"name": "x"})
    given = [array] if annotation == list[Sequence[int]] else array
    (numbers,) = handler_taking(annotation).bind([given])
    assert numbers in ([1, 2], [[1, 2]])


def test_a_short_frame_with_an_array_of_four_billion_items_costs_no_more_than_its_bytes() -> None:
    """In a process that may not have the memory which the claimed length asks for."""
    frame = '[1,0,["invoke",1,"ints",[[]],[["a",[0],4294967295]]]]'
    fields = decode_frame(frame).messages[0].fields
    assert clone.decode(fields[3], fields[4], []) == [JSArray(MAX_ARRAY_LENGTH)]
    program = """
import asyncio, resource
from fastapi import FastAPI
from webipc import IpcMain
from webipc.core.values import JSArray
from webipc.testing import InvokeError, Renderer

app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app)

@ipc_main.handle("ints")
async def ints(event, numbers: list[int]) -> int:
    return len(numbers)

async def main() -> None:
    async with Renderer(app) as page:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        try:
            await page.invoke("ints", JSArray(4294967295))
        except InvokeError as error:
            print(error.code)
        print(await page.invoke("ints", [1, 2]))

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ran.stdout.split() == ["bad-argument", "2"], ran.stderr[-2_000:]
