/**
 * Creates elements of the page. Text is inserted as text: nothing in the playground parses markup.
 */

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {string | number | boolean | undefined | ((event: any) => void)} Property */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Property>} [properties] - attributes; functions, such as `onclick`, are listeners; false and
 *   undefined are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value)
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return made
}

/**
 * @param {string} text
 * @param {(event: Event) => void} onclick
 * @param {Record<string, Property>} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(text, onclick, properties = {}) {
  return element('button', { type: 'button', onclick, ...properties }, text)
}

/**
 * @template {Element} Kind
 * @param {string} id - of an element that index.html has
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new TypeError(`index.html has no ${kind.name} with the id ${id}`)
  return found
}

/**
 * Copies a text to the clipboard, and shows on the button for a moment whether this worked.
 *
 * @param {HTMLButtonElement} pressed
 * @param {string} text
 */
export async function copy(pressed, text) {
  const label = pressed.textContent
  const copied = await write(text)
  pressed.textContent = copied ? 'Copied' : 'Not allowed'
  setTimeout(() => { pressed.textContent = label }, 1200)
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // A page on plain HTTP in the local network has no other access to the clipboard.
    const area = element('textarea', { class: 'unseen', 'aria-hidden': 'true' })
    area.value = text
    document.body.append(area)
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    return copied
  }
}
