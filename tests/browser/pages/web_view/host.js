// A host: loads the element alone. What tests look at from outside is on `window`.
import '/ipc/web-view.js'

Object.assign(window, { heard: [], events: [], warnings: [], faults: [] })

const { warn } = console
console.warn = (...args) => {
  window.warnings.push(args.join(' '))
  warn(...args)
}
document.addEventListener('securitypolicyviolation', ({ violatedDirective }) => window.faults.push(violatedDirective))
addEventListener('error', ({ message }) => window.faults.push(message))

// Shows a page in a new <web-view>, which is then `view`.
window.show = (src, attributes = {}) => {
  const view = document.createElement('web-view')
  for (const [name, value] of Object.entries({ src, ...attributes })) view.setAttribute(name, value)
  view.addEventListener('ipc-message', (event) => {
    window.lastEvent = event
    window.heard.push({ channel: event.channel, args: event.args, frameId: event.frameId })
  })
  for (const name of ['dom-ready', 'did-finish-load']) view.addEventListener(name, () => window.events.push(name))
  document.body.append(view)
  window.view = view
}

// The messages of one channel, and the first of them as soon as it is there.
window.of = (channel) => window.heard.filter((message) => message.channel === channel)
window.first = async (channel) => {
  await window.until(() => window.of(channel).length > 0)
  return window.of(channel)[0]
}

window.until = (fact) => new Promise((resolve) => {
  const look = () => (fact() ? resolve() : setTimeout(look, 10))
  look()
})
