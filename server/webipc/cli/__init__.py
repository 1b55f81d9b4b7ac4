"""The command `webipc`.

Must not know links or messages.
"""

from webipc.cli.command import main

__all__ = ["main"]
