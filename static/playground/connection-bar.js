/**
 * Says how the connection is: a word in the header, and a notice for as long as the server is away.
 */
import { element } from './elements.js'

/** @typedef {import('../client.js').Connection} Connection */

/** Milliseconds that the server may be away before the page makes a fuss of it. */
const PATIENCE = 500

const WORDS = {
  connecting: 'connecting', open: 'connected', resuming: 'reconnecting', reset: 'starting anew', closed: 'closed',
}

export class ConnectionBar {
  #connection
  #bar
  #notice
  #wasOpen = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /**
   * @param {Connection} connection
   * @param {HTMLElement} bar
   * @param {HTMLElement} notice
   */
  constructor(connection, bar, notice) {
    this.#connection = connection
    this.#bar = bar
    this.#notice = notice
    connection.on('state', () => { this.#show() })
    this.#show()
  }

  #show() {
    const { state } = this.#connection
    this.#bar.dataset['state'] = state
    this.#bar.replaceChildren(
      element('span', { class: 'dot' }),
      element('span', { class: 'word' }, WORDS[state]),
      ...state === 'open' ? this.#details() : [],
    )
    this.#wasOpen ||= state === 'open'
    clearTimeout(this.#timer)
    if (state === 'open') this.#notice.replaceChildren()
    else if (state === 'closed') this.#tell()
    else this.#timer = setTimeout(() => { this.#tell() }, PATIENCE)
  }

  /** @returns {Node[]} */
  #details() {
    const { webContentsId, debug } = this.#connection
    const id = element('span', { class: 'contents' }, `web contents ${webContentsId}`)
    return debug ? [id, element('span', { class: 'badge', title: 'Python tracebacks reach the page' }, 'debug')] : [id]
  }

  #tell() {
    const [title, text] = this.#words()
    const closed = this.#connection.state === 'closed'
    this.#notice.replaceChildren(element('div', { class: closed ? 'notice is-closed' : 'notice' },
      element('strong', {}, title), element('span', {}, text),
      closed && element('a', { href: location.href, onclick: () => { location.reload() } }, 'Load the page again')))
  }

  /** @returns {[title: string, text: string]} */
  #words() {
    if (this.#connection.state === 'closed') {
      return ['The connection is over.', `Reason: ${this.#connection.reason ?? 'none was given'}.`]
    }
    if (!this.#wasOpen) return ['No server yet.', 'This page keeps trying. What you send waits until there is one.']
    return ['The server is away.', [
      'This page reconnects by itself. What you send waits here; nothing is lost or repeated,',
      'unless the program starts anew meanwhile.',
    ].join(' ')]
  }
}
