/**
 * JSON-RPC 2.0 by hand on `ws`: about the minimum for a call over a WebSocket in Node.
 * A binary message is echoed unchanged; the text `tell N` is a broadcast to all.
 */
import { WebSocket, WebSocketServer } from 'ws'
import { payload } from './payload.mjs'

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })

const methods = {
  add: (socket, a, b) => a + b,
  ticks: (socket, first, count) => {
    for (let number = first; number < first + count; number++) notify(socket, 'tick', [number])
    return null
  },
}

function notify(socket, method, params) {
  socket.send(JSON.stringify({ jsonrpc: '2.0', method, params }))
}

function tell(number) {
  const text = payload(number)
  for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(text)
}

function answer(socket, request) {
  const { id, method, params } = JSON.parse(request)
  socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: methods[method](socket, ...params) }))
}

server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.send(data)
    const text = data.toString()
    if (text.startsWith('tell ')) tell(Number(text.slice(5)))
    else answer(socket, text)
  })
})
