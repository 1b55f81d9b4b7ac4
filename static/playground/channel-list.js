/**
 * The list of the application's channels, with a filter, arrow keys and one selected channel.
 */
import { byId, element } from './elements.js'

/**
 * @typedef {object} Parameter
 * @property {string} name - as written in the `def`: `*args` for the rest
 * @property {string} annotation - empty when there is none
 * @property {string | null} default - in Python's notation, null when there is none
 * @property {boolean} required
 */
/**
 * @typedef {object} Described - a function on a channel
 * @property {string} name
 * @property {string | null} doc
 * @property {Parameter[]} parameters
 * @property {string} returns
 */
/**
 * @typedef {object} Channel
 * @property {'handle' | 'on'} role
 * @property {string} channel
 * @property {Described[]} functions - one for `handle`, each listener for `on`
 */

const GROUPS = /** @type {const} */ ([['handle', 'Invoke'], ['on', 'Send']])

/**
 * @param {Channel} channel
 * @returns {string} the hash of the page's address
 */
export function keyOf({ role, channel }) {
  return `${role}:${encodeURIComponent(channel)}`
}

export class ChannelList {
  #filter = byId('filter', HTMLInputElement)
  #list = byId('channel-list', HTMLElement)
  #found = byId('found', HTMLElement)
  /** @type {readonly Channel[]} */
  #channels = []
  /** The JSON of `#channels`, to detect a change. */
  #shown = ''
  #chosen = ''

  constructor() {
    this.#filter.addEventListener('input', () => { this.#draw() })
    this.#filter.addEventListener('keydown', (event) => { this.#filterKey(event) })
    this.#list.addEventListener('keydown', (event) => { this.#listKey(event) })
    addEventListener('keydown', (event) => { this.#slash(event) })
  }

  /** @param {readonly Channel[]} channels */
  show(channels) {
    // The list is loaded again with each connection, and recreated links would lose the focus.
    const shown = JSON.stringify(channels)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#channels = channels
    this.#draw()
  }

  /** @param {Channel} channel */
  choose(channel) {
    this.#chosen = keyOf(channel)
    for (const link of this.#links()) mark(link, this.#chosen)
  }

  #draw() {
    const words = this.#filter.value.toLowerCase()
    const found = this.#channels.filter(({ channel, functions }) =>
      `${channel} ${functions.map(({ doc }) => doc).join(' ')}`.toLowerCase().includes(words))
    this.#list.replaceChildren(...GROUPS.flatMap(([role, title]) =>
      group(title, found.filter((each) => each.role === role))))
    if (found.length === 0) {
      const text = words === '' ? 'No channels yet.' : `No channel has “${this.#filter.value}” in its name or text.`
      this.#list.append(element('p', { class: 'nothing' }, text))
    }
    this.#found.textContent = words === '' ? '' : `${found.length} of ${this.#channels.length} channels`
    for (const link of this.#links()) mark(link, this.#chosen)
  }

  /** @returns {HTMLAnchorElement[]} */
  #links() {
    return [...this.#list.querySelectorAll('a')]
  }

  /** @param {KeyboardEvent} event */
  #filterKey(event) {
    const first = this.#links()[0]
    if (event.key === 'ArrowDown' && first) {
      event.preventDefault()
      first.focus()
    } else if (event.key === 'Enter' && first) {
      first.click()
    } else if (event.key === 'Escape') {
      this.#filter.value = ''
      this.#draw()
    }
  }

  /** @param {KeyboardEvent} event */
  #listKey(event) {
    const links = this.#links()
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement))
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key]
    if (to === undefined || at < 0) return
    event.preventDefault()
    if (to < 0) this.#filter.focus()
    else links[Math.min(to, links.length - 1)]?.focus()
  }

  /** @param {KeyboardEvent} event */
  #slash(event) {
    const writing = event.target instanceof Element && event.target.matches('input, textarea')
    if (event.key !== '/' || writing || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    // On a narrow screen another part may be visible.
    document.querySelector(/** @type {'button'} */ ('#views [data-view=channels]'))?.click()
    this.#filter.focus()
  }
}

/**
 * @param {string} title
 * @param {Channel[]} channels
 * @returns {Node[]}
 */
function group(title, channels) {
  if (channels.length === 0) return []
  const items = channels.map((channel) => element('li', {}, element('a', { href: `#${keyOf(channel)}` },
    element('span', { class: 'channel' }, channel.channel),
    element('span', { class: 'first-line' }, firstLine(channel)))))
  return [element('h2', {}, title), element('ul', {}, ...items)]
}

/** @param {Channel} channel */
function firstLine({ functions }) {
  const line = functions.find(({ doc }) => doc)?.doc?.split('\n')[0] ?? ''
  return functions.length > 1 ? `${functions.length} listeners. ${line}` : line
}

/**
 * @param {HTMLAnchorElement} link
 * @param {string} chosen
 */
function mark(link, chosen) {
  if (link.hash === `#${chosen}`) link.setAttribute('aria-current', 'true')
  else link.removeAttribute('aria-current')
}
