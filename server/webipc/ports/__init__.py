"""MessagePorts: the two ends of a channel, what waits in them, and how they cross a link.

Must not know Electron's objects or listeners.
"""
