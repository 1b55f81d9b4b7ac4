/**
 * Shows the connection state: a word in the header, and a notice while the server is not reachable.
 */
import { element } from './elements.js'

/** @typedef {import('../client.js').Connection} Connection */

/** Milliseconds without a server before the notice appears. */
const PATIENCE = 500

const WORDS = {
  connecting: 'connecting', open: 'connected', resuming: 'reconnecting', reset: 'reset', closed: 'closed',
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
      closed && element('a', { href: location.href, onclick: () => { location.reload() } }, 'Reload the page')))
  }

  /** @returns {[title: string, text: string]} */
  #words() {
    if (this.#connection.state === 'closed') {
      return ['The connection is closed.', `Reason: ${this.#connection.reason ?? 'none was given'}.`]
    }
    if (!this.#wasOpen) return ['No server yet.', 'This page retries until a server answers. Messages wait until then.']
    return ['The server is not reachable.', [
      'This page reconnects by itself. Messages wait here; none is lost or repeated,',
      'unless the server restarts meanwhile.',
    ].join(' ')]
  }
}
