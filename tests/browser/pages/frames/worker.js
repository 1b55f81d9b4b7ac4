// A worker that does what it is told, and answers with what became of it.
import { ipcRenderer } from '/ipc/client.js'

ipcRenderer.on('preload-ping', () => ipcRenderer.send('preload-pong', self.name))
ipcRenderer.on('port', (event, message) => {
  const [port] = event.ports
  port.onmessage = ({ data }) => port.postMessage(['heard', data])
})
ipcRenderer.send('preload-ran', self.name)

const does = {
  id: () => ipcRenderer.connection.webContentsId,
  invoke: (...args) => ipcRenderer.invoke(...args),
  sendSync: (...args) => ipcRenderer.sendSync(...args),
  send: (...args) => ipcRenderer.send(...args),
  sendTo: (...args) => ipcRenderer.sendTo(...args),
  close: () => ipcRenderer.connection.close(),
  clone: () => ipcRenderer.send('clone', () => undefined),
  post(...args) {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => ipcRenderer.send('port said', data)
    ipcRenderer.postMessage(...args, [port2])
    port1.postMessage('through the port')
  },
}

const serve = (port) => {
  port.onmessage = async ({ data: [id, name, ...args] }) => {
    try {
      port.postMessage([id, await does[name](...args)])
    } catch (error) {
      port.postMessage([id, undefined, String(error)])
    }
  }
}
// A shared worker has a port for each page, a service worker is sent one, a dedicated one is a port itself.
if ('onconnect' in self) self.onconnect = ({ ports: [port] }) => serve(port)
else if ('registration' in self) self.onmessage = ({ ports: [port] }) => serve(port)
else serve(self)
