/**
 * Shows the connection state: a word in the header, and a notice while the server is not reachable or refuses the page.
 * A refused page can connect again from there, with a bearer token if its application wants one.
 */
import { button, element } from './elements.js'

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
    const { state, code } = this.#connection
    this.#bar.dataset['state'] = state
    this.#bar.replaceChildren(
      element('span', { class: 'dot' }),
      element('span', { class: 'word', title: code && `close code ${code}` }, WORDS[state]),
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
      element('strong', {}, title), element('span', {}, text), closed && this.#connectAgain()))
  }

  /** @returns {HTMLElement} */
  #connectAgain() {
    const token = element('input', {
      type: 'password', autocomplete: 'off', 'aria-label': 'Bearer token', placeholder: 'Bearer token, if needed',
    })
    const wrong = element('span', { role: 'alert' })
    const connect = () => {
      try {
        if (token.value !== '') this.#connection.token = token.value
      } catch (error) {
        wrong.textContent = error instanceof Error ? error.message : String(error)
        return
      }
      this.#connection.open()
    }
    token.addEventListener('keydown', ({ key }) => { if (key === 'Enter') connect() })
    return element('span', { class: 'again' }, token, button('Connect again', connect), wrong)
  }

  /** @returns {[title: string, text: string]} */
  #words() {
    if (this.#connection.state === 'closed') {
      const { code, reason } = this.#connection
      const title = code === undefined ? 'The connection is closed.' : 'The server refuses this page.'
      return [title, `Reason: ${reason ?? 'none was given'}${code === undefined ? '' : ` (${code})`}.`]
    }
    if (!this.#wasOpen) return ['No server yet.', 'This page retries until a server answers. Messages wait until then.']
    return ['The server is not reachable.', [
      'This page reconnects by itself. Messages wait here; none is lost or repeated,',
      'unless the server restarts meanwhile.',
    ].join(' ')]
  }
}
