/**
 * Draws numbers over the last minute as lines that move to the left.
 *
 * Knows no channel. The style sheet sets colours and dashes by the number of the line.
 */

const SVG = 'http://www.w3.org/2000/svg'
/** The width of the chart in milliseconds. */
export const SPAN = 60_000
const HEIGHT = 120
/** Pixels for the scale at the right. */
const SCALE = 34

/** @typedef {{ time: number, values: Readonly<Record<string, number>> }} Sample */

export class Chart {
  #svg = make('svg', { role: 'img', height: HEIGHT })
  #lines = make('g', {})
  #grid = make('g', { class: 'grid' })
  /** @type {Sample[]} */
  #samples = []
  /** @type {Map<string, SVGPathElement>} */
  #paths = new Map()
  #area = make('path', { class: 'area' })
  #width = 320
  #top = 0

  constructor() {
    this.element = this.#svg
    this.#lines.append(this.#area)
    this.#svg.append(this.#grid, this.#lines)
    new ResizeObserver(([entry]) => {
      this.#width = entry?.contentRect.width ?? this.#width
      this.#top = 0
      this.draw(performance.now())
    }).observe(this.#svg)
  }

  /** @param {Sample} sample */
  add(sample) {
    this.#samples.push(sample)
    // One sample before the left edge stays: the line starts there.
    while ((this.#samples[1]?.time ?? Infinity) < sample.time - SPAN - 1000) this.#samples.shift()
    for (const name of Object.keys(sample.values)) this.#path(name)
    this.#svg.setAttribute('aria-label', `The last minute; now ${
      Object.entries(sample.values).map(([name, value]) => `${name} ${round(value)}`).join(', ')}`)
  }

  /** @param {number} now - the time at the right edge */
  draw(now) {
    this.#scale()
    for (const [name, path] of this.#paths) path.setAttribute('d', this.#line(name, now))
    const [first] = this.#paths.keys()
    const line = first === undefined ? '' : this.#line(first, now)
    const end = this.#x(this.#samples.at(-1)?.time ?? now, now)
    const begin = this.#x(this.#samples[0]?.time ?? now, now)
    this.#area.setAttribute('d', line && `${line}L${end} ${HEIGHT}L${begin} ${HEIGHT}Z`)
  }

  /**
   * @param {string} name
   * @param {number} now
   * @returns {string}
   */
  #line(name, now) {
    let command = 'M'
    const points = this.#samples.map(({ time, values }) => {
      const value = values[name]
      if (value === undefined) return ''
      const point = `${command}${this.#x(time, now)} ${this.#y(value)}`
      command = 'L'
      return point
    })
    return points.join('')
  }

  /**
   * @param {number} time
   * @param {number} now
   */
  #x(time, now) {
    return ((1 - (now - time) / SPAN) * (this.#width - SCALE)).toFixed(1)
  }

  /** @param {number} value */
  #y(value) {
    return ((1 - value / (this.#top || 1)) * (HEIGHT - 8) + 6).toFixed(1)
  }

  /** @param {string} name */
  #path(name) {
    if (this.#paths.has(name)) return
    const path = make('path', { class: `line line-${this.#paths.size}` })
    this.#paths.set(name, path)
    this.#lines.append(path)
  }

  /** Redraws the scale when its top has changed. */
  #scale() {
    const values = this.#samples.flatMap((sample) => Object.values(sample.values))
    const isPercent = [...this.#paths.keys()].every((name) => name.endsWith('%'))
    const top = isPercent ? 100 : niceTop(Math.max(0, ...values))
    if (top === this.#top) return
    this.#top = top
    this.#grid.replaceChildren(...[0, 0.5, 1].flatMap((part) => {
      const y = this.#y(top * part)
      const text = make('text', { x: this.#width - SCALE + 6, y: Number(y) + (part === 1 ? 5 : part === 0 ? 0 : 3) })
      text.textContent = compact(top * part)
      return [make('line', { x1: 0, x2: this.#width - SCALE, y1: y, y2: y }), text]
    }))
  }
}

/**
 * @param {number} largest
 * @returns {number} 1, 2 or 5 times a power of ten, at least the largest value
 */
function niceTop(largest) {
  if (largest <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(largest))
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= largest) ?? largest
}

/** @param {number} value */
export function round(value) {
  return new Intl.NumberFormat('en', { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 }).format(value)
}

/** @param {number} value */
function compact(value) {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value)
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @returns {SVGElementTagNameMap[Tag]}
 */
function make(tag, attributes) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return /** @type {SVGElementTagNameMap[Tag]} */ (made)
}
