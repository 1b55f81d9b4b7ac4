"""A coroutine whose first step is run by hand, so that a task is made only for a coroutine that suspends.

`start` runs the first step; StartedCoroutine runs the others. The job queue does this for the application's calls, a
socket for the server's `send` and `receive`.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar, final

Value = TypeVar("Value")

Run = Callable[[Callable[[Any], Any], Any], Any]


def _plainly(step: Callable[[Any], Any], sent: Any) -> Any:
    return step(sent)


@final
class StartedCoroutine(Generic[Value]):
    """The further steps of a started coroutine: await it in the task that is to run them."""

    __slots__ = ("_coroutine", "_run", "_waits_for", "is_closed")

    def __init__(self, coroutine: Coroutine[Any, Any, Value], waits_for: Any, run: Run = _plainly) -> None:
        """`waits_for` is what the first step yielded; `run` runs each further step, such as `context.run`."""
        self._coroutine = coroutine
        self._waits_for = waits_for
        self._run = run
        # True when it was closed from outside, as the end of the interpreter does. The coroutine may raise a
        # GeneratorExit of its own as well.
        self.is_closed = False

    def __await__(self) -> Generator[Any, Any, Value]:
        """Run it to its end. An exception that is thrown in, such as a cancellation, is thrown into the coroutine."""
        run, coroutine, waits_for = self._run, self._coroutine, self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as thrown:  # noqa: BLE001 - the coroutine may catch it
                step: Callable[[Any], Any] = coroutine.throw
                sent = thrown
                self.is_closed = self.is_closed or isinstance(thrown, GeneratorExit)
            else:
                step = coroutine.send
            try:
                waits_for = run(step, sent)
            except StopIteration as stop:
                value: Value = stop.value
                return value


def start(coroutine: Coroutine[Any, Any, Value], run: Run = _plainly) -> Value | StartedCoroutine[Value]:
    """Run the first step of a coroutine in the caller's task. `run` runs each step, such as `context.run`.

    Returns its value when it has ended without suspending, and otherwise its further steps, to be awaited:

        result = start(coroutine)
        if isinstance(result, StartedCoroutine):
            result = await result

    Raises what the first step raises. The value itself is returned, and not an object that holds it, because this is
    called for every frame; so a coroutine must not return a StartedCoroutine.
    """
    try:
        waits_for = run(coroutine.send, None)
    except StopIteration as stop:
        value: Value = stop.value
        return value
    return StartedCoroutine(coroutine, waits_for, run)
