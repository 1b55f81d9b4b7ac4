"""Which tabs a page may send to with `ipcRenderer.sendTo` (PROTOCOL.md 4.4)."""

from collections.abc import Callable

from webipc.concurrency.fatal import contained
from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain

Policy = Callable[[WebFrameMain, WebContents], bool]


def allows(policy: Policy | None, sender: Document, target: Tab) -> bool:
    """Ask the policy of the application; without one, tabs of the sender's user in the sender's browser are reached.

    A policy that raises allows nothing, and the log says so.
    """
    if policy is None:
        return target.is_like(sender.tab)
    with contained("The policy for sendTo raised: %r does not reach %r", sender.frame, target.contents):
        return policy(sender.frame, target.contents)
    return False
