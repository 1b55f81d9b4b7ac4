/** The document's client for a classic script that Python served under another name than the client's own. */
import { client } from '../client.js'
import type { IpcRenderer } from '../types/electron.js'

/** @returns the one `ipcRenderer`; its server is where the running script came from. Call it while the script runs. */
export function scriptClient(): IpcRenderer {
  const script = typeof document === 'undefined' ? null : document.currentScript as HTMLScriptElement | null
  return client(script?.src ? new URL('client.js', script.src).href : undefined)
}
