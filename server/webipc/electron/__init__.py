"""Electron's objects as handlers see them (events, tabs, documents, ports), and what the server keeps of each.

`Tab` and `Document` are the server's records; `WebContents` and `WebFrameMain` are their faces for handlers.
Must not know sockets, nor which links there are.
"""
