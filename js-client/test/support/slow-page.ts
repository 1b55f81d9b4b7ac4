/**
 * A page in a process of its own, for tests/behaviour/test_slow_networks.py: Node's WebSocket and this client, with the
 * limits that it is told. Sends or receives so many bytes, makes a call behind them, and prints what it has seen.
 *
 * Arguments: the address of the server, the direction, the size, the limits as JSON.
 */
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js'
import { IpcRenderer } from '../../src/ipc-renderer.js'
import type { StateEvent } from '../../src/types/connection.js'
import type { SocketClass } from '../../src/transports/websocket.js'

const [address = '', direction, size = '0', limits = '{}'] = process.argv.slice(2)
const { WebSocket } = globalThis as unknown as { readonly WebSocket: new (url: string, options: object) => object }

/** Node sends no origin by itself. */
class PageSocket extends WebSocket {
  constructor(url: string, protocol: string) {
    super(url, { protocols: [protocol], headers: { origin: new URL(address).origin } })
  }
}

const ipcRenderer = new IpcRenderer({
  address,
  WebSocket: PageSocket as unknown as SocketClass,
  limits: { ...DEFAULT_LIMITS, ...JSON.parse(limits) as Partial<Limits> },
})
let sockets = 0
let received = 0
ipcRenderer.connection.on('state', ({ state }: StateEvent) => { if (state === 'open') sockets += 1 })
ipcRenderer.on('bytes', (_event, bytes: Uint8Array) => { received += bytes.length })
ipcRenderer.connection.begin()

if (direction === 'up') ipcRenderer.send('bytes', new Uint8Array(Number(size)))
else ipcRenderer.send('push', Number(size))
const answer = await ipcRenderer.invoke('received')
console.log(JSON.stringify({ sockets, received, answer }))
process.exit()
