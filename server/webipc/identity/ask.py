"""`Asks`: who a client is, asked of the application's own dependencies at each attach.

The dependencies of the application and `authenticate` are solved together, once. What they see is a GET request with
the headers, cookies, query and address of the attach, whatever brought it. Asks are bounded: some run at once, others
wait in a line, and who has no answer in time is refused while the ask runs on.
"""

import asyncio
import logging
import math
import random
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.access.visitor import RefusedError, Visitor
from webipc.concurrency.clock import Clock
from webipc.concurrency.fatal import FATAL
from webipc.core.errors import fit_reason
from webipc.core.limits import Limits
from webipc.identity.asked_again import AskedAgain
from webipc.identity.asking import USER, Asking
from webipc.identity.confidential import log_error, without_secrets
from webipc.identity.identity_of import IdentityError, identity_text
from webipc.identity.line import FullError, Line
from webipc.identity.outcome import AskRefusedError, failed, later, refusal_of
from webipc.logs.ration import Ration

if TYPE_CHECKING:
    from webipc.dependencies.solver import Tree

logger = logging.getLogger("webipc")

_SPREAD: Final = 0.1
"""Which part of `max_age` is random, to both sides."""

_REFUSED: Final = "%s at %s was refused with %d: %s%s"
_UNCOMPARED: Final = "%s at %s was not let in: %s%s"
_PROXY: Final = (
    "%s at %s sends a token (connection.token) and an Authorization header, as a proxy adds it: the header counts, "
    "for every such page"
)
_FAILED: Final = "Asking who %s at %s is failed: it is refused, and asks again%s"
_LATE: Final = "%s at %s was not let in: asking who it is took longer than %d ms (%d asks run, %d wait)%s"
_CROWDED: Final = "%s at %s was not let in: too many wait to be asked who they are (%d asks run, %d wait)%s"


