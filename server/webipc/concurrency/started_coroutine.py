"""A coroutine whose first step was run by hand, so that a task is made only where something has to wait.

Must not know whose coroutine it is: the inbox does this for the application's calls, a socket for the server's `send`
and `receive`.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any

Run = Callable[[Callable[[Any], Any], Any], Any]


def _plainly(step: Callable[[Any], Any], sent: Any) -> Any:
    return step(sent)


class StartedCoroutine:
    """The further steps of a started coroutine: await it in the task that is to run them."""

    __slots__ = ("_coroutine", "_run", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any, run: Run = _plainly) -> None:
        """`waits_for` is what the first step yielded; `run` runs each further step, such as `context.run`."""
        self._coroutine = coroutine
        self._waits_for = waits_for
        self._run = run

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run it to its end. What is thrown in, a cancellation, is the coroutine's to catch."""
        run, coroutine, waits_for = self._run, self._coroutine, self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as thrown:  # noqa: BLE001 - it is passed on to whom it belongs
                step: Callable[[Any], Any] = coroutine.throw
                sent = thrown
            else:
                step = coroutine.send
            try:
                waits_for = run(step, sent)
            except StopIteration as stop:
                return stop.value
