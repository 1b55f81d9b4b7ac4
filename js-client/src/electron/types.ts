/**
 * The signatures of Electron's `contextBridge` and of its renderer module, to the letter: hence `any`, as in
 * ../electron-types.ts, which has those of `ipcRenderer`. Types only.
 */
import type { IpcRenderer } from '../types/electron.js'

/** What `executeInMainWorld` takes. */
export interface ExecutionScript {
  /** What is called; its arguments are `args`. */
  func: (...args: any[]) => any
  args?: any[]
}

/** Electron's `contextBridge`, in a page that has one world only. */
export interface ContextBridge {
  /**
   * Makes `api` a global of the page: a copy of its own enumerable properties, frozen to the bottom; functions are
   * themselves. The global can be neither changed nor removed.
   *
   * Throws Error `Cannot bind an API on top of an existing property on the window object` for a key that is there, own
   * or inherited, and TypeError for a key that is no string and for more than 1,000 levels. Then nothing is exposed.
   */
  exposeInMainWorld(apiKey: string, api: any): void
  /** As `exposeInMainWorld`: whatever the number of the world, there is only this one. */
  exposeInIsolatedWorld(worldId: number, apiKey: string, api: any): void
  /** Calls `func` with `args` and returns what it returns; both worlds are this one, so nothing is copied. */
  executeInMainWorld(executionScript: ExecutionScript): any
}

/** What Electron gives a renderer and a browser does not: it is there, and throws when it is used. */
export type MissingModule = any

/** What `require('electron')` gives a sandboxed preload script. */
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
