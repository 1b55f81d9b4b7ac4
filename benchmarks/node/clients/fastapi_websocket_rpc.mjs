/** fastapi_websocket_rpc's wire format. It has no JavaScript client: this is the minimum that its server understands. */
import { open } from './open.mjs'

export async function connect(port) {
  const { socket, close } = await open(port)
  const pending = new Map()
  let last = 0
  socket.on('message', (data) => {
    const { call_id: id, result } = JSON.parse(data).response
    pending.get(id)(result)
    pending.delete(id)
  })
  return {
    add: (a, b) =>
      new Promise((resolve) => {
        const id = String(++last)
        pending.set(id, resolve)
        socket.send(JSON.stringify({ request: { method: 'add', arguments: { a, b }, call_id: id } }))
      }),
    close,
  }
}
