/**
 * What a client itself costs for a call: `node own.mjs CLIENT SECONDS`. Its socket is a stand-in in this process
 * (stand-in.mjs). Prints one line of JSON: microseconds for a call alone (`lone`), and with 1,000 in flight (`flight`).
 *
 * The time in the stand-in, and the turns of the event loop, are subtracted. A figure is the least of many short
 * batches, because a batch in which the system ran something else says nothing.
 */
import { performance } from 'node:perf_hooks'
import { JsonRpcStandIn, standIn, WebipcStandIn } from './stand-in.mjs'

const LONE = 200 // calls of a batch, one after the other
const FLIGHT = 1000 // calls of a batch, all at once

const [name, seconds] = process.argv.slice(2)
globalThis.StandIn = { ours: WebipcStandIn, ws: JsonRpcStandIn }[name]
if (!globalThis.StandIn) throw new Error(`no stand-in for the client '${name}' (stand-in.mjs has them)`)
const client = await (await import(`./clients/${name}.mjs`)).connect(80)

async function expectSum(i) {
  const sum = await client.add(i, 0.5)
  if (sum !== i + 0.5) throw new Error(`expected ${i + 0.5}, got ${sum}`)
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function lone(work) {
  for (let i = 0; i < LONE; i++) await work(i)
}

async function flight() {
  await Promise.all(Array.from({ length: FLIGHT }, (_, i) => expectSum(i)))
}

/** The least of the batches' microseconds for each of `count` calls. */
async function least(count, batch) {
  const times = []
  const end = performance.now() + Number(seconds) * 1000
  for (let i = 0; i < 5 || performance.now() < end; i++) {
    standIn.spent = 0
    const began = performance.now()
    await batch()
    times.push(((performance.now() - began - standIn.spent) * 1000) / count)
  }
  return Math.min(...times)
}

await least(LONE, () => lone(expectSum)) // compiles
const turns = await least(LONE, () => lone(turn))
const report = { lone: (await least(LONE, () => lone(expectSum))) - turns, flight: await least(FLIGHT, flight) }
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
