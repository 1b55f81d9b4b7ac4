/** The renderer's half: what the preload script exposed, and the module under its other name. Compiled, never run. */
import electron, { ipcRenderer } from 'electron/renderer'
import type { IpcRenderer } from 'electron/common'
import type { Api } from './preload.js'

declare global {
  interface Window { readonly api: Api }
}

async function start(): Promise<string> {
  const row = await window.api.load(1)
  window.api.setTitle(row.text)
  const stop = window.api.onRow(({ id }) => { if (id === 2) stop() })
  return window.api.version()
}

void start().then((version) => { ipcRenderer.send('started', version) })
const renderer: IpcRenderer = electron.ipcRenderer
renderer.on('counter', (event: Electron.IpcRendererEvent, value: number) => {
  event.sender.send('counter-value', value + 1)
})
