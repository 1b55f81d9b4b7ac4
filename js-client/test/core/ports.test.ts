/** The ids of ports within a link, for either side. Twin: tests/core/test_ports.py */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LimitError, ProtocolError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Side } from '../../src/core/link/index.js'
import { Ports, restore, snapshot } from '../../src/core/ports.js'

const TWO = { ...DEFAULT_LIMITS, openPorts: 2 }

const isLimit = (error: unknown): boolean => error instanceof LimitError && error.limit === 'open_ports'
const closesWith = (code: number) => (error: unknown): boolean =>
  error instanceof ProtocolError && error.closeCode === code

describe('ports that this side sends', () => {
  test('the page has odd ids and the server even ones, and none is reused', () => {
    for (const [side, ids] of [[Side.RENDERER, [1, 3, 5]], [Side.MAIN, [2, 4, 6]]] as const) {
      const ports = new Ports<string>(side)
      assert.deepEqual(ids.map(() => { const id = ports.open('x'); ports.close(id); return id }), ids)
      ports.closeAll()
      assert.equal(ports.open('x'), ids[2] + 2)
    }
  })

  test('one beyond the limit takes no id, and several are allowed together or not at all', () => {
    const ports = new Ports<string>(Side.RENDERER, TWO)
    ports.roomFor(2)
    ports.open('a')
    assert.throws(() => { ports.roomFor(2) }, isLimit)
    ports.open('b')
    assert.throws(() => ports.open('c'), isLimit)
    ports.close(1)
    assert.equal(ports.open('d'), 5)
  })
})

describe('ports that the peer sends', () => {
  test('have the other parity, and increase', () => {
    for (const [side, ids] of [[Side.MAIN, [1, 3, 9]], [Side.RENDERER, [2, 4, 10]]] as const) {
      const ports = new Ports<number>(side)
      for (const id of ids) ports.accept(id, id)
      assert.deepEqual(ids.map((id) => ports.get(id)), ids)
    }
  })

  test('an id that is not the next one is refused', () => {
    for (const [side, wrong] of [[Side.MAIN, [5, 4, 3, 1, 6, 0, -1]], [Side.RENDERER, [6, 5, 4, 2, 7, 0]]] as const) {
      const ports = new Ports<string>(side)
      ports.accept(wrong[0], 'first')
      ports.close(wrong[0])
      for (const id of wrong) assert.throws(() => { ports.accept(id, 'wrong') }, closesWith(4400), String(id))
      assert.equal(ports.records.size, 0)
    }
  })

  test('one beyond the limit is refused', () => {
    const ports = new Ports<string>(Side.MAIN, TWO)
    ports.open('ours')
    ports.accept(1, 'a')
    assert.throws(() => { ports.accept(3, 'b') }, closesWith(4413))
    ports.close(1)
    ports.accept(3, 'b')
  })
})

describe('a port', () => {
  test('that was closed is known, and has no record', () => {
    const ports = new Ports<string>(Side.RENDERER)
    const ours = ports.open('ours')
    ports.accept(2, 'theirs')
    assert.deepEqual([ports.close(ours), ports.close(ours), ports.close(2)], ['ours', undefined, 'theirs'])
    assert.deepEqual([ports.get(ours), ports.get(2)], [undefined, undefined])
  })

  test('that was never sent is refused, for ids of either side', () => {
    const ports = new Ports<string>(Side.RENDERER)
    ports.open('ours')
    ports.accept(6, 'theirs')
    for (const id of [3, 5, 8, 10]) assert.throws(() => ports.get(id), closesWith(4400), String(id))
    // The peer has skipped it, so it can no longer be sent.
    assert.equal(ports.get(4), undefined)
  })

  test('all are closed in the order in which they crossed the link', () => {
    const ports = new Ports<string>(Side.RENDERER)
    ports.open('first')
    ports.accept(2, 'second')
    ports.open('third')
    ports.close(2)
    assert.deepEqual([ports.closeAll(), ports.closeAll()], [['first', 'third'], []])
  })
})

test('restored ports continue with the same state', () => {
  const ports = new Ports<string>(Side.RENDERER, TWO)
  ports.open('gone')
  ports.accept(4, 'theirs')
  ports.close(1)
  const restored = restore(Side.RENDERER, TWO, snapshot(ports))
  assert.deepEqual(snapshot(restored), snapshot(ports))
  assert.throws(() => { restored.accept(4, 'again') }, closesWith(4400))
  assert.deepEqual([restored.open('b'), restored.get(1), restored.get(4)], [3, undefined, 'theirs'])
  assert.throws(() => restored.open('c'), isLimit)
  assert.deepEqual(restored.closeAll(), ['theirs', 'b'])
})

test('two sides agree on every id', () => {
  const sides = [new Ports<string>(Side.MAIN), new Ports<string>(Side.RENDERER)] as const
  for (const turn of [0, 0, 1, 0, 1, 1, 1, 0] as const) sides[turn === 0 ? 1 : 0].accept(sides[turn].open('x'), 'y')
  assert.deepEqual(sides.map(({ records }) => records.size), [8, 8])
})
