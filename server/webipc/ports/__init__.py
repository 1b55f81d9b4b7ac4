"""MessagePorts: the two ends of a channel, the messages that wait in them, and how both cross a link.

Must not know Electron's objects or listeners.
"""
