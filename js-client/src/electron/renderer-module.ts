/** Assembles the module `electron`: the document's `ipcRenderer`, its bridge, and the modules that a browser lacks. */
import type { IpcRenderer } from '../types/electron.js'
import { makeContextBridge } from './context-bridge.js'
import { missing } from './missing.js'
import type { ElectronModule } from './types.js'

export function electronModule(ipcRenderer: IpcRenderer): ElectronModule {
  return { ipcRenderer, contextBridge: makeContextBridge(ipcRenderer), ...missing }
}
