/**
 * The ways in which a message can be said to a channel that has listeners: `send`, `sendSync`, `postMessage`, and
 * `sendTo` another page. Draws the choice, and says it. Knows nothing of the form that the arguments come from.
 */
import { ipcRenderer } from '../client.js'
import { element } from './elements.js'

/** @typedef {import('./ports.js').Ports} Ports */
/** @typedef {ReturnType<import('./call-log.js').CallLog['begin']>} Entry */

/** What each way is for, as its choice says it. */
const VERBS = /** @type {const} */ ({
  send: 'nothing is answered',
  sendSync: 'the page stands still until event.return_value is set',
  postMessage: 'one value, and a new port whose other end stays here',
  sendTo: 'to the same channel of another page, by its number',
})

export class Verbs {
  #channel
  #ports
  #select = element('select', { 'aria-label': 'How to say it', onchange: () => { this.#changed() } },
    ...Object.keys(VERBS).map((verb) => element('option', { value: verb }, verb)))
  #contents = element('input', {
    type: 'number', min: 1, step: 1, 'aria-label': 'The web contents to send to', placeholder: 'web contents',
  })
  #says = element('span', { class: 'verb-says' })

  /**
   * @param {string} channel
   * @param {Ports} ports - where the page's end of a new port is shown
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
   * Says it. Throws what `ipcRenderer` throws.
   *
   * @param {unknown[]} args
   * @param {Entry} entry - is told what came of it
   * @param {(entry: Entry) => void} follow - what tells of a message that nobody answers
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
    if (args.length > 1) throw new TypeError(`postMessage carries one value, and here are ${args.length}: put them into an array`)
    const { port1, port2 } = new MessageChannel()
    ipcRenderer.postMessage(this.#channel, args[0], [port2])
    this.#ports.add(port1, `given to ‘${this.#channel}’`)
  }
}
