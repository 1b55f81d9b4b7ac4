/** The client's entry point for bundlers and module scripts: `import { ipcRenderer } from 'webipc'`. */
import { client } from './client.js'
import type { IpcRenderer } from './types/electron.js'

export * from './exports.js'

/** Electron's `ipcRenderer`, for this document. */
export const ipcRenderer: IpcRenderer = client(import.meta.url)
