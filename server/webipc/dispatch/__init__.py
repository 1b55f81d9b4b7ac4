"""From a message to the application's code, in Electron's order, and the answer back.

Must not know sockets, nor how a call is scheduled.
"""
