/**
 * Fuzzes the page's decoders until it is stopped: `node --import tsx test/fuzz/endless.ts [target] [seed]`. Prints
 * every input that is read wrongly. Twin: tests/fuzz/__main__.py
 */
import { randomInt } from 'node:crypto'
import { attacksOn, faultsOf } from './running.js'
import { TARGETS } from './targets.js'

const ROUND = 1_000
const [name, given] = process.argv.slice(2)
const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
const names = name === undefined ? Object.keys(TARGETS) : [name]

console.log(`seed ${seed}; Ctrl-C ends`)
for (let round = 0, found = 0; ; round += 1) {
  for (const one of names) {
    const faults = faultsOf(one, attacksOn(one, seed + round, ROUND))
    found += faults.length
    for (const fault of faults) console.log(fault)
  }
  console.log(`${(round + 1) * ROUND} inputs of each target read, ${found} wrongly`)
}
