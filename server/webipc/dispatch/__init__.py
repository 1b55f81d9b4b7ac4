"""Dispatches each message to the application's code, in Electron's order, and encodes the answer.

Must not know sockets, nor how a job is scheduled.
"""
