/** Puts together what `require('electron')` gives: the document's `ipcRenderer`, its bridge, and what is missing. */
import type { IpcRenderer } from '../types/electron.js'
import { makeContextBridge } from './context-bridge.js'
import { missing } from './missing.js'
import type { ElectronModule } from './types.js'

export function electronModule(ipcRenderer: IpcRenderer): ElectronModule {
  return { ipcRenderer, contextBridge: makeContextBridge(ipcRenderer), ...missing }
}
