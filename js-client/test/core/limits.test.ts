/**
 * The limits of both languages have the same names and the same defaults. Twin: tests/core/test_limits.py
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS, SERVER_LIMITS } from '../../src/core/limits.js'
import { readVectors } from '../support/vectors.js'

const { limits } = readVectors<{ readonly limits: Record<string, number> }>('constants.json')

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

test('the defaults are those of the vectors', () => {
  const mine = Object.entries({ ...DEFAULT_LIMITS, ...SERVER_LIMITS })
    .map(([name, value]) => [snakeCase(name), value])
  assert.deepEqual(Object.fromEntries(mine), limits)
})

test('the defaults cannot be changed', () => {
  assert.ok(Object.isFrozen(DEFAULT_LIMITS) && Object.isFrozen(SERVER_LIMITS))
})
