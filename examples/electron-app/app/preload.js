const { contextBridge, ipcRenderer } = require('electron')

contextBridge.exposeInMainWorld('versions', { ...process.versions })

contextBridge.exposeInMainWorld('main', {
  ping: () => ipcRenderer.invoke('ping'),
  setTitle: (title) => ipcRenderer.send('set-title', title),
  report: () => ipcRenderer.invoke('report'),
  onStep: (callback) => ipcRenderer.on('step', (event, by) => callback(by)),
  tellCount: (count) => ipcRenderer.send('count', count),
})
