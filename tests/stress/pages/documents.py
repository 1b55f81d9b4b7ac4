"""A document under stress in a real browser: opens it, reloads it, and collects what it was told. Its script is
documents/stress.js.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import evaluate
from tests.stress.rig import Rig
from tests.stress.told import Told

MIX: Mapping[str, int] = {"note": 30, "call": 30, "threaded": 10, "ask": 8, "port": 20, "relay": 20, "large": 1}
"""How often a document does each act, in proportion."""


class Document:
    """The document in the tab that is in front, with or without one more in an iframe."""

    def __init__(
        self, rig: Rig, tab: WebDriver, *, mix: Mapping[str, int], frame: bool = False, relay: int = 0
    ) -> None:
        """`relay` is the web contents id of the page that relayed ports lead to; 0 for none."""
        self._tab = tab
        self._has_frame = frame
        self._left: list[Told] = []
        name = tab.capabilities["browserName"]
        embeds = {"frame": 1} if frame else {}
        fields = {
            "name": name,
            "seed": rig.run.seed,
            "mix": json.dumps(mix),
            "relay": relay,
            **embeds,
        }
        tab.get(f"{rig.network.url}/stress.html?{urlencode(fields)}")

    def web_contents_id(self) -> int:
        """Return the id of the tab, when the document is connected."""
        identity: int = self.evaluate("stress.opened")
        return identity

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the document."""
        return evaluate(self._tab, expression)

    def reload(self) -> None:
        """Leave the document, and load it again."""
        self._tab.refresh()
        self._take_left()

    def do_many(self, kind: str, count: int) -> Told:
        """Let the document do so many acts in one task; return its record."""
        return Told.of(self.evaluate(f"stress.doMany('{kind}', {count})"))

    def _take_left(self) -> None:
        self._left += [Told.of(record) for record in self.evaluate("stress.takeLeft()")]

    def settle(self) -> None:
        """Wait until the document, and the one in its frame, were told about everything."""
        assert self.evaluate("stress.settled()")
        if self._has_frame:
            assert self.evaluate("frames[0].stress.settled()")

    def told(self) -> list[Told]:
        """Return the records of the document, of its frame, and of all that were left before."""
        self._take_left()
        frames = [self.evaluate("frames[0].stress.told()")] if self._has_frame else []
        return [*self._left, *(Told.of(record) for record in [self.evaluate("stress.told()"), *frames])]
