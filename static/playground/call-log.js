/**
 * The calls on one channel, the latest first: arguments, duration, result or error.
 *
 * Only a short outcome of each is announced to screen readers: they would read a long result to its end.
 */
import { button, copy, element } from './elements.js'
import { literal } from './literal-writer.js'
import { brief, typeOf } from './show.js'
import { valueTree } from './value-tree.js'

const KEPT = 20

export class CallLog {
  #list = element('ol', { 'aria-label': 'Calls, the latest first' })
  #told = element('p', { class: 'heard', role: 'status' })
  element = element('div', { class: 'call-log' }, this.#told, this.#list)
  #count = 0
  #again

  /** @param {(args: string) => void} again - writes the arguments of a call back into the form */
  constructor(again) {
    this.#again = again
  }

  /**
   * @param {unknown[]} args
   * @returns {Entry}
   */
  begin(args) {
    const number = this.#count += 1
    const entry = new Entry(number, args, this.#again, (outcome) => { this.#told.textContent = `Call ${number}: ${outcome}` })
    this.#list.prepend(entry.element)
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild?.remove()
    return entry
  }
}

/** One call. */
class Entry {
  #began = performance.now()
  #status = element('span', { class: 'status' }, 'waiting')
  #actions = element('span', { class: 'entry-actions' })
  #body = element('div', { class: 'body' })
  #tell

  /**
   * @param {number} number
   * @param {unknown[]} args
   * @param {(args: string) => void} again
   * @param {(outcome: string) => void} tell
   */
  constructor(number, args, again, tell) {
    this.#tell = tell
    const text = argumentsText(args)
    if (text !== undefined) {
      const label = `Put the arguments of call ${number} into the form`
      this.#actions.append(button('Again', () => { again(text) }, { 'aria-label': label, title: label }))
    }
    this.element = element('li', { class: 'entry is-waiting' },
      element('header', {}, element('span', { class: 'number' }, `${number}`),
        element('code', {}, args.length ? args.map((arg) => brief(arg, 60)).join(', ') : 'no arguments'),
        this.#status, this.#actions),
      this.#body)
  }

  /** @param {unknown} value */
  resolved(value) {
    this.#settle('is-done', `${typeOf(value)} · ${this.#elapsed()}`)
    this.#copies('Copy the result as a literal', () => literal(value) ?? brief(value, 100_000))
    this.#body.append(valueTree(value))
  }

  /** @param {'sent' | 'waits for the connection' | 'given up: the link has ended'} outcome - of a message without an answer */
  sent(outcome) {
    this.#settle(outcome === 'sent' ? 'is-done' : outcome.startsWith('waits') ? 'is-waiting' : 'is-error', outcome)
  }

  /** @param {unknown} error */
  rejected(error) {
    const told = error instanceof Error ? error : new Error(String(error))
    this.#settle('is-error', `${told.name} · ${this.#elapsed()}`)
    this.#tell(told.message)
    this.#copies('Copy the error', () => [told.message, told.cause instanceof Error ? told.cause.stack : ''].join('\n'))
    this.#body.append(element('p', { class: 'message' }, told.message), ...details(told))
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #settle(state, text) {
    this.element.className = `entry ${state}`
    this.#status.textContent = text
    this.#tell(text)
  }

  /**
   * @param {string} label
   * @param {() => string} text
   */
  #copies(label, text) {
    const pressed = button('Copy', () => { void copy(pressed, text()) }, { title: label, 'aria-label': label })
    this.#actions.append(pressed)
  }

  #elapsed() {
    const elapsed = performance.now() - this.#began
    return elapsed < 1000 ? `${elapsed.toFixed(elapsed < 10 ? 1 : 0)} ms` : `${(elapsed / 1000).toFixed(2)} s`
  }
}

/** @param {unknown[]} args */
function argumentsText(args) {
  const texts = args.map(literal)
  return texts.includes(undefined) ? undefined : texts.join(', ')
}

/**
 * @param {Error & { code?: unknown, data?: unknown, reference?: unknown }} error
 * @returns {Node[]} the fields of the error besides its text
 */
function details(error) {
  const { code, data, reference, cause } = error
  const rows = Object.entries({ code, reference }).filter(([, value]) => value !== undefined)
  const table = element('dl', {}, ...rows.flatMap(([name, value]) =>
    [element('dt', {}, name), element('dd', {}, String(value))]))
  if (data !== undefined) table.append(element('dt', {}, 'data'), element('dd', {}, valueTree(data)))
  const stack = cause instanceof Error ? cause.stack : undefined
  return [
    ...table.childElementCount ? [table] : [],
    ...stack ? [element('details', { open: true }, element('summary', {}, 'Python traceback'),
      element('pre', { class: 'stack', tabindex: '0' }, stack))] : [],
  ]
}
