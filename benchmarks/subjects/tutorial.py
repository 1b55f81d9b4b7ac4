"""What FastAPI's tutorial teaches: a loop that receives JSON, validates it, awaits the work and sends JSON."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel

from benchmarks.subjects.serve import serve

app = FastAPI()


class Call(BaseModel):
    """One call, validated as a whole: the loop that the tutorial shows has one kind of message."""

    id: int
    a: float
    b: float


async def add(a: float, b: float) -> float:
    return a + b


@app.websocket("/")
async def calls(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            call = Call.model_validate(await websocket.receive_json())
            await websocket.send_json({"id": call.id, "result": await add(call.a, call.b)})
    except WebSocketDisconnect:
        return


if __name__ == "__main__":
    serve(app)
