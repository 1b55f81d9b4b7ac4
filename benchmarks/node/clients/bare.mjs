/** The bare echo: binary messages are returned unchanged. It has no calls. */
import { open } from './open.mjs'

export async function connect(port) {
  const { socket, close } = await open(port)
  const echoes = []
  socket.on('message', (data) => echoes.shift()(data))
  return {
    echo: (bytes) =>
      new Promise((resolve) => {
        echoes.push(resolve)
        socket.send(bytes)
      }),
    close,
  }
}
