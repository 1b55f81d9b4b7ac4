/** Opens a `ws` socket for the subjects without a client library; a close by the server is an error. */
import { WebSocket } from 'ws'

export async function open(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let leaving = false
  socket.on('close', (code) => {
    if (!leaving) throw new Error(`the server closed the connection with ${code}`)
  })
  return {
    socket,
    close: () => {
      leaving = true
      socket.close()
    },
  }
}
