/**
 * Live charts for the channels on which the application pushes numbers.
 *
 * A channel gets a chart after three messages of numbers with at most a few seconds between them.
 */
import { Chart, round, SPAN } from './chart.js'
import { element } from './elements.js'

/** Milliseconds between two messages of one series. */
const GAP = 3000
const MESSAGES = 3
const LINES = 4
const CHARTS = 4

/** @typedef {Readonly<Record<string, number>>} Numbers */

export class Live {
  #panel
  #onLive
  /** @type {Map<string, { time: number, values: Numbers }[]>} */
  #candidates = new Map()
  /** @type {Map<string, LiveChannel>} */
  #charts = new Map()
  #moves = !matchMedia('(prefers-reduced-motion: reduce)').matches
  #lastDrawn = 0

  /**
   * @param {HTMLElement} panel
   * @param {(channel: string) => void} onLive - called for each channel that gets a chart
   */
  constructor(panel, onLive) {
    this.#panel = panel
    this.#onLive = onLive
  }

  /**
   * @param {string} channel
   * @param {unknown[]} args
   */
  hear(channel, args) {
    const values = numbersIn(args)
    if (!values) return
    const sample = { time: performance.now(), values }
    const chart = this.#charts.get(channel)
    if (chart) this.#add(chart, sample)
    else this.#consider(channel, sample)
  }

  /**
   * @param {string} channel
   * @param {{ time: number, values: Numbers }} sample
   */
  #consider(channel, sample) {
    const before = this.#candidates.get(channel) ?? []
    const samples = sample.time - (before.at(-1)?.time ?? 0) > GAP ? [sample] : [...before, sample]
    this.#candidates.set(channel, samples)
    if (samples.length < MESSAGES || this.#charts.size >= CHARTS) return
    this.#candidates.delete(channel)
    const chart = new LiveChannel(channel)
    this.#charts.set(channel, chart)
    this.#panel.append(chart.element)
    this.#panel.hidden = false
    for (const each of samples) this.#add(chart, each)
    this.#onLive(channel)
    if (this.#charts.size === 1) this.#nextFrame()
  }

  /**
   * @param {LiveChannel} chart
   * @param {{ time: number, values: Numbers }} sample
   */
  #add(chart, sample) {
    chart.add(sample)
    if (!this.#moves) chart.draw(sample.time)
  }

  #nextFrame() {
    if (this.#moves) requestAnimationFrame((now) => { this.#frame(now) })
  }

  /** @param {number} now */
  #frame(now) {
    // A line that crosses the panel in a minute moves by half a pixel in this time; drawing more often is not visible.
    if (now - this.#lastDrawn > 80) {
      this.#lastDrawn = now
      for (const chart of this.#charts.values()) chart.draw(now)
      this.#dropStill(now)
    }
    if (this.#charts.size > 0) this.#nextFrame()
  }

  /**
   * Removes a chart when its last point has left it.
   *
   * @param {number} now
   */
  #dropStill(now) {
    for (const [channel, chart] of this.#charts) {
      if (now - chart.last < SPAN) continue
      chart.element.remove()
      this.#charts.delete(channel)
    }
    this.#panel.hidden = this.#charts.size === 0
  }
}

/** One channel's chart, with a legend of the latest values. */
class LiveChannel {
  #chart = new Chart()
  #legend = element('p', { class: 'legend' })
  /** The time of the last message. */
  last = 0

  /** @param {string} channel */
  constructor(channel) {
    this.element = element('figure', { class: 'live' },
      element('figcaption', {}, element('code', {}, channel), this.#legend))
    this.element.append(this.#chart.element)
  }

  /** @param {{ time: number, values: Numbers }} sample */
  add(sample) {
    this.last = sample.time
    this.#chart.add(sample)
    this.#legend.replaceChildren(...Object.entries(sample.values).map(([name, value], index) =>
      element('span', { class: `line-${index}` }, name, ' ', element('b', {}, round(value)))))
  }

  /** @param {number} now */
  draw(now) {
    this.#chart.draw(now)
  }
}

/**
 * @param {unknown[]} args - of a message
 * @returns {Numbers | undefined} its numbers: the values of an object, or the arguments themselves
 */
function numbersIn(args) {
  const [first] = args
  const isObject = args.length === 1 && typeof first === 'object' && first !== null
    && Object.getPrototypeOf(first) === Object.prototype
  const pairs = isObject
    ? Object.entries(first).filter(([, value]) => typeof value === 'number')
    : args.map((value, index) => [args.length === 1 ? 'value' : `argument ${index + 1}`, value])
  const isDrawn = pairs.length > 0 && pairs.every(([, value]) => Number.isFinite(value))
  return isDrawn ? Object.fromEntries(pairs.slice(0, LINES)) : undefined
}
