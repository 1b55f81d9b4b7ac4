"""The files that a browser loads before it opens a socket.

Must not know links or the hub.
"""
