// What Electron's tests load ahead of the page of every frame: it says that it is there, and answers a ping.
import { ipcRenderer } from '/ipc/client.js'

const { connection } = ipcRenderer
Object.assign(window, { ipcRenderer, connection, heard: [] })

ipcRenderer.send('preload-ran', location.href)
ipcRenderer.on('preload-ping', () => ipcRenderer.send('preload-pong', location.href))
ipcRenderer.on('say', (event, ...args) => window.heard.push(args))
document.addEventListener('DOMContentLoaded', () => ipcRenderer.send('dom-ready'))
for (const name of ['beforeunload', 'pagehide']) {
  addEventListener(name, () => ipcRenderer.send('preload-unload', name, location.href))
}

window.opened = new Promise((resolve) => {
  const look = () => { if (connection.state === 'open') resolve(connection.webContentsId) }
  connection.on('state', look)
  look()
})

// Resolves as soon as the fact holds; it is looked at whenever anything can have changed.
window.until = (fact) => new Promise((resolve) => {
  const look = () => (fact() ? resolve() : setTimeout(look, 10))
  look()
})
