"""`Commands`: what `remote(id)` asks of a page: to run code, to reload, to close, and whether it is anywhere.

The home calls the page as for its own program, and answers with what the page has. Nothing is done twice: where it is
not known whether a command has run, ResetError says so.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final, Literal

from webipc.cluster.bus.bus import BusError, NoWorkerError
from webipc.cluster.bus.directory import Home, Parked
from webipc.cluster.bus.kinds import HeadModel
from webipc.cluster.bus.questions import Answer
from webipc.cluster.spread.messages import rows_of
from webipc.cluster.spread.ways import Ways
from webipc.cluster.worker import Worker
from webipc.core import clone
from webipc.core.envelope import Result, decode_value, parse
from webipc.core.errors import (
    CloneError,
    DestroyedError,
    FeatureError,
    LimitError,
    ProtocolError,
    ResetError,
    UnreadableError,
    WebipcError,
)
from webipc.core.frame import RawMessage, encode_message
from webipc.core.frame.json_text import dump, load_array
from webipc.core.link.held import MESSAGE_HELD
from webipc.core.values import JSError
from webipc.electron.tab import Tab
from webipc.electron.web_frame_main import DisposedError

COMMAND: Final = "command"

Name = Literal["executeJavaScript", "reload", "close"]


class CommandHead(HeadModel):
    """The head of a command. Its row is a JSON array: the arguments."""

    call: int
    contents: int
    name: Name


class _Found:
    """Looks for a tab, behind everything that goes to it: a `Step`."""

    __slots__ = ("_place", "from_elsewhere")

    payer = None
    size = MESSAGE_HELD

    def __init__(self, place: "asyncio.Future[Tab | str]", *, from_elsewhere: bool) -> None:
        """`from_elsewhere`: the directory is to be asked."""
        self._place = place
        self.from_elsewhere = from_elsewhere

    def here(self, tab: Tab) -> None:
        """See `Step`."""
        if not self._place.done():
            self._place.set_result(tab)

    def there(self, worker: str) -> None:
        """See `Step`."""
        if not self._place.done():
            self._place.set_result(worker)

    def word(self) -> bytes | None:
        """See `Step`. No one would answer."""
        return None

    def failed(self, why: str) -> None:
        """See `Step`."""
        if not self._place.done():
            self._place.set_exception(_not_found(why))


def _not_found(why: str) -> WebipcError:
    if why == "unknown":
        return DestroyedError()
    if why == "parked":
        return DisposedError()
    if why == "owner-lost":
        return ResetError("owner-lost", "not-sent")
    return BusError(f"the way to the page could not be found ({why}): ask again")


class Commands:
    """Of one worker. All of it belongs to the event loop's thread."""

    def __init__(self, worker: Worker, ways: Ways) -> None:
        """`worker` is this one."""
        self._worker = worker
        self._ways = ways
        worker.mailbox.on(COMMAND, CommandHead, self._commanded)

    async def run(self, contents_id: int, name: Name, *args: Any) -> Any:
        """Let the page of a tab run a command, wherever it is. Raises as `RemoteWebContents` says."""
        for has_moved in (False, True):
            # Where it has moved since it was found there, the directory knows.
            place = await self._find(contents_id, from_elsewhere=has_moved)
            if isinstance(place, Tab):
                return await run_here(place, name, args)
            try:
                head = {"contents": contents_id, "name": name}
                answer = await self._worker.questions.ask(place, COMMAND, head, [dump(list(args))])
            except NoWorkerError:
                raise ResetError("owner-lost") from None
            if answer.fields.get("done") != "elsewhere":
                return self._outcome(answer)
        raise DestroyedError

    async def exists(self, contents_id: int) -> bool:
        """Tell whether a tab is at any worker, or parked. Raises BusError."""
        if self._worker.hub.tabs.from_id(contents_id) is not None:
            return True
        place = await self._worker.bus.directory.where(contents_id)
        if isinstance(place, Home):
            return place.worker != self._worker.name and self._worker.bus.members.get(place.worker) is not None
        return isinstance(place, Parked)

    async def _find(self, contents_id: int, *, from_elsewhere: bool) -> Tab | str:
        place: asyncio.Future[Tab | str] = self._worker.hub.loop.create_future()
        self._ways.go(contents_id, _Found(place, from_elsewhere=from_elsewhere))
        return await place

    # --- at the home ----------------------------------------------------------------------------------------------

    def _commanded(self, origin: str, head: CommandHead, rows: Sequence[bytes]) -> None:
        hub = self._worker.hub
        task = hub.loop.create_task(self._answer(origin, head, load_array(rows[0])), name="webipc runs a command")
        hub.tasks.add(task)
        task.add_done_callback(hub.tasks.discard)

    async def _answer(self, origin: str, head: CommandHead, args: list[Any]) -> None:
        tab = self._worker.hub.tabs.from_id(head.contents)
        outcome: dict[str, Any] = {"done": "elsewhere"}
        rows: list[bytes] = []
        try:
            if tab is not None:
                rows = self._encoded(await run_here(tab, head.name, args))
                outcome = {"done": "result"}
        except JSError as error:
            outcome = {"done": "thrown"}
            rows = self._encoded(error)
        except (WebipcError, TypeError) as error:
            outcome = _told(error)
        except asyncio.CancelledError:
            outcome = {"done": "reset", "text": "ended"}
        self._worker.questions.answer(origin, head.call, outcome, rows)

    def _encoded(self, value: Any) -> list[bytes]:
        """Return a value that a page has sent as rows."""
        with contextlib.suppress(CloneError, LimitError):
            return rows_of(encode_message(["result", 1], clone.encode(value, self._worker.hub.limits)))
        return rows_of(encode_message(["result", 1, None]))

    # --- at the worker that has asked ------------------------------------------------------------------------------

    def _outcome(self, answer: Answer) -> Any:
        done, text = answer.fields.get("done"), str(answer.fields.get("text", ""))
        if done in ("result", "thrown"):
            value = self._decoded(answer.rows)
            if done == "result":
                return value
            raise value if isinstance(value, JSError) else JSError("Error", str(value))
        raise _errors(text).get(str(done)) or BusError(f"expected the outcome of a command, got {ascii(done)[:40]}")

    def _decoded(self, rows: Sequence[bytes]) -> Any:
        limits = self._worker.hub.limits
        try:
            json, *segments = rows
            views = [memoryview(segment) for segment in segments]
            (envelope,) = parse([RawMessage(load_array(json), views)], limits)
            if isinstance(envelope, Result):
                return decode_value(envelope, limits)
        except (ProtocolError, ValueError) as error:
            raise BusError(f"expected the result of a command, got something else: {error}") from None
        raise BusError("expected the result of a command, got another message")


async def run_here(tab: Tab, name: Name, args: Sequence[Any]) -> Any:
    """Let the page of a tab of this worker run a command."""
    if name == "executeJavaScript":
        return await tab.contents.execute_javascript(*args)
    await (tab.contents.reload() if name == "reload" else tab.contents.close())
    return None


def _told(error: Exception) -> dict[str, Any]:
    """Return how an error is named to the worker that has asked."""
    if isinstance(error, ResetError):
        return {"done": "reset", "text": error.reason}
    if isinstance(error, DisposedError):
        return {"done": "disposed"}
    if isinstance(error, DestroyedError):
        return {"done": "destroyed"}
    if isinstance(error, FeatureError):
        return {"done": "feature", "text": error.feature}
    return {"done": "unreadable", "text": str(error)}


def _errors(text: str) -> dict[str, WebipcError]:
    return {
        "reset": ResetError(text),
        "disposed": DisposedError(),
        "destroyed": DestroyedError(),
        "feature": FeatureError(text),
        "unreadable": UnreadableError(text),
        "elsewhere": DestroyedError(),
    }
