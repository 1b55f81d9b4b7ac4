"""Every tab of one process: which of them a new document belongs to, and when one without a document is given up
(PROTOCOL.md 6.7).

The hub says which documents come, are shown and go. Must not know links or sockets.
Twin in spirit: js-client/src/tab.ts, which keeps a tab's token in the browser.
"""

import logging
import secrets
from collections.abc import Iterator

from webipc.concurrency.fatal import FATAL
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain

logger = logging.getLogger("webipc")


class Tabs:
    """The web contents of a hub. All but `all` and `from_id` belong to the event loop's thread."""

    def __init__(self, wait: float) -> None:
        """`wait`: for how many seconds a tab without a document waits for its next one."""
        self._wait = wait
        self._by_id: dict[int, WebContents] = {}
        self._by_token: dict[str, WebContents] = {}
        # Those without a document, and until when they may get one; in the order of time.
        self._empty: dict[WebContents, float] = {}
        self._next_id = 1

    def all(self) -> list[WebContents]:
        """Return every tab. From any thread."""
        return list(self._by_id.values())

    def from_id(self, contents_id: int) -> WebContents | None:
        """Return the tab with this id. From any thread."""
        return self._by_id.get(contents_id)

    def occupied(self, token: str | None) -> WebContents | None:
        """Return the tab with this token, if a document of it is connected at this moment."""
        contents = self._named(token)
        return contents if contents is not None and contents._is_shown() else None  # noqa: SLF001 - see `shown`

    def tab_for(self, token: str | None, principal: str) -> tuple[WebContents, bool]:
        """Return the tab of a new document that shows this token, and whether the tab is new as well."""
        contents = self._named(token)
        # A tab shows one document: where its token comes with a second live one, the tab was duplicated.
        if contents is not None and not contents._is_shown():  # noqa: SLF001 - see `shown`
            return contents, False
        contents = WebContents(self._next_id, secrets.token_hex(16), principal)
        self._next_id += 1
        self._by_id[contents.id] = contents
        self._by_token[contents._token] = contents  # noqa: SLF001 - only the server may know it
        return contents, True

    def _named(self, token: str | None) -> WebContents | None:
        return self._by_token.get(token) if token is not None else None

    def shown(self, frame: WebFrameMain) -> None:
        """Make this document, which is none in an iframe, the one that its tab shows."""
        frame.web_contents._frame_shown(frame)  # noqa: SLF001 - this file tells a tab what it shows, and its end
        self._empty.pop(frame.web_contents, None)

    def gone(self, frame: WebFrameMain, now: float) -> None:
        """Forget a document that is gone. A tab that has none left lives on for a while."""
        contents = frame.web_contents
        if contents._frame_gone(frame) and not contents.is_destroyed():  # noqa: SLF001 - see `shown`
            self._empty[contents] = now + (0 if contents._is_closing else self._wait)  # noqa: SLF001 - see `shown`

    def overdue(self, now: float) -> Iterator[WebContents]:
        """Yield each tab whose next document has not come in time. Whoever asks destroys it."""
        for contents in [contents for contents, until in self._empty.items() if now >= until]:
            del self._empty[contents]
            yield contents

    def destroy(self, contents: WebContents) -> None:
        """Forget a tab, and tell its listeners so."""
        del self._by_id[contents.id]
        del self._by_token[contents._token]  # noqa: SLF001 - as above
        try:
            contents._destroy()  # noqa: SLF001 - see `shown`
        except FATAL:
            raise
        except BaseException:
            logger.exception("A listener for 'destroyed' of %r raised", contents)