class Asks:
    """Asks who clients are. All methods belong to the event loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        asking: Asking,
        limits: Limits,
        tasks: set[asyncio.Task[Any]],
    ) -> None:
        """`tasks` has every ask that runs, also one that nothing waits for any more."""
        self._loop = loop
        self._clock = clock
        self._asking = asking
        self._limits = limits
        self._tasks = tasks
        self._line = Line(loop)
        self._refusals = Ration(10, 100, 60.0)
        self._failures = Ration(1, 1, 10.0)
        self._has_named_proxy = False
        # Who was asked again lately, by the time that stands still while the process does.
        self.again = AskedAgain(lambda: clock.now)

    @property
    def running(self) -> int:
        """How many asks run, also those that nothing waits for any more."""
        return self._line.taken

    @property
    def waiting(self) -> int:
        """How many clients wait until they are asked."""
        return self._line.waiting

    async def ask(self, visitor: Visitor, attach_scope: AttachScope, token: str | None = None) -> Caller:
        """Return who an attach is from. `token` is that of its `hello`: it is shown as `Authorization: Bearer`.

        Raises AskRefusedError where the application lets nobody in, where its code fails, or where nothing answers
        within `ask_ms`. Cancelling this does not cancel the ask. Where the application asks for nothing, this does not
        suspend.
        """
        tree = self._asking.tree
        if token is not None and not attach_scope.show_token(token) and not self._has_named_proxy:
            self._has_named_proxy = True
            logger.info(_PROXY, visitor.peer, visitor.origin)
        if tree is None:
            outcome = self._unasked(visitor, attach_scope)
        else:
            outcome = await self._answer(tree, visitor, attach_scope)
        if isinstance(outcome, AskRefusedError):
            raise outcome
        return outcome

    def due(self, caller: Caller) -> float:
        """Return when a caller is to be asked again, by the event loop's time: `max_age` from now, more or less.

        Pages that have come together, as after a restart, come again at different times.
        """
        max_age = self._asking.max_age
        if max_age is None or caller.identity is None:
            return math.inf
        spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - it spreads load, and guards nothing
        return self._loop.time() + max_age * spread

    def is_older(self, caller: Caller) -> bool:
        """Tell whether what is known of a caller is older than the last time that its user was asked again."""
        return self.again.is_older(caller.identity, caller.attach_scope.moment)

    def renew(self, attach_scope: AttachScope) -> None:
        """Let the next ask about an attach count from now on.

        Raises AskRefusedError where only a middleware knows the user, which has looked at the attach before: the page
        may come again.
        """
        if self._asking.tree is None:
            raise later()
        attach_scope.moment = self.again.moment

    async def _answer(self, tree: "Tree", visitor: Visitor, attach_scope: AttachScope) -> Caller | AskRefusedError:
        try:
            async with self._clock.timeout(self._limits.ask_ms / 1000):
                await self._line.enter(visitor.address)
                asked = self._begin(tree, visitor, attach_scope)
                # Other than with `await asked`, a timeout does not cancel it: a thread that a dependency has taken
                # would run on, and count no more.
                await asyncio.wait((asked,))
        except TimeoutError:
            return self._unanswered(visitor, _LATE, self._limits.ask_ms)
        except FullError:
            return self._unanswered(visitor, _CROWDED)
        return asked.result()

    def _begin(
        self, tree: "Tree", visitor: Visitor, attach_scope: AttachScope
    ) -> "asyncio.Task[Caller | AskRefusedError]":
        asked = self._loop.create_task(self._run(tree, visitor, attach_scope))
        self._tasks.add(asked)
        asked.add_done_callback(self._tasks.discard)
        asked.add_done_callback(lambda _: self._line.leave(visitor.address))
        return asked

    async def _run(self, tree: "Tree", visitor: Visitor, attach_scope: AttachScope) -> Caller | AskRefusedError:
        scope = attach_scope.scope()
        try:
            async with tree.solved(scope, self._asking.app) as values:
                user = values[USER] if self._asking.authenticates else scope.get("user")
                # An object of an ORM may answer no more when its session is closed.
                caller = Caller(attach_scope, user, identity_text(self._asking.identity, user))
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody is let in, and it is logged
            return self._refused(error, visitor, attach_scope)
        return caller

    def _unasked(self, visitor: Visitor, attach_scope: AttachScope) -> Caller | AskRefusedError:
        """Return the caller where the application asks for nothing: the user of its middleware, if any."""
        user = attach_scope.get("user")
        if user is None:
            return Caller(attach_scope)
        try:
            return Caller(attach_scope, user, identity_text(self._asking.identity, user))
        except Exception as error:  # noqa: BLE001 - it is logged
            return self._refused(error, visitor, attach_scope)

    # --- the log ----------------------------------------------------------------------------------------------------

    def log_refused(self, visitor: Visitor, refusal: RefusedError) -> None:
        """Write the line about a refusal because of who the user is, unless there were too many: see `log`."""
        self.log(visitor.address, logging.INFO, _REFUSED, visitor.peer, visitor.origin, refusal.code, refusal.logged)

    def log(self, address: Hashable, level: int, text: str, *args: object) -> None:
        """Write a line about a client, unless there were too many about this address in the last minute.

        `text` has a `%s` at its end, for what is said of the lines that were left out.
        """
        if self._refusals.may_write(address):
            logger.log(level, text, *args, self._refusals.left_out())

    # --- who is refused -------------------------------------------------------------------------------------------

    def _refused(self, error: BaseException, visitor: Visitor, attach_scope: AttachScope) -> AskRefusedError:
        """Return the refusal that an exception of the application means, and log it."""
        refusal = refusal_of(error)
        if refusal is None:
            return self._failed(error, visitor, attach_scope)
        # The reason is for the client, which knows its secrets.
        refusal.logged = fit_reason(without_secrets(refusal.logged, attach_scope))
        self.log_refused(visitor, refusal)
        return refusal

    def _failed(self, error: BaseException, visitor: Visitor, attach_scope: AttachScope) -> AskRefusedError:
        asked = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and asked is not None and asked.cancelling():
            # The process ends.
            return later()
        if self._failures.may_write():
            left_out = self._failures.left_out()
            if isinstance(error, IdentityError):
                logger.error(_UNCOMPARED, visitor.peer, visitor.origin, error, left_out)
            else:
                log_error(error, attach_scope, _FAILED, visitor.peer, visitor.origin, left_out)
        return failed()

    def _unanswered(self, visitor: Visitor, text: str, *args: object) -> AskRefusedError:
        counts = (self.running, self.waiting)
        self.log(visitor.address, logging.WARNING, text, visitor.peer, visitor.origin, *args, *counts)
        return later()
