/** The delay before the next socket. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Backoff } from '../../src/link/backoff.js'

describe('backoff', () => {
  test('the bound doubles from 0.1 s to 10 s, and the delay is random below it', () => {
    const most = new Backoff(() => 1)
    assert.deepEqual(Array.from({ length: 9 }, () => most.next()),
      [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    assert.equal(new Backoff(() => 0).next(), 0)
  })
  test('a reset starts again', () => {
    const backoff = new Backoff(() => 0.5)
    backoff.next()
    backoff.reset()
    assert.equal(backoff.next(), 50)
  })
  test('retries after the wait, unless it is stopped', async () => {
    const calls: string[] = []
    const stopped = new Backoff(() => 0)
    stopped.retry(() => calls.push('stopped'))
    stopped.stop()
    const backoff = new Backoff(() => 0)
    await new Promise<void>((done) => {
      backoff.retry(() => { calls.push('retried'); done() })
      assert.ok(backoff.running)
    })
    assert.deepEqual([calls, backoff.running, backoff.next()], [['retried'], false, 0])
  })
})
