import electron, { contextBridge, ipcRenderer, webFrame } from 'electron'
import { ipcRenderer as own } from '/ipc/client.js'

contextBridge.exposeInMainWorld('seen', {
  isOne: own === ipcRenderer && electron.ipcRenderer === ipcRenderer,
  webFrame: typeof webFrame,
  use: () => webFrame.setZoomFactor(2),
})
window.ipc = ipcRenderer
window.count = ipcRenderer.invoke('shop:count', 'tea')
