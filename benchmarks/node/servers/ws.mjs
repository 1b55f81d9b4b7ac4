/**
 * JSON-RPC 2.0 by hand on `ws`, with its batches and notifications: about the minimum for calls over a WebSocket in Node.
 * A binary message is echoed unchanged; the text `tell N` is a broadcast to all.
 */
import { WebSocket, WebSocketServer } from 'ws'
import { payload } from './payload.mjs'

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false, maxPayload: 1 << 25 })

const methods = {
  add: (socket, a, b) => a + b,
  ticks: (socket, first, count) => {
    for (let number = first; number < first + count; number++) notify(socket, 'tick', [number])
    return null
  },
  flood: () => null,
  /** Keeps a value, and `give` returns it. */
  take: (socket, value) => (kept = value).length,
  give: () => kept,
}
let kept = null

function notify(socket, method, params) {
  socket.send(JSON.stringify({ jsonrpc: '2.0', method, params }))
}

function tell(number) {
  const text = payload(number)
  for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(text)
}

function run(socket, { id, method, params }) {
  return { jsonrpc: '2.0', id, result: methods[method](socket, ...params) }
}

function answer(socket, text) {
  const request = JSON.parse(text)
  if (Array.isArray(request)) socket.send(JSON.stringify(request.map((call) => run(socket, call))))
  else {
    const response = run(socket, request)
    if (response.id !== undefined) socket.send(JSON.stringify(response))
  }
}

server.on('connection', (socket) => {
  socket.on('error', () => {}) // a connection that breaks: without a listener the process would end
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.send(data)
    const text = data.toString()
    if (text.startsWith('tell ')) tell(Number(text.slice(5)))
    else answer(socket, text)
  })
})
