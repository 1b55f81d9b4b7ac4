// What tests look at from outside: a module's names are not visible to them.
import { ipcRenderer } from '/ipc/client.js'

const { connection } = ipcRenderer
const hooks = { ipcRenderer, connection, arrived: [], states: [], resets: [], results: [], errors: [] }
Object.assign(window, hooks)

connection.on('state', (event) => hooks.states.push(event.state))
connection.on('reset', (event) => hooks.resets.push(event))
ipcRenderer.on('count', (event, number) => hooks.arrived.push(number))

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
