/**
 * Creates the one `ipcRenderer` of a document. The package may be loaded several times (script, bundle, preload, hot
 * update); the first copy wins.
 */
import { headMeta } from './page/own-document.js'
import { findAddress } from './page/server-address.js'
import type * as Electron from './types/electron.js'
import { followHost } from './web-view/host.js'
import { IpcRenderer } from './ipc-renderer.js'
import { followPage } from './page/lifecycle.js'
import { whenShown } from './page/prerendering.js'
import { VERSION } from './version.js'
import type { SocketClass } from './transports/websocket.js'

interface Loaded {
  readonly version: string
  readonly ipcRenderer: Electron.IpcRenderer
}

const KEY: unique symbol = Symbol.for('webipc')

/**
 * @param script - the address that this script was loaded from, if it is known
 * @returns the document's `ipcRenderer`; it connects in a microtask, or at `connection.open()` in a page with
 *   `<meta name="webipc-connect" content="manual">`. If there is no WebSocket or no server (server side
 *   rendering, unit tests) it stays `connecting`, and messages wait, up to the limits of a link.
 */
export function client(script: string | undefined): Electron.IpcRenderer {
  const realm = globalThis as { [KEY]?: Loaded }
  const first = realm[KEY]
  const loaded = first ?? (realm[KEY] = { version: VERSION, ipcRenderer: create(script) })
  if (loaded.version !== VERSION) {
    console.warn(`webipc: ${loaded.version} stays in use, not ${VERSION}`)
  }
  return loaded.ipcRenderer
}

function create(script: string | undefined): Electron.IpcRenderer {
  const address = findAddress(script)
  const WebSocket = globalThis.WebSocket as SocketClass | undefined
  if (address === undefined && WebSocket && typeof document !== 'undefined') {
    console.warn('webipc: name the server in <meta name=webipc>')
  }
  const ipcRenderer = new IpcRenderer({ address, WebSocket, manual: headMeta('webipc-connect') === 'manual' })
  followHost(ipcRenderer)
  queueMicrotask(() => {
    whenShown(() => {
      ipcRenderer.connection.begin()
      followPage(ipcRenderer.connection)
    })
  })
  return ipcRenderer
}
