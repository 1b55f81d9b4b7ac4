/** The client's entry point for classic scripts: `window.webipc.ipcRenderer`. */
import { client } from './client.js'
import * as exported from './exports.js'
import { ofDocument } from './page/own-document.js'

// `currentScript` is set only while the script runs.
const script = ofDocument('currentScript') as HTMLScriptElement | null | undefined
const ipcRenderer = client(script?.src)
Object.assign(globalThis, { webipc: { ...exported, ipcRenderer } })
