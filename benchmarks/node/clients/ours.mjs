/**
 * webipc's own client, as bundlers get it. Node 20 has neither a WebSocket nor a page's address, so both are given here,
 * before the client is loaded; nothing else of a page is emulated. `StandIn` replaces the socket (own.mjs).
 */

/** `ws`, which every other client here uses, with the header and the setting that a page's socket would have. */
async function pageSocket(origin) {
  const { WebSocket } = await import('ws')
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { perMessageDeflate: false, origin })
    }
  }
}

export async function connect(port) {
  const origin = `http://127.0.0.1:${port}`
  globalThis.location = new URL(`${origin}/`)
  globalThis.WebSocket = globalThis.StandIn ?? await pageSocket(origin)
  const { ipcRenderer } = await import('../../../js-client/dist/index.js')
  return {
    add: (a, b) => ipcRenderer.invoke('add', a, b),
    echo: (bytes) => ipcRenderer.invoke('echo', bytes),
    ticks: (first, count) => ipcRenderer.send('ticks', first, count),
    onTick: (listener) => ipcRenderer.on('tick', (event, number) => listener(number)),
    // The link is made to outlive its socket, and the document here ends with the process, which is what ends it.
    close: () => process.exit(0),
  }
}
