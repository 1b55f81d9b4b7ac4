/**
 * Other pages of the application to exchange messages with: a second tab, and a page that is embedded in this one as a
 * guest, which can send to its host. Does not know their messages.
 */
import { byId, button, element } from './elements.js'

/** @typedef {HTMLElement & { send(channel: string, ...args: unknown[]): Promise<void> }} WebView */

export class OtherPages {
  #hear
  #place = byId('other-pages', HTMLElement)
  #embed = button('Embed a page', () => { void this.#toggle() }, { class: 'quiet' })
  /** @type {HTMLElement | undefined} */
  #guest

  /** @param {(channel: string, args: unknown[]) => void} hear - called with each message from the guest to its host */
  constructor(hear) {
    this.#hear = hear
    this.#place.append(
      element('a', { class: 'quiet', href: './', target: '_blank' }, 'Open another tab'), this.#embed)
  }

  async #toggle() {
    if (this.#guest) {
      this.#guest.remove()
      this.#guest = undefined
    } else {
      // Loaded only on demand: a host needs the element, other pages do not.
      await import('../web-view.js')
      this.#guest = this.#view()
      this.#place.append(this.#guest)
    }
    this.#embed.classList.toggle('is-on', this.#guest !== undefined)
    this.#embed.textContent = this.#guest ? 'Remove the page' : 'Embed a page'
  }

  #view() {
    const view = /** @type {WebView} */ (document.createElement('web-view'))
    view.setAttribute('src', 'playground/guest.html')
    view.addEventListener('ipc-message', (event) => {
      const { channel, args } = /** @type {Event & { channel: string, args: unknown[] }} */ (event)
      this.#hear(`${channel} · from the guest`, args)
    })
    return element('div', { class: 'guest' }, view,
      button('Send ‘ping’ to it', () => { void view.send('ping', new Date()) }, { class: 'quiet' }))
  }
}
