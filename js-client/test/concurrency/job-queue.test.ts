/** In which task each of the things that came is dispatched. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { Arrivals } from '../../src/concurrency/job-queue.js'
import { Gate } from '../../src/concurrency/event-hold.js'
import { runTask, withManualTasks } from '../support/manual-tasks.js'
import { until } from '../support/scripted-server.js'

/** `e…` is an event, anything else a result. */
type Item = string

let arrivals: Arrivals<Item> | undefined
const gate = new Gate()
afterEach(() => { arrivals?.stop() })

/** Logs each item and, after it, the promise job that it queued. */
function recorder(onItem: (item: Item) => void = () => undefined): { log: string[], arrivals: Arrivals<Item> } {
  const log: string[] = []
  arrivals = new Arrivals<Item>((item) => {
    log.push(item)
    queueMicrotask(() => log.push(`${item}'`))
    onItem(item)
  }, (item) => item.startsWith('e'), gate)
  return { log, arrivals }
}

describe('arrivals', () => {
  test('the first event is dispatched in the task that brought it, the others in one task each', async () => {
    const { log, arrivals } = recorder()
    arrivals.push(['e1', 'e2', 'e3'])
    assert.deepEqual(log, ['e1'])
    await until(() => log.length === 6)
    assert.deepEqual(log, ['e1', "e1'", 'e2', "e2'", 'e3', "e3'"])
  })
  test('consecutive results share one task', async () => {
    const { log, arrivals } = recorder()
    arrivals.push(['r1', 'r2', 'r3'])
    assert.deepEqual(log, ['r1', 'r2', 'r3'])
    await until(() => log.length === 6)
  })
  test('a result never overtakes an event, and its promise jobs run before the next event', async () => {
    const { log, arrivals } = recorder()
    arrivals.push(['e1', 'r1', 'r2', 'e2', 'r3'])
    await until(() => log.length === 10)
    assert.deepEqual(log, ['e1', "e1'", 'r1', 'r2', "r1'", "r2'", 'e2', "e2'", 'r3', "r3'"])
  })
  test('what comes while others wait is dispatched behind them', async () => {
    const { log, arrivals } = recorder()
    arrivals.push(['e1', 'e2'])
    arrivals.push(['r1'])
    assert.deepEqual(log, ['e1'])
    await until(() => log.includes('r1'))
    assert.deepEqual(log.filter((item) => !item.endsWith("'")), ['e1', 'e2', 'r1'])
  })
  test('what comes in the middle of a dispatch waits for its own task', async () => {
    const { log, arrivals } = recorder((item) => {
      if (item === 'e1') arrivals.push(['r1', 'e2'])
      log.push(`${item} done`)
    })
    arrivals.push(['e1'])
    await until(() => log.includes("e2'"))
    assert.deepEqual(log, ['e1', 'e1 done', "e1'", 'r1', 'r1 done', "r1'", 'e2', 'e2 done', "e2'"])
  })
  test('a dispatch that throws does not stop the queue', async () => {
    const { log, arrivals } = recorder((item) => { if (item === 'e1') throw new Error('e1') })
    assert.throws(() => { arrivals.push(['e1', 'e2']) }, /e1/)
    await until(() => log.includes('e2'))
  })
  test('what was cleared is not dispatched', async () => {
    const { log, arrivals } = recorder((item) => { if (item === 'e2') arrivals.clear() })
    arrivals.push(['e1', 'e2', 'e3', 'r1'])
    await until(() => log.includes('e2'))
    arrivals.push(['e4'])
    await until(() => log.includes('e4'))
    assert.deepEqual(log.filter((item) => !item.endsWith("'")), ['e1', 'e2', 'e4'])
  })
  test('a thousand results cost one task, and fifty thousand events come in order', async () => {
    const { log, arrivals } = recorder()
    arrivals.push(Array.from({ length: 1000 }, (_, index) => `r${index}`))
    assert.equal(log.length, 1000)
    const events = Array.from({ length: 50_000 }, (_, index) => `e${index}`)
    arrivals.push(events)
    await until(() => log.length === 102_000)
    assert.deepEqual(log.filter((item) => item.startsWith('e') && !item.endsWith("'")), events)
  })
  test('a task that an engine runs in the middle of a blocking call waits for its end', () => {
    withManualTasks(() => {
      const { log, arrivals } = recorder()
      arrivals.push(['e1', 'e2'])
      gate.around(() => {
        runTask()
        log.push('blocked')
      })
      runTask()
      assert.deepEqual(log, ['e1', 'blocked', 'e2'])
    })
  })
})
