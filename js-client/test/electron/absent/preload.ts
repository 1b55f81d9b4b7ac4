/** A preload script as Electron's users write it, in strict TypeScript. Compiled, never run. */
import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron'

interface Row { readonly id: number, readonly text: string }

const api = {
  load: (id: number): Promise<Row> => ipcRenderer.invoke('row:load', id),
  setTitle: (title: string): void => { ipcRenderer.send('set-title', title) },
  version: (): string => ipcRenderer.sendSync('version'),
  path: (file: File): string => webUtils.getPathForFile(file),
  onRow: (callback: (row: Row) => void): (() => void) => {
    const listener = (_event: IpcRendererEvent, row: Row): void => { callback(row) }
    ipcRenderer.on('row', listener)
    return () => { ipcRenderer.removeListener('row', listener) }
  },
}

export type Api = typeof api

contextBridge.exposeInMainWorld('api', api)

ipcRenderer.once('port', (event) => {
  const [port] = event.ports
  port?.postMessage('hello')
})

// @ts-expect-error -- a channel is a string
ipcRenderer.send(5)
