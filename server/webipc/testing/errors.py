"""The errors of a page of `webipc.testing` when the server answers with an error: Electron's text, and the details.

Their counterpart in the client is `withDetails` of js-client/src/ipc-renderer.ts
"""

from typing import Any


class ReplyError(Exception):
    """The server's answer was an error."""

    def __init__(self, text: str, fields: dict[str, Any]) -> None:
        """`fields` is the value of the message `error` (PROTOCOL.md 4.2)."""
        super().__init__(text)
        # The `code` and `data` of an IpcError, or the code of one of webipc's own refusals.
        self.code: str | None = fields.get("code")
        self.data: Any = fields.get("data")
        # The text alone: without Electron's words, and without the name of the exception's class.
        self.detail: str | None = fields.get("detail")
        # The reference of the entry in the server's log, where the text is withheld from the page.
        self.reference: str | None = fields.get("reference")


class InvokeError(ReplyError):
    """`ipcRenderer.invoke` is rejected: Electron's text, with the `code` and `data` of the handler's error."""

    def __init__(self, channel: str, message: str, fields: dict[str, Any]) -> None:
        super().__init__(f"Error invoking remote method '{channel}': {message}", fields)


class SyncError(ReplyError):
    """`ipcRenderer.sendSync` throws: no listener has answered within the server's limit, or `authorize` denies it."""
