/**
 * Opens a `ws` socket for the subjects without a client library; a close by the server is an error.
 * `StandIn` replaces the socket (own.mjs).
 */
export async function open(port) {
  const WebSocket = globalThis.StandIn ?? (await import('ws')).WebSocket
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false, maxPayload: 1 << 25 })
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
