"""What a page of `webipc.testing` throws when the server's answer is an error: Electron's text, and what came with it.

Must not know how an answer came. Twin in spirit: `withDetails` of js-client/src/ipc-renderer.ts
"""

from typing import Any


class ReplyError(Exception):
    """An error that was answered."""

    def __init__(self, text: str, fields: dict[str, Any]) -> None:
        """`fields` is the value of the `error` (PROTOCOL.md 4.2)."""
        super().__init__(text)
        # The `code` and `data` of an IpcError, or the code of one of webipc's own refusals.
        self.code: str | None = fields.get("code")
        self.data: Any = fields.get("data")
        # Names the entry in the server's log where the text was not told.
        self.reference: str | None = fields.get("reference")


class InvokeError(ReplyError):
    """What `ipcRenderer.invoke` rejects with: Electron's text, and what the handler's error carried."""

    def __init__(self, channel: str, message: str, fields: dict[str, Any]) -> None:
        super().__init__(f"Error invoking remote method '{channel}': {message}", fields)


class SyncError(ReplyError):
    """What `ipcRenderer.sendSync` throws when the server refuses to wait any longer."""
