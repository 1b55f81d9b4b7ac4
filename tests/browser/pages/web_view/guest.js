// A guest: does what its host asks for, and tells what happens to it.
import { ipcRenderer } from '/ipc/client.js'

const asked = new URLSearchParams(location.search)
const { sendToHost } = ipcRenderer
window.ipcRenderer = ipcRenderer

sendToHost('loading', document.readyState)
addEventListener('beforeunload', () => sendToHost('onbeforeunload'))
addEventListener('pagehide', () => sendToHost('onpagehide'))

ipcRenderer.on('ping', (event, ...args) => sendToHost('pong', ...args))
ipcRenderer.on('event', (event) => {
  sendToHost('event', Object.keys(event), event.sender === ipcRenderer, event.ports)
})
ipcRenderer.on('identify', async () => sendToHost('identity', await ipcRenderer.invoke('id')))
ipcRenderer.on('go', (event, url) => { location.href = url })
ipcRenderer.on('close', () => {
  ipcRenderer.connection.close()
  sendToHost('closed')
})
ipcRenderer.on('nest', (event, src) => {
  const frame = document.createElement('iframe')
  frame.src = src
  document.body.append(frame)
})
ipcRenderer.on('drop', () => document.querySelector('iframe').remove())
ipcRenderer.on('refusals', () => {
  const bad = [() => sendToHost(), () => sendToHost(5), () => sendToHost('say', 1, { user: { save() {} } })]
  const texts = bad.map((call) => {
    try {
      return call()
    } catch (error) {
      return `${error.name}: ${error.message}`
    }
  })
  sendToHost('refusals', texts, new Proxy({ reactive: [1] }, {}))
})
ipcRenderer.on('values', () => {
  const cyclic = { map: new Map([[1n, new Date(5)]]) }
  cyclic.self = cyclic
  sendToHost('values', cyclic, cyclic, new Uint8Array([1, 2]))
})

// Keeps the load event waiting until the server answers.
if (asked.has('slow')) {
  const image = document.createElement('img')
  image.src = '/slow'
  document.body.append(image)
}
// Not awaited here: WebKit runs a module that awaits only when the document has loaded.
if (asked.has('inner')) {
  void import('/ipc/web-view.js').then(() => {
    const view = document.createElement('web-view')
    view.src = asked.get('inner')
    view.addEventListener('ipc-message', ({ channel, args }) => sendToHost(`inner ${channel}`, ...args))
    ipcRenderer.on('send inner', (event, ...args) => void view.send(...args))
    document.body.append(view)
  })
}
