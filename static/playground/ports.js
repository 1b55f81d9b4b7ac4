/**
 * The ports of this page: those whose other end it has sent away, and those that it has received. Each can post and be
 * closed. Does not know where a port leads.
 */
import { byId, button, element } from './elements.js'
import { LiteralError, readValue } from './literal.js'

/** @typedef {(name: string, args: unknown[]) => void} Hear */

export class Ports {
  #section = byId('ports', HTMLElement)
  #list = byId('port-list', HTMLElement)
  #hear
  #count = 0

  /** @param {Hear} hear - called with each message of a port, and the port's name */
  constructor(hear) {
    this.#hear = hear
  }

  /**
   * @param {MessagePort} port
   * @param {string} origin - where it came from
   */
  add(port, origin) {
    const row = new Row(port, `port ${(this.#count += 1)}`, origin, this.#hear, () => { this.#removed() })
    this.#list.append(row.element)
    this.#section.hidden = false
  }

  #removed() {
    this.#section.hidden = this.#list.childElementCount === 0
  }
}

/** One port. */
class Row {
  #port
  #removed
  #input = element('input', {
    type: 'text', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', placeholder: "{ hello: 'port' }",
  })
  #says = element('p', { class: 'says', 'aria-live': 'polite' })
  #post = element('button', { type: 'submit', class: 'quiet' }, 'Post')
  #close = button('Close', () => { this.#shut() }, { class: 'quiet' })
  #isOpen = true

  /**
   * @param {MessagePort} port
   * @param {string} name
   * @param {string} origin
   * @param {Hear} hear
   * @param {() => void} removed
   */
  constructor(port, name, origin, hear, removed) {
    this.#port = port
    this.#removed = removed
    this.#input.setAttribute('aria-label', `Message for ${name}`)
    this.#close.setAttribute('aria-label', `Close ${name}`)
    this.element = element('li', { class: 'port' },
      element('header', {}, element('b', {}, name), ' ', element('span', {}, origin)),
      element('form', { novalidate: true, onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.#say() } },
        this.#input, this.#post, this.#close),
      this.#says)
    port.onmessage = ({ data }) => { hear(name, [data]) }
    port.addEventListener('close', () => { this.#ended('the other end is closed') })
  }

  #say() {
    try {
      this.#port.postMessage(readValue(this.#input.value.trim() || 'undefined'))
      this.#tell('', false)
      this.#input.select()
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error
      this.#tell(error.message, true)
    }
  }

  /** Closes the port; removes a closed port from the list. */
  #shut() {
    if (this.#isOpen) {
      this.#port.close()
      this.#ended('closed here')
    } else {
      this.element.remove()
      this.#removed()
    }
  }

  /** @param {string} why */
  #ended(why) {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#input.disabled = this.#post.disabled = true
    this.#close.textContent = 'Remove'
    this.#tell(why, false)
  }

  /**
   * @param {string} text
   * @param {boolean} isWrong
   */
  #tell(text, isWrong) {
    this.#input.setAttribute('aria-invalid', String(isWrong))
    this.#says.textContent = text
  }
}
