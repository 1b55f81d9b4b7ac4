// Starts the workers of the page, and asks them.
const ask = (port) => {
  let last = 0
  const waiting = new Map()
  port.onmessage = ({ data: [id, value, error] }) => {
    const [resolve, reject] = waiting.get(id)
    if (error === undefined) resolve(value)
    else reject(new Error(error))
  }
  return (...task) => new Promise((resolve, reject) => {
    waiting.set(++last, [resolve, reject])
    port.postMessage([last, ...task])
  })
}

window.dedicated = (name) => {
  const worker = new Worker('worker.js', { type: 'module', name })
  window.worker = worker
  window.asked = ask(worker)
}
window.shared = (name) => {
  const { port } = new SharedWorker('worker.js', { type: 'module', name })
  window.asked = ask(port)
}
window.register = async () => {
  const registration = await navigator.serviceWorker.register('worker.js', { type: 'module' })
  const { installing, waiting, active } = registration
  const { port1, port2 } = new MessageChannel()
  const service = installing ?? waiting ?? active
  service.postMessage('connect', [port2])
  Object.assign(window, { registration, asked: ask(port1) })
}
