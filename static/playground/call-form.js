/**
 * The form for one channel: a field for each parameter, or one for the whole list of arguments.
 *
 * Parses the typed text and shows its error or its type below the field. Sends nothing itself.
 */
import { button, element } from './elements.js'
import { LiteralError, readArguments, readValue } from './literal.js'
import { literal } from './literal-writer.js'
import { typeOf } from './show.js'

/** @typedef {import('./channel-list.js').Channel} Channel */
/** @typedef {import('./channel-list.js').Parameter} Parameter */

/** An example literal for an annotation: the match that starts first counts, because it is the outermost type. */
const EXAMPLES = /** @type {const} */ ([
  [/\bJSMap\b/, "new Map([['key', 1]])"],
  [/\bJSSet\b|\bset\b/, 'new Set([1, 2])'],
  [/\bTypedArray\b/, 'new Float64Array([1, 2])'],
  [/\bArrayBuffer\b/, 'new ArrayBuffer(8)'],
  [/\bbytes\b|\bbytearray\b/, 'new Uint8Array([1, 2])'],
  [/\bJSRegExp\b/, '/a+/i'],
  [/\bdatetime\b|\bJSDate\b/, "new Date('2025-01-31')"],
  [/\bBigInt\b/, '5n'],
  [/\bJSError\b/, "new TypeError('text')"],
  [/\blist\b|\btuple\b|\bJSArray\b|\bSequence\b/, '[1, 2]'],
  [/\bdict\b|\bMapping\b/, '{ key: 1 }'],
  [/\bbool\b/, 'true'],
  [/\bLiteral\[(['"].*?['"])/, '$1'],
  [/\bstr\b/, "'text'"],
  [/\bfloat\b|\bcomplex\b/, '1.5'],
  [/\bint\b/, '1'],
])

/**
 * @param {Parameter} parameter
 * @returns {string}
 */
function placeholder(parameter) {
  if (parameter.default !== null) return pythonText(parameter.default)
  let first = { at: Infinity, example: '' }
  for (const [pattern, example] of EXAMPLES) {
    const match = pattern.exec(parameter.annotation)
    if (match && match.index < first.at) {
      first = { at: match.index, example: example === '$1' ? match[1] ?? '' : example }
    }
  }
  if (first.example !== '') return first.example
  return parameter.name.startsWith('*') ? "1, 'two', [3]" : 'a value'
}

/**
 * @param {string} text - a default in Python's notation
 * @returns {string} in JavaScript's notation, where the two differ in one word
 */
function pythonText(text) {
  return { None: 'null', True: 'true', False: 'false' }[text] ?? text
}

export class CallForm {
  /** @type {Field[]} */
  #fields = []
  #parameters
  #fieldset = element('div', { class: 'fields' })
  #asList = button('As a list', () => { this.#toggle() }, { class: 'quiet', 'aria-pressed': 'false' })
  #isList
  #submit

  /**
   * @param {Channel} channel
   * @param {(args: unknown[]) => void} submit - called with the arguments when all could be parsed
   * @param {Node} [verbs] - the selection of the send method, if there is one
   */
  constructor(channel, submit, verbs) {
    this.#parameters = channel.functions.length === 1 ? channel.functions[0]?.parameters ?? [] : []
    // Several listeners may have different parameters: then the fields cannot be named.
    this.#isList = channel.functions.length !== 1
    const verb = channel.role === 'handle' ? 'Invoke' : 'Send'
    this.#submit = element('button', { type: 'submit', class: 'primary' }, verb)
    this.#draw(this.#isList)
    const call = () => {
      const args = this.#values()
      if (args !== undefined) submit(args)
    }
    this.element = element('form', {
      class: 'call-form',
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ event) => { event.preventDefault(); call() },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); call() }
      },
    }, this.#fieldset, element('div', { class: 'actions' },
      this.#submit,
      element('span', { class: 'keys' }, element('kbd', {}, 'Ctrl'), ' ', element('kbd', {}, 'Enter')),
      verbs,
      this.#parameters.length > 0 && !this.#isList && this.#asList))
  }

  /** Focuses the first field, or the button if there is no field. */
  focus() {
    const control = this.#fields[0]?.input ?? this.#submit
    control.focus()
  }

  /** @returns {string[]} the typed texts, for `write` of this form or another */
  texts() {
    return this.#fields.map((field) => field.text)
  }

  /** @param {string[]} texts */
  write(texts) {
    texts.forEach((text, index) => { this.#fields[index]?.write(text) })
  }

  /** @param {string} text - a whole list of arguments */
  writeList(text) {
    this.#draw(true)
    this.#fields[0]?.write(text)
    this.focus()
  }

  #toggle() {
    const texts = this.#isList ? splitList(this.texts()[0] ?? '') : [joinFields(this.texts())]
    this.#draw(!this.#isList)
    this.write(texts)
    this.focus()
  }

  /** @param {boolean} isList */
  #draw(isList) {
    this.#isList = isList
    this.#asList.setAttribute('aria-pressed', String(isList))
    const list = { name: 'arguments', annotation: '', default: null, required: false }
    const parameters = isList ? [list] : this.#parameters
    this.#fields = parameters.map((each) => new Field(each, isList || each.name.startsWith('*')))
    this.#fieldset.replaceChildren(...this.#fields.map((field) => field.element))
    if (this.#fields.length === 0) this.#fieldset.append(element('p', { class: 'nothing' }, 'Takes no arguments.'))
  }

  /** @returns {unknown[] | undefined} undefined when a field cannot be parsed; the field shows the error */
  #values() {
    const last = this.#fields.findLastIndex((field) => field.text.trim() !== '')
    const read = this.#fields.map((field, index) => field.read(index <= last))
    const wrong = this.#fields.find((field) => field.isWrong)
    wrong?.input.focus()
    return wrong ? undefined : read.flat()
  }
}

/**
 * @param {string[]} texts
 * @returns {string} one list of arguments
 */
function joinFields(texts) {
  const last = texts.findLastIndex((text) => text.trim() !== '')
  return texts.slice(0, last + 1).map((text) => text.trim() || 'undefined').join(', ')
}

/**
 * @param {string} text - a list of arguments
 * @returns {string[]} the text of each argument; empty when the list cannot be parsed or split
 */
function splitList(text) {
  try {
    return readArguments(text).map((value) => value === undefined ? '' : literal(value) ?? '')
  } catch {
    return []
  }
}

/** A parameter's label, its input and the message below it. */
class Field {
  #parameter
  #isList
  #says = element('p', { class: 'says', 'aria-live': 'polite' })
  isWrong = false

  /**
   * @param {Parameter} parameter
   * @param {boolean} isList - whether it takes any number of values
   */
  constructor(parameter, isList) {
    this.#parameter = parameter
    this.#isList = isList
    const id = `field-${(Field.count += 1)}`
    this.#says.id = `${id}-says`
    this.input = element('textarea', {
      id, rows: 1, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', placeholder: placeholder(parameter),
      'aria-describedby': this.#says.id, oninput: () => { this.#typed() },
    })
    this.element = element('div', { class: 'field' },
      element('label', { for: id }, parameter.name, this.#annotation()), this.input, this.#says)
  }

  static count = 0

  get text() {
    return this.input.value
  }

  /** @param {string} text */
  write(text) {
    this.input.value = text
    this.#typed()
  }

  /**
   * @param {boolean} isNeeded - whether a later field has a value, so that this one must have one too
   * @returns {unknown[]} its arguments
   */
  read(isNeeded) {
    this.#say('', false)
    if (this.text.trim() === '') {
      if (this.#parameter.required) this.#say('a value is required', true)
      return isNeeded && !this.#isList ? [undefined] : []
    }
    const values = this.#parse()
    if (values) this.#say(values.map(typeOf).join(', '), false)
    return values ?? []
  }

  #typed() {
    const { input } = this
    // Grows with its text; in browsers with field-sizing this changes nothing.
    input.rows = Math.min(12, input.value.split('\n').length)
    // A required field is reported when the form is submitted, not while it is being edited.
    if (this.text.trim() === '') this.#say('', false)
    else this.read(false)
  }

  /** @returns {unknown[] | undefined} */
  #parse() {
    try {
      return this.#isList ? readArguments(this.text) : [readValue(this.text)]
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error
      this.#say(error.message, true)
      return undefined
    }
  }

  /**
   * @param {string} text
   * @param {boolean} isWrong
   */
  #say(text, isWrong) {
    this.isWrong = isWrong
    this.input.setAttribute('aria-invalid', String(isWrong))
    this.#says.textContent = text
  }

  #annotation() {
    const { annotation, required } = this.#parameter
    const optional = !required && !this.#isList ? 'optional' : ''
    return element('span', { class: 'type' }, [annotation, optional].filter(Boolean).join(', '))
  }
}
