"""What the application raises, and what of it ends the process: everything else is contained where it was raised."""

from typing import Final

# What ends the process when a listener raises it; asyncio lets these out of the event loop as well. Everything else is
# a failure of that listener alone, a CancelledError too: asking a cancelled task for its result raises one.
FATAL: Final = (KeyboardInterrupt, SystemExit)
