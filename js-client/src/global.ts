/** The client's entry point for classic scripts: `window.webipc.ipcRenderer`. */
import { client } from './client.js'
import * as exported from './exports.js'

// `currentScript` is set only while the script runs.
const script = typeof document === 'undefined' ? null : document.currentScript
const ipcRenderer = client((script as HTMLScriptElement | null)?.src)
Object.assign(globalThis, { webipc: { ...exported, ipcRenderer } })
