"""Electron's objects as handlers see them: events, tabs, documents, ports.

Must not know sockets, nor who is connected.
"""
