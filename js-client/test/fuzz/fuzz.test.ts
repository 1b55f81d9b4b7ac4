/**
 * The page's decoders read hostile input as a value or a clean error, at a cost in proportion to its bytes. A bounded
 * number of inputs from a fixed seed; `make fuzz` goes on for as long as it is let. Twin: tests/fuzz/test_fuzz.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { attacksOn, faultsOf } from './running.js'
import { attackOf, TARGETS } from './targets.js'

const COUNT = 300
const SEED = 20_261_130

const pairs = (count: number): null[][] => Array.from({ length: count }, () => [null, null])
const BOMBS: Readonly<Record<string, unknown>> = {
  'a sparse array': [[[]], [['a', [0], 4_294_967_295]]],
  'a ring of references': [pairs(40), pairs(40).flatMap((pair, at) => (
    pair.map((_, place) => ['@', [at, place], at < 39 ? [at + 1] : []])
  ))],
  'doubling': [[[], ...pairs(40)], pairs(40).flatMap((pair, at) => (
    pair.map((_, place) => ['@', [at + 1, place], [at]])
  ))],
  'a large BigInt': ['f'.repeat(262_144), [['n', []]]],
  'an array that claims a large buffer': [null, [['b', [], 0, Number.MAX_SAFE_INTEGER]]],
}

describe('hostile input is read as a value or a clean error', () => {
  for (const name of Object.keys(TARGETS)) {
    test(name, () => {
      assert.deepEqual(faultsOf(name, attacksOn(name, SEED, COUNT)), [])
    })
  }
})

describe('a bomb costs no more than its bytes allow', () => {
  for (const [name, bomb] of Object.entries(BOMBS)) {
    test(name, () => {
      assert.deepEqual(faultsOf('clone', [attackOf(JSON.stringify(bomb), name.includes('buffer') ? ['00'] : [])]), [])
    })
  }
})

test('the same seed gives the same inputs', () => {
  for (const name of Object.keys(TARGETS)) assert.deepEqual(attacksOn(name, 5, 20), attacksOn(name, 5, 20))
})
