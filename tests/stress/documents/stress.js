// A page under stress: does one act after another, chosen at random from a mix, and notes what it is told about each.
// Its record is that of tests/stress/told.py. A document that is left puts its record into sessionStorage.
//
// Parameters: name, seed, mix (JSON: how often each act is done), relay (a web contents id), frame (present: it embeds
// one more such document).
import { ipcRenderer } from '/ipc/client.js'
import { areBytesOf, bytesOf, isValueOf, LARGE, valueOf } from './values.js'

const BACKLOG = 100
const TURN = 8
const LEFT = 'stress: documents that were left'

const parameters = new URLSearchParams(location.search)
const page = `${parameters.get('name')} ${crypto.getRandomValues(new Uint32Array(2)).join('')}`
const mix = Object.entries(JSON.parse(parameters.get('mix') ?? '{}'))
const relay = Number(parameters.get('relay'))
const { connection } = ipcRenderer

const acts = []
const pushed = []
const states = []
const record = { page, pushes: [], echoes: { port: [], relay: [] }, opened: { port: [], relay: [] }, resets: [], dropped: 0, left: false }
const sent = { note: 0, port: 0, relay: 0 }
let open = 0
let largeOpen = 0
let ports = {}
let stopped = mix.length === 0
const random = randomNumbers(Number(parameters.get('seed')))

connection.on('reset', ({ reason, givenUp }) => {
  record.resets.push(reason)
  record.dropped += givenUp
  ports = {}
})
ipcRenderer.on('push', (event, number) => record.pushes.push(number))
ipcRenderer.on('pushed', (event, number, bytes) => pushed.push(areBytesOf(number, bytes.length, bytes) ? number : -1))
connection.on('state', ({ state }) => states.push(state))
ipcRenderer.on('relayed', (event, sender) => {
  const [port] = event.ports
  port.onmessage = ({ data: [number, value] }) => {
    ipcRenderer.send('relayed', sender, number, isValueOf(number, value))
    port.postMessage([number, value])
  }
})
addEventListener('pagehide', () => {
  const left = JSON.parse(sessionStorage.getItem(LEFT) ?? '[]')
  sessionStorage.setItem(LEFT, JSON.stringify([...left, { ...told(), left: true }]))
})

const kinds = {
  note(number) {
    ipcRenderer.send('note', page, number, valueOf(number))
    sent.note += 1
  },
  call: (number) => invoke('call', number),
  threaded: (number) => invoke('threaded', number),
  slow: (number) => invoke('slow', number),
  large(number) {
    largeOpen += 1
    const done = ipcRenderer.invoke('large', page, number, bytesOf(number, LARGE))
    settle(number, done.finally(() => { largeOpen -= 1 }), (value) => areBytesOf(number, LARGE, value))
  },
  ask(number) {
    try {
      const answer = ipcRenderer.sendSync('ask', page, number, valueOf(number))
      acts[number][2] = isValueOf(number + 1, answer) ? 'answered' : 'wrong'
    } catch (error) {
      acts[number][2] = error.code ?? String(error)
    }
  },
  port: (number) => postTo('port', number, page),
  relay: (number) => postTo('relay', number, [page, relay]),
}

function invoke(kind, number) {
  settle(number, ipcRenderer.invoke(kind, page, number, valueOf(number)), (value) => isValueOf(number + 1, value))
}

function settle(number, done, isRight) {
  open += 1
  done.then(
    (value) => { acts[number][2] = isRight(value) ? 'answered' : 'wrong' },
    (error) => { acts[number][2] = error.code ?? String(error) },
  ).finally(() => { open -= 1 })
}

function postTo(kind, number, message) {
  if (!ports[kind]) {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data: [echoed, value] }) => {
      record.echoes[kind].push(isValueOf(echoed, value) ? echoed : -1)
    }
    ipcRenderer.postMessage(kind, message, [port2])
    ports[kind] = port1
    record.opened[kind].push(number)
  }
  ports[kind].postMessage([number, valueOf(number)])
  sent[kind] += 1
}

function act(kind) {
  if (kind === 'large' && largeOpen > 0) return
  if (kind === 'relay' && !relay) return
  // A request that fails, of a link that no server has welcomed, ends this link: nothing tells whether it was taken.
  if (kind === 'ask' && connection.webContentsId === undefined) return
  const number = acts.length
  acts.push([number, kind, ['note', 'port', 'relay'].includes(kind) ? 'sent' : null])
  kinds[kind](number)
}

function waiting() {
  const { pushes, echoes } = record
  return open + sent.note - pushes.length + sent.port - echoes.port.length + sent.relay - echoes.relay.length
}

async function work() {
  while (!stopped) {
    for (let left = 1 + Math.floor(random() * TURN); left > 0; left--) act(chosen())
    do await turn(); while (!stopped && waiting() > BACKLOG)
  }
}

function chosen() {
  const all = mix.reduce((sum, [, weight]) => sum + weight, 0)
  let place = random() * all
  return mix.find(([, weight]) => (place -= weight) < 0)[0]
}

function turn() {
  return new Promise((resolve) => { setTimeout(resolve, 1) })
}

async function settled() {
  stopped = true
  while (connection.state !== 'open' || open > 0 || (waiting() > 0 && record.resets.length === 0)) await turn()
  return true
}

function told() {
  return { ...record, acts }
}

/** Returns the records of documents that were left in this tab, and forgets them. */
function takeLeft() {
  const left = JSON.parse(sessionStorage.getItem(LEFT) ?? '[]')
  sessionStorage.removeItem(LEFT)
  return left
}

// Numbers from 0 up to 1, the same ones for the same seed.
function randomNumbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const opened = new Promise((resolve) => {
  const look = () => { if (connection.state === 'open') resolve(connection.webContentsId) }
  connection.on('state', look)
  look()
})

/** Does so many acts of a kind, and returns the record that has them. */
function doMany(kind, count) {
  for (let left = count; left > 0; left--) act(kind)
  return told()
}

async function until(fact) {
  while (!fact()) await turn()
}

window.stress = {
  areBytesOf, bytesOf, connection, doMany, ipcRenderer, opened, pushed, settled, states, takeLeft, told, until,
}

if (parameters.has('frame')) {
  const frame = document.createElement('iframe')
  parameters.delete('frame')
  parameters.set('name', `${parameters.get('name')} frame`)
  frame.src = `stress.html?${parameters}`
  document.body.append(frame)
}
void work()
