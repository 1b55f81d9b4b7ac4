/** How large pieces are, and how much may be under way. Twin: tests/core/test_pace.py */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Pace } from '../../src/core/link/pace.js'
import { readVectors } from '../support/vectors.js'

interface Expected {
  readonly piece: number
  readonly window: number
}

interface Step extends Expected {
  readonly lost?: true
  readonly under_way: number
  readonly acked: number
  readonly now: number
}

interface Vector extends Expected {
  readonly name: string
  readonly limits?: { readonly part_bytes?: number, readonly ack_ms?: number }
  readonly steps: readonly Step[]
}

describe('pace', () => {
  for (const { name, limits, steps, ...first } of readVectors<Vector[]>('pace.json')) {
    test(name, () => {
      const { part_bytes: partBytes = DEFAULT_LIMITS.partBytes, ack_ms: ackMs = DEFAULT_LIMITS.ackMs } = limits ?? {}
      const pace = new Pace({ ...DEFAULT_LIMITS, partBytes, ackMs })
      assert.deepEqual([pace.piece, pace.window], [first.piece, first.window])
      for (const step of steps) {
        if (step.lost) {
          pace.resetPace()
        } else {
          pace.underWay = step.under_way
          pace.acked += step.acked
          pace.measure(step.now)
        }
        assert.deepEqual([pace.piece, pace.window], [step.piece, step.window], JSON.stringify(step))
      }
    })
  }
})
