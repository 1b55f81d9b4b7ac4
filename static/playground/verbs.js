/**
 * The ways to send a message to a channel with listeners: `send`, `sendSync`, `postMessage`, and `sendTo` another page.
 * Draws the selection, and sends. Does not know the form that the arguments come from.
 */
import { ipcRenderer } from '../client.js'
import { element } from './elements.js'

/** @typedef {import('./ports.js').Ports} Ports */
/** @typedef {ReturnType<import('./call-log.js').CallLog['begin']>} Entry */

/** The hint beside each selected method. */
const VERBS = /** @type {const} */ ({
  send: 'no answer',
  sendSync: 'blocks the page until event.return_value is set',
  postMessage: 'one value and a new port; this page keeps the other end',
  sendTo: 'the same channel in another page, by its web contents id',
})

export class Verbs {
  #channel
  #ports
  #select = element('select', { 'aria-label': 'How to send it', onchange: () => { this.#changed() } },
    ...Object.keys(VERBS).map((verb) => element('option', { value: verb }, verb)))
  #contents = element('input', {
    type: 'number', min: 1, step: 1, 'aria-label': 'The web contents to send to', placeholder: 'web contents',
  })
  #says = element('span', { class: 'verb-says' })

  /**
   * @param {string} channel
   * @param {Ports} ports - the list that shows this page's end of a new port
   */
  constructor(channel, ports) {
    this.#channel = channel
    this.#ports = ports
    this.element = element('span', { class: 'verbs' }, this.#select, this.#contents, this.#says)
    this.#changed()
  }

  #changed() {
    const verb = /** @type {keyof typeof VERBS} */ (this.#select.value)
    this.#contents.hidden = verb !== 'sendTo'
    this.#says.textContent = VERBS[verb]
  }

  /**
   * Sends the message. Throws what `ipcRenderer` throws.
   *
   * @param {unknown[]} args
   * @param {Entry} entry - shows the outcome
   * @param {(entry: Entry) => void} follow - shows whether a message without an answer was sent
   */
  say(args, entry, follow) {
    switch (this.#select.value) {
      case 'sendSync':
        entry.resolved(ipcRenderer.sendSync(this.#channel, ...args))
        break
      case 'postMessage':
        this.#post(args)
        follow(entry)
        break
      case 'sendTo':
        ipcRenderer.sendTo(this.#contents.valueAsNumber, this.#channel, ...args)
        follow(entry)
        break
      default:
        ipcRenderer.send(this.#channel, ...args)
        follow(entry)
    }
  }

  /** @param {unknown[]} args */
  #post(args) {
    if (args.length > 1) throw new TypeError(`postMessage takes one value, got ${args.length}: put them into an array`)
    const { port1, port2 } = new MessageChannel()
    ipcRenderer.postMessage(this.#channel, args[0], [port2])
    this.#ports.add(port1, `sent on ‘${this.#channel}’`)
  }
}
