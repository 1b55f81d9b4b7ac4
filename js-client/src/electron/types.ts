/**
 * The signatures of Electron's `contextBridge` and of its renderer module, unchanged: hence `any`, as in
 * ../types/electron.ts, which has those of `ipcRenderer`.
 */
import type { IpcRenderer } from '../types/electron.js'

/** The argument of `executeInMainWorld`. */
export interface ExecutionScript {
  /** The function to call with `args`. */
  func: (...args: any[]) => any
  args?: any[]
}

/** Electron's `contextBridge`, in a page that has one world. */
export interface ContextBridge {
  /**
   * Makes `api` a global of the page: a copy of its own enumerable properties, deeply frozen; functions stay the same
   * object. The global can be neither changed nor removed.
   *
   * Throws Error `Cannot bind an API on top of an existing property on the window object` for an existing key, own or
   * inherited, and TypeError for a key that is no string and for more than 1,000 levels. Then nothing is exposed.
   */
  exposeInMainWorld(apiKey: string, api: any): void
  /** As `exposeInMainWorld`: any world id means the one world of the page. */
  exposeInIsolatedWorld(worldId: number, apiKey: string, api: any): void
  /** Calls `func` with `args` and returns its result. There is one world, so nothing is copied. */
  executeInMainWorld(executionScript: ExecutionScript): any
}

/** A module of Electron that a browser lacks: it can be imported, and throws when it is used. */
export type MissingModule = any

/** The module `electron` of a sandboxed preload script. */
export interface ElectronModule {
  readonly ipcRenderer: IpcRenderer
  readonly contextBridge: ContextBridge
  readonly clipboard: MissingModule
  readonly crashReporter: MissingModule
  readonly desktopCapturer: MissingModule
  readonly nativeImage: MissingModule
  readonly sharedTexture: MissingModule
  readonly shell: MissingModule
  readonly webFrame: MissingModule
  readonly webUtils: MissingModule
}
