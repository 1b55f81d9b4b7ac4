"""The three ways in: the WebSocket, the beacon and the synchronous request.

Each admits or refuses a client and passes its frames to a link. Must not know Electron's objects.
"""
