// Electron's page has `ipcRenderer` and nothing of ours on it: no listener stands on it before the test's own.
import { ipcRenderer } from '/ipc/client.js'

const { connection } = ipcRenderer
Object.assign(window, { ipcRenderer, connection })

window.opened = new Promise((resolve) => {
  const look = () => { if (connection.state === 'open') resolve(connection.webContentsId) }
  connection.on('state', look)
  look()
})

// The next message on a channel: [event, ...args].
window.once = (channel) => new Promise((resolve) => { ipcRenderer.once(channel, (...args) => resolve(args)) })

// Resolves as soon as the fact holds.
window.until = (fact) => new Promise((resolve) => {
  const look = () => (fact() ? resolve() : setTimeout(look, 5))
  look()
})

// What an action throws, as `name: message`; undefined when it throws nothing.
window.thrown = (action) => {
  try {
    action()
  } catch (error) {
    return `${error.name}: ${error.message}`
  }
}

// What a promise is rejected with.
window.rejected = (promise) => promise.then(() => undefined, ({ name, message }) => `${name}: ${message}`)

// Sends when the document goes. Here, because what a driver evaluates may be gone before the page is.
window.sendAtTheEnd = (channel) => { addEventListener('pagehide', () => { ipcRenderer.send(channel) }) }
