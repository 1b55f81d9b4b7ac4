/** Assembles the module `electron`: the document's `ipcRenderer`, its bridge, and the modules that a browser lacks. */
import type { IpcRenderer } from '../types/electron.js'
import { makeContextBridge } from './context-bridge.js'
import type { MainWorld } from './main-world.js'
import { missing } from './missing.js'
import type { ElectronModule } from './types.js'

/** @param world - whose globals `contextBridge` defines; by default the page's */
export function electronModule(ipcRenderer: IpcRenderer, world?: MainWorld): ElectronModule {
  return { ipcRenderer, contextBridge: makeContextBridge(ipcRenderer, world), ...missing }
}
