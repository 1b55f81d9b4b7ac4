/** The page's half of FastAPI's tutorial loop, with ids so that more than one call can be in flight. */
import { open } from './open.mjs'

export async function connect(port) {
  const { socket, close } = await open(port)
  const pending = new Map()
  let last = 0
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(data)
    pending.get(id)(result)
    pending.delete(id)
  })
  return {
    add: (a, b) =>
      new Promise((resolve) => {
        pending.set(++last, resolve)
        socket.send(JSON.stringify({ id: last, a, b }))
      }),
    close,
  }
}
