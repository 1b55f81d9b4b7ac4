/**
 * Our objects are assignable to Electron's own types, from its package's electron.d.ts. Nobody runs this file: the
 * compiler is the judge (`npm run types`).
 */
import type Electron from 'electron'
import { contextBridge, ipcRenderer, type IpcRendererEvent } from '../../../src/electron/index.js'

export const asElectrons: Electron.IpcRenderer = ipcRenderer
export const bridge: Electron.ContextBridge = contextBridge

/** Written for Electron's types, given ours. */
export function preload(ipc: Electron.IpcRenderer): () => void {
  const listener = (event: Electron.IpcRendererEvent, ...args: number[]): void => { event.sender.send('b', ...args) }
  ipc.on('a', listener).once('b', listener).addListener('c', listener)
  ipc.postMessage('port', null, [new MessageChannel().port1])
  const answer = ipc.sendSync('sync', 1) as number
  ipc.sendToHost('host', answer)
  return () => { ipc.off('a', listener).removeListener('c', listener).removeAllListeners('b') }
}

export const ports = (event: IpcRendererEvent): Electron.IpcRendererEvent['ports'] => event.ports
