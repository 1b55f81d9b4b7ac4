/** The page that the playground embeds: a frame of its tab, which sends to its host and to Python. */
import { ipcRenderer } from '../client.js'
import { byId } from './elements.js'
import { brief } from './show.js'

const { connection } = ipcRenderer
const who = byId('who', HTMLElement)
const heard = byId('heard', HTMLElement)
let count = 0
/** The last message of each channel, so that a busy channel hides no other. @type {Map<string, string>} */
const last = new Map()

connection.on('state', ({ state }) => {
  const id = connection.webContentsId
  who.textContent = state === 'open' ? `An embedded page: a frame of web contents ${id}` : `An embedded page: ${state}`
})

const emit = ipcRenderer.emit.bind(ipcRenderer)
ipcRenderer.emit = (channel, ...args) => {
  if (args[0]?.sender === ipcRenderer) {
    last.set(String(channel), args.slice(1).map((arg) => brief(arg, 40)).join(', '))
    heard.textContent = [...last].map(([name, said]) => `${name}: ${said}`).join('\n')
  }
  return emit(channel, ...args)
}

byId('to-host', HTMLButtonElement).addEventListener('click', () => {
  ipcRenderer.sendToHost('hello-host', (count += 1), new Date())
})
byId('to-python', HTMLButtonElement).addEventListener('click', () => {
  ipcRenderer.send('hello', `from a frame (${(count += 1)})`)
})
