"""fastapi_websocket_rpc on the same server settings; the import below is the package, not this file."""

from fastapi import FastAPI
from fastapi_websocket_rpc import RpcMethodsBase, WebsocketRPCEndpoint
from fastapi_websocket_rpc.logger import LoggingModes, logging_config

from benchmarks.subjects.serve import serve

logging_config.set_mode(LoggingModes.NO_LOGS)


class Methods(RpcMethodsBase):
    """What the page may call."""

    async def add(self, a: float, b: float) -> float:
        return a + b


app = FastAPI()
WebsocketRPCEndpoint(Methods()).register_route(app, "/")

if __name__ == "__main__":
    serve(app)
