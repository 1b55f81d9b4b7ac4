/** JSON-RPC 2.0 by hand on `ws`. Twin: benchmarks/node/servers/ws.mjs. */
import { open } from './open.mjs'

export async function connect(port) {
  const { socket, close } = await open(port)
  const pending = new Map()
  const echoes = []
  let last = 0
  let onTick = () => {}

  socket.on('message', (data, isBinary) => {
    if (isBinary) return echoes.shift()(data)
    const message = JSON.parse(data)
    if (message.method === 'tick') return onTick(...message.params)
    pending.get(message.id)(message.result)
    pending.delete(message.id)
  })

  const call = (method, params) =>
    new Promise((resolve) => {
      pending.set(++last, resolve)
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: last, method, params }))
    })

  return {
    add: (a, b) => call('add', [a, b]),
    echo: (bytes) =>
      new Promise((resolve) => {
        echoes.push(resolve)
        socket.send(bytes)
      }),
    ticks: (first, count) => void call('ticks', [first, count]),
    onTick: (listener) => {
      onTick = listener
    },
    close,
  }
}
