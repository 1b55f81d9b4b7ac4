"""Which tabs a page may send to with `ipcRenderer.sendTo` (PROTOCOL.md 4.4)."""

from collections.abc import Callable

from webipc.concurrency.fatal import contained
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain

Policy = Callable[[WebFrameMain, WebContents], bool]


def is_same_principal(sender: WebFrameMain, target: WebContents) -> bool:
    """Allow the tabs of the sender's own browser: what holds where the application has no policy of its own."""
    return sender.web_contents.principal == target.principal


def allows(policy: Policy, sender: WebFrameMain, target: WebContents) -> bool:
    """Ask a policy of the application. One that raises allows nothing, and the log says so."""
    with contained("The policy for sendTo raised: %r does not reach %r", sender, target):
        return policy(sender, target)
    return False
