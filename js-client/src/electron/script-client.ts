/** The document's client for a classic script that the server serves under another name than `client.js`. */
import { client } from '../client.js'
import { ofDocument } from '../page/own-document.js'
import type { IpcRenderer } from '../types/electron.js'

/** @returns the document's `ipcRenderer`; its server is that of the running script. Call it while that script runs. */
export function scriptClient(): IpcRenderer {
  const script = ofDocument('currentScript') as HTMLScriptElement | null | undefined
  return client(script?.src ? new URL('client.js', script.src).href : undefined)
}
