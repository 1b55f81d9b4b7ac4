/**
 * The load on the subjects that have a JavaScript client: `node load.mjs CLIENT PORT JOB [SECONDS] [IN_FLIGHT]`.
 *
 * One connection. Prints one line of JSON: the count in the measured time, the total count, and the processor time that
 * this process used, which shows whether it was the bottleneck. Every answer is compared with the expected one; a wrong
 * one, a lost one or an error ends the process with a status other than 0.
 * Twin: benchmarks/load/, for cases that need many connections or no garbage collector.
 */
import { performance } from 'node:perf_hooks'

const WARM_UP = 0.25 // of the measured time, before it
const DRAIN_MS = 10_000 // an answer that has not arrived by then is lost
const BATCH = 2000 // events per request; one batch at a time, because some servers mix what two requests push
const MEGABYTE = 1 << 20
const SMALL = [100, 1 << 10, 8 << 10] // benchmarks/cells/sizes.py
const LARGE = [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
const FEWEST = 3 // round trips of one size

const [name, port, job, seconds = '0.5', inFlight = '1'] = process.argv.slice(2)
const client = await (await import(`./clients/${name}.mjs`)).connect(Number(port))

/** Counts arrivals, from the warm-up on. Times are milliseconds since the process started. */
class Window {
  constructor() {
    this.begin = performance.now() + Number(seconds) * WARM_UP * 1000
    this.end = this.begin + Number(seconds) * 1000
    this.processor = process.cpuUsage()
    this.started = performance.now()
    this.total = 0
    this.count = 0
  }

  /** Counts one arrival; returns whether to continue. A slow machine gets more time, until one counts. */
  arrived() {
    const now = performance.now()
    this.total++
    if (now >= this.end && this.count === 0) this.end = now + 1
    if (now >= this.begin && now < this.end) this.count++
    return now < this.end
  }

  report(more = {}) {
    const { user, system } = process.cpuUsage(this.processor)
    const busy = (user + system) / 1000 / (performance.now() - this.started)
    return { count: this.count, total: this.total, seconds: (this.end - this.begin) / 1000, busy, ...more }
  }
}

function expect(actual, expected) {
  if (actual !== expected) throw new Error(`expected ${expected}, got ${String(actual)}`)
}

function bytes(salt, size = MEGABYTE) {
  const data = new Uint8Array(size)
  for (let i = 0; i < data.length; i++) data[i] = (i * 31 + salt) & 255
  return data
}

async function echoEqual(data) {
  const back = Buffer.from(toBytes(await client.echo(data)))
  if (!back.equals(data)) throw new Error(`${data.length} bytes came back as ${back.length} other ones`)
}

/** Bytes without a copy, whatever a client calls them. */
function toBytes(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

const jobs = {
  /** Before the timing: distinct values all at once, 1 MiB of bytes, events in order; as far as the client has them. */
  async check() {
    if (client.add) {
      const calls = Array.from({ length: 1000 }, (_, i) => client.add(i, 0.5))
      ;(await Promise.all(calls)).forEach((sum, i) => expect(sum, i + 0.5))
    }
    if (client.echo) for (const salt of [1, 2]) await echoEqual(bytes(salt))
    if (client.ticks) await new Promise((resolve) => {
      let next = 0
      client.onTick((number) => {
        expect(number, next++)
        if (next === 1000) resolve()
      })
      client.ticks(0, 1000)
    })
    return {}
  },

  /** One call after the other: how long each took, in microseconds. */
  async rtt() {
    const times = []
    const window = new Window()
    for (let i = 0, more = true; more; i++) {
      const start = performance.now()
      expect(await client.add(i, 0.5), i + 0.5)
      times.push((performance.now() - start) * 1000)
      more = window.arrived()
    }
    const measured = times.slice(window.total - window.count).sort((a, b) => a - b)
    const at = (share) => measured[Math.floor(share * (measured.length - 1))]
    return window.report({ p50: at(0.5), p99: at(0.99) })
  },

  /** Keeps a constant number of calls in flight. */
  async flight() {
    const window = new Window()
    let next = 0
    const row = async () => {
      let more = true
      while (more) {
        const i = next++
        expect(await client.add(i, 0.5), i + 0.5)
        more = window.arrived()
      }
    }
    await Promise.all(Array.from({ length: Number(inFlight) }, row))
    expect(window.total, next)
    return window.report()
  },

  /** Events that the server sends one by one. */
  ticks() {
    const window = new Window()
    let next = 0
    return new Promise((resolve) => {
      client.onTick((number) => {
        expect(number, next++)
        const more = window.arrived()
        if (next % BATCH !== 0) return
        if (more) client.ticks(next, BATCH)
        else resolve(window.report())
      })
      client.ticks(0, BATCH)
    })
  },

  /** Round trips of one mebibyte, one after the other. */
  async echo() {
    const data = bytes(3)
    const window = new Window()
    let more = true
    while (more) {
      const back = toBytes(await client.echo(data))
      expect(back.length, MEGABYTE)
      expect(back[12345], data[12345])
      more = window.arrived()
    }
    return window.report()
  },

  /** Round trips of bytes, by size: the median of each, in microseconds. */
  small: () => roundTrips(SMALL),
  large: () => roundTrips(LARGE),
}

async function roundTrips(sizes) {
  const medians = {}
  for (const size of sizes) medians[size] = await roundTrip(bytes(5, size), Number(seconds) / 2 / sizes.length)
  return { sizes: medians }
}

async function roundTrip(data, seconds) {
  const times = []
  const end = performance.now() + seconds * 1000
  while (times.length < FEWEST || performance.now() < end) {
    const start = performance.now()
    const back = toBytes(await client.echo(data))
    times.push((performance.now() - start) * 1000)
    expect(back.length, data.length)
    expect(back[data.length >> 1], data[data.length >> 1])
  }
  return times.sort((a, b) => a - b)[times.length >> 1]
}

const late = setTimeout(() => {
  throw new Error(`${job}: an answer is missing ${DRAIN_MS} ms after the end`)
}, Number(seconds) * 1250 + DRAIN_MS)
const report = await jobs[job]()
clearTimeout(late)
process.stdout.write(`${JSON.stringify(report)}\n`, () => client.close())
