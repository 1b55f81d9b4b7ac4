/**
 * The module `electron` for an import map (`{prefix}/electron.js`) and for bundlers (`webipc/electron`, as an alias).
 *
 * It has no client of its own: `ipcRenderer` is that of ../index.js, which the build keeps external.
 */
import { ipcRenderer } from '../index.js'
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'

announcePortClose()

const electron = electronModule(ipcRenderer)

// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- the missing modules are `any`
export const { contextBridge, clipboard, crashReporter, desktopCapturer, nativeImage } = electron
// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- as above
export const { sharedTexture, shell, webFrame, webUtils } = electron
export { ipcRenderer }
export default electron

export type { IpcRenderer, IpcRendererEvent, IpcRendererListener } from '../types/electron.js'
export type { ContextBridge, ElectronModule, ExecutionScript, MissingModule } from './types.js'
