/**
 * The log of the messages that the application sends to this page, on every channel, and of the connection state.
 *
 * Rows are created once per animation frame, so a flood of messages costs no more than the visible rows.
 */
import { byId, element } from './elements.js'
import { brief } from './show.js'
import { valueTree } from './value-tree.js'

const KEPT = 200

/** @typedef {{ time: Date, channel: string | null, args: unknown[], text: string }} Arrival */

export class Arrivals {
  #list = byId('arrival-list', HTMLElement)
  #chips = byId('arrival-chips', HTMLElement)
  #pause = byId('pause', HTMLButtonElement)
  #empty = byId('no-arrivals', HTMLElement)
  #badge = byId('arrival-count', HTMLElement)
  /** @type {Map<string, Chip>} */
  #channels = new Map()
  /** Messages that are not drawn yet, the oldest first. @type {Arrival[]} */
  #waiting = []
  #isPaused = false
  #isDue = false
  #total = 0

  constructor() {
    this.#pause.addEventListener('click', () => { this.#setPaused(!this.#isPaused) })
    byId('clear', HTMLButtonElement).addEventListener('click', () => { this.#clear() })
  }

  /**
   * @param {string} channel
   * @param {unknown[]} args
   */
  hear(channel, args) {
    this.#total += 1
    const chip = this.#channels.get(channel) ?? this.#newChip(channel)
    chip.count += 1
    if (chip.isShown) this.#put({ time: new Date(), channel, args, text: '' })
    else this.#later()
  }

  /**
   * @param {string} text - a change of the connection
   */
  note(text) {
    this.#put({ time: new Date(), channel: null, args: [], text })
  }

  /**
   * Hides a channel in the log, because it is drawn as a chart; a click on its chip shows it again.
   *
   * @param {string} channel
   */
  leaveOut(channel) {
    this.#channels.get(channel)?.show(false)
    this.#waiting = this.#waiting.filter((arrival) => arrival.channel !== channel)
    this.#hideRows()
  }

  /** @param {string} channel */
  #newChip(channel) {
    const chip = new Chip(channel, () => { this.#hideRows() })
    this.#channels.set(channel, chip)
    this.#chips.append(chip.element)
    return chip
  }

  /** @param {Arrival} arrival */
  #put(arrival) {
    this.#waiting.push(arrival)
    if (this.#waiting.length > KEPT) this.#waiting.shift()
    this.#later()
  }

  #later() {
    if (this.#isDue) return
    this.#isDue = true
    // A hidden tab gets no animation frames; it catches up when it is visible again.
    requestAnimationFrame(() => {
      this.#isDue = false
      this.#draw()
    })
  }

  #draw() {
    for (const chip of this.#channels.values()) chip.draw()
    this.#badge.textContent = this.#total > 999 ? '999+' : String(this.#total || '')
    if (this.#isPaused) {
      this.#pause.textContent = this.#waiting.length ? `Resume (${this.#waiting.length})` : 'Resume'
      return
    }
    this.#list.prepend(...this.#waiting.splice(0).reverse().map(row))
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild?.remove()
    this.#empty.hidden = this.#total > 0
  }

  /** @param {boolean} isPaused */
  #setPaused(isPaused) {
    this.#isPaused = isPaused
    // No `aria-pressed`: the label changes, and "Resume, pressed" would say that the log is running.
    this.#pause.classList.toggle('is-on', isPaused)
    this.#pause.textContent = isPaused ? 'Resume' : 'Pause'
    this.#later()
  }

  #clear() {
    this.#waiting = []
    this.#list.replaceChildren()
    this.#later()
  }

  #hideRows() {
    for (const line of this.#list.children) {
      const { channel } = /** @type {HTMLElement} */ (line).dataset
      const isShown = channel === undefined || this.#channels.get(channel)?.isShown !== false
      if (line instanceof HTMLElement) line.hidden = !isShown
    }
  }
}

/** The button of a channel with messages: their number, and whether the log shows them. */
class Chip {
  count = 0
  isShown = true
  #number = element('span', {})

  /**
   * @param {string} channel
   * @param {() => void} changed
   */
  constructor(channel, changed) {
    this.element = element('button', {
      type: 'button',
      class: 'chip',
      onclick: () => { this.show(!this.isShown); changed() },
    }, channel, ' ', this.#number)
    this.show(true)
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.isShown = isShown
    this.element.setAttribute('aria-pressed', String(isShown))
    this.element.title = isShown ? 'The log shows this channel' : 'The log hides this channel'
  }

  draw() {
    this.#number.textContent = this.count.toLocaleString('en')
  }
}

/** @param {Arrival} arrival */
function row({ time, channel, args, text }) {
  const clock = element('time', { datetime: time.toISOString() }, clockText(time))
  if (channel === null) return element('li', { class: 'note' }, clock, element('span', {}, text))
  const details = element('details', {}, element('summary', {}, clock, element('b', {}, channel), ' ',
    element('span', { class: 'glance' }, args.map((arg) => brief(arg, 80)).join(', '))))
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return
    details.append(...args.length ? args.map(valueTree) : [element('p', { class: 'nothing' }, 'no arguments')])
  })
  return element('li', { 'data-channel': channel }, details)
}

/** @param {Date} time */
function clockText(time) {
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`
}
