/** socket.io's own client, for python-socketio and for socket.io on Node: acknowledgements are its answers. */
import { io } from 'socket.io-client'

export async function connect(port) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject))
  socket.on('disconnect', (reason) => {
    if (reason !== 'io client disconnect') throw new Error(`the server ended the connection: ${reason}`)
  })
  return {
    add: (a, b) => new Promise((resolve) => socket.emit('add', a, b, resolve)),
    echo: (bytes) => new Promise((resolve) => socket.emit('echo', bytes, resolve)),
    ticks: (first, count) => socket.emit('ticks', first, count),
    onTick: (listener) => socket.on('tick', listener),
    close: () => socket.disconnect(),
  }
}
