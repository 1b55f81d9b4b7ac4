"""The command `webipc`: its options, the process that serves, reload, and what is printed at the terminal.

Must not know links or messages.
"""

from webipc.cli.command import main

__all__ = ["main"]
