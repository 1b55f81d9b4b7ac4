/** The calls of either side. Twin: tests/core/test_calls.py */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Answers, Calls, restore, snapshot } from '../../src/core/calls.js'
import { LimitError, ProtocolError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Side } from '../../src/core/link/index.js'

const TWO = { ...DEFAULT_LIMITS, openCalls: 2 }

function begun(...ids: number[]): Answers {
  const answers = new Answers(Side.MAIN, TWO)
  for (const id of ids) answers.begin(id)
  return answers
}

describe('calls that this side opened', () => {
  test('the page has odd ids and the server even ones, and none is reused', () => {
    for (const [side, ids] of [[Side.RENDERER, [1, 3, 5]], [Side.MAIN, [2, 4, 6]]] as const) {
      const calls = new Calls<string>(side)
      assert.deepEqual(ids.map(() => { const id = calls.open('x'); calls.settle(id); return id }), ids)
    }
  })

  test('a call is settled once, and an id that is not open has no record', () => {
    const calls = new Calls<string>(Side.RENDERER)
    const id = calls.open('record')
    assert.equal(calls.records.size, 1)
    assert.deepEqual([calls.settle(2), calls.settle(id), calls.settle(id)], [undefined, 'record', undefined])
    assert.equal(calls.records.size, 0)
  })

  test('all fail together, in the order in which they were opened', () => {
    const calls = new Calls<string>(Side.RENDERER)
    for (const record of ['a', 'b', 'c']) calls.open(record)
    calls.settle(3)
    assert.deepEqual(calls.failAll(), [[1, 'a'], [5, 'c']])
    assert.deepEqual([calls.failAll(), calls.records.size, calls.open('d')], [[], 0, 7])
  })

  test('too many are refused until one is settled', () => {
    const calls = new Calls<string>(Side.RENDERER, TWO)
    calls.open('a')
    calls.open('b')
    assert.throws(() => calls.open('c'), (error) => error instanceof LimitError && error.limit === 'open_calls')
    calls.settle(1)
    assert.equal(calls.open('c'), 5)
  })

  test('restored calls continue with the same state', () => {
    const calls = new Calls<string>(Side.RENDERER, TWO)
    calls.open('a')
    const restored = restore(Side.RENDERER, TWO, snapshot(calls))
    assert.deepEqual([restored.open('b'), restored.settle(1), restored.settle(3)], [3, 'a', 'b'])
    assert.equal(calls.records.size, 1)
  })
})

describe('calls that the peer opened', () => {
  test('each is finished exactly once', () => {
    const answers = begun(1, 5)
    assert.deepEqual([answers.openIds, answers.size], [[1, 5], 2])
    assert.deepEqual([answers.finish(1), answers.finish(1), answers.finish(3)], [true, false, false])
    assert.deepEqual(answers.openIds, [5])
  })

  test('an id that is not larger than all before, or is of this side, is refused', () => {
    for (const id of [5, 3, 1, 0, 6, 8]) assert.throws(() => { begun(5).begin(id) }, ProtocolError, String(id))
    begun(5).begin(7)
  })

  test('the ids of a server are even', () => {
    const answers = new Answers(Side.RENDERER)
    assert.throws(() => { answers.begin(1) }, ProtocolError)
    answers.begin(2)
  })

  test('too many are refused', () => {
    const answers = begun(1, 3)
    assert.throws(() => { answers.begin(5) }, (error) => error instanceof ProtocolError && error.closeCode === 4413)
    answers.finish(1)
    answers.begin(5)
  })

  test('restored answers continue with the same state', () => {
    const restored = Answers.restore(Side.MAIN, TWO, begun(1, 3).snapshot())
    assert.throws(() => { restored.begin(3) }, ProtocolError)
    assert.deepEqual([restored.finish(1), restored.openIds], [true, [3]])
  })
})
