/**
 * host.ts in a file of its own, which only a framed document loads: the client that the server serves as `client.js`
 * has this module in its place (build.mjs). What is sent meanwhile waits for it.
 */
import type { IpcRenderer } from '../types/electron.js'
import type * as Host from './host.js'
import type { ChannelMessage } from './messages.js'

let host: typeof Host | undefined

/** Resolves when the module is loaded, or cannot be; undefined in a document without a parent window. */
let loading: Promise<void> | undefined

/** As of host.ts. */
export function followHost(ipcRenderer: IpcRenderer): void {
  if (typeof window === 'undefined' || window.parent === window) return
  loading = import('./host.js').then((module) => {
    host = module
    module.followHost(ipcRenderer)
  }).catch(console.warn)
}

/** As of host.ts. At once where it can be: a promise of a document that goes away is never resolved. */
export function postToHost(message: ChannelMessage): void {
  if (host) host.postToHost(message)
  else void loading?.then(() => { host?.postToHost(message) })
}
