// The shape of an un-bundled preload script of Electron Forge's templates.
const { contextBridge, ipcRenderer } = require('electron')
const { EventEmitter } = require('node:events')

const local = new EventEmitter()
ipcRenderer.on('shop:price', (_event, name, price) => local.emit(name, price))

contextBridge.exposeInMainWorld('shop', {
  count: (name) => ipcRenderer.invoke('shop:count', name),
  buy: (name, amount) => ipcRenderer.send('shop:buy', name, amount),
  stock: () => ipcRenderer.sendSync('shop:stock'),
  onPrice: (name, callback) => {
    local.on(name, callback)
    return () => local.off(name, callback)
  },
})

process.once('loaded', () => {
  contextBridge.exposeInMainWorld('loadedBeforeThePage', document.body === null)
})

window.addEventListener('DOMContentLoaded', () => {
  for (const type of ['chrome', 'node', 'electron']) {
    const element = document.getElementById(`${type}-version`)
    if (element) element.innerText = process.versions[type]
  }
})
