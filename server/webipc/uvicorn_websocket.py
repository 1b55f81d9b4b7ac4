"""The documented name of the WebSocket class for uvicorn: `uvicorn.run(app, ws=DirectWebSocket)`."""

from webipc.servers.uvicorn import DirectWebSocket

__all__ = ["DirectWebSocket"]
