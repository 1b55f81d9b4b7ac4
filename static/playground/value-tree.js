/**
 * Draws a value as a tree that can be expanded: types, keys, bytes in hexadecimal, cycles marked, long values folded.
 *
 * Folded parts are created when they are opened, so a large value costs only its visible part. The texts are show.js's.
 */
import { button, element } from './elements.js'
import { brief, bytesOf, entries, isBoxed, MANY_BYTES, scalar, typeOf } from './show.js'

const CHILDREN = 100
const CHARACTERS = 400
const ROWS = 64
const ROW = 16

/**
 * @param {unknown} value
 * @returns {HTMLElement}
 */
export function valueTree(value) {
  return element('div', { class: 'tree' }, node('', value, []))
}

/**
 * @param {string} label
 * @param {unknown} value
 * @param {object[]} above - the values that contain this one
 * @returns {HTMLElement}
 */
function node(label, value, above) {
  const key = label === '' ? '' : element('span', { class: 'key' }, label.endsWith('=>') ? `${label} ` : `${label}: `)
  const text = scalar(value)
  if (text !== undefined) return element('div', { class: 'leaf' }, key, ...leaf(value, text))
  const object = /** @type {object} */ (value)
  const level = above.lastIndexOf(object)
  if (level >= 0) return element('div', { class: 'leaf' }, key, element('em', {}, cycleText(above.length - level)))
  return inner(key, object, above) ?? element('div', { class: 'leaf' }, key, plain(object))
}

/** @param {number} levels */
function cycleText(levels) {
  return levels === 1 ? '↻ the enclosing value' : `↻ the value ${levels} levels up`
}

/**
 * @param {unknown} value
 * @param {string} text
 * @returns {Node[]}
 */
function leaf(value, text) {
  const kind = value === null ? 'null' : typeof value
  const shown = element('span', { class: `value is-${kind}` }, text.slice(0, CHARACTERS))
  if (text.length > CHARACTERS) {
    const all = button(`… all ${text.length.toLocaleString('en')} characters`, () => {
      shown.textContent = text
      all.remove()
    }, { class: 'more' })
    return [shown, all]
  }
  const named = isBoxed(value) || (typeof value === 'object' && value !== null)
  return named ? [shown, element('span', { class: 'type' }, ` ${typeOf(value)}`)] : [shown]
}

/**
 * @param {object} value - without content that could be expanded
 * @returns {HTMLElement}
 */
function plain(value) {
  return element('span', { class: 'value' }, brief(value, CHARACTERS))
}

/**
 * @param {HTMLElement | string} key
 * @param {object} value
 * @param {object[]} above
 * @returns {HTMLElement | undefined} undefined when there is nothing to expand
 */
function inner(key, value, above) {
  if (value instanceof Error) return folded(key, value, above, () => errorBody(value, above))
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const isShort = value instanceof Uint8Array && value.length <= MANY_BYTES
    if (value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof DataView) {
      return isShort || value.byteLength === 0 ? undefined : folded(key, value, above, () => [dump(bytesOf(value))])
    }
  }
  const children = entries(value)[Symbol.iterator]()
  const first = children.next()
  if (first.done) return undefined
  return folded(key, value, above, () => [list(value, above)])
}

/**
 * @param {HTMLElement | string} key
 * @param {object} value
 * @param {object[]} above
 * @param {() => Node[]} body
 * @returns {HTMLDetailsElement}
 */
function folded(key, value, above, body) {
  const summary = element('summary', {}, key, element('span', { class: 'type' }, typeOf(value)), ' ',
    element('span', { class: 'glance' }, glanceText(value)))
  const details = element('details', { class: 'node' }, summary)
  const fill = () => {
    if (details.open && details.childElementCount === 1) details.append(...body())
  }
  details.addEventListener('toggle', fill)
  details.open = above.length === 0 || (above.length === 1 && !(value instanceof Error) && size(value) <= 8)
  fill()
  return details
}

/** @param {object} value */
function glanceText(value) {
  if (value instanceof Error) return value.message
  const text = brief(value, 120)
  // The type is shown before it already.
  return text.startsWith(`${typeOf(value)} `) ? text.slice(typeOf(value).length + 1) : text
}

/** @param {object} value */
function size(value) {
  let count = 0
  for (const _ of entries(value)) {
    count += 1
    if (count > 8) break
  }
  return count
}

/**
 * @param {object} value
 * @param {object[]} above
 * @returns {HTMLUListElement}
 */
function list(value, above) {
  const items = element('ul', {})
  const children = entries(value)[Symbol.iterator]()
  const more = button('', () => { add() }, { class: 'more' })
  const add = () => {
    more.remove()
    for (let count = 0; count < CHILDREN; count += 1) {
      const next = children.next()
      if (next.done) return
      items.append(element('li', {}, node(next.value[0], next.value[1], [...above, value])))
    }
    more.textContent = `${CHILDREN} more of ${typeOf(value)}`
    items.append(element('li', {}, more))
  }
  add()
  return items
}

/**
 * @param {Error} error
 * @param {object[]} above
 * @returns {Node[]}
 */
function errorBody(error, above) {
  const stack = error.stack ? [element('pre', { class: 'stack', tabindex: '0' }, error.stack)] : []
  return 'cause' in error ? [...stack, list(error, above)] : stack
}

/**
 * @param {Uint8Array} bytes
 * @returns {HTMLElement} sixteen bytes per row: offset, hexadecimal, ASCII
 */
function dump(bytes) {
  const rows = []
  const shown = Math.min(bytes.length, ROWS * ROW)
  for (let offset = 0; offset < shown; offset += ROW) rows.push(dumpRow(bytes.subarray(offset, offset + ROW), offset))
  const rest = bytes.length - shown
  if (rest > 0) rows.push(`… ${rest.toLocaleString('en')} more bytes`)
  return element('pre', { class: 'dump', tabindex: '0' }, rows.join('\n'))
}

/**
 * @param {Uint8Array} row
 * @param {number} offset
 * @returns {string}
 */
function dumpRow(row, offset) {
  const codes = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const letters = Array.from(row, (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.').join('')
  return `${offset.toString(16).padStart(6, '0')}  ${codes.padEnd(ROW * 3 - 1)}  ${letters}`
}
