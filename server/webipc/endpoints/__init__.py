"""The three ways in: the WebSocket, the beacon and the synchronous request.

Must not know Electron's objects.
"""
