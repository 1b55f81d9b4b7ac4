/** In which task each job is dispatched. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { JobQueue } from '../../src/concurrency/job-queue.js'
import { EventHold } from '../../src/concurrency/event-hold.js'
import { runTask, withManualTasks } from '../support/manual-tasks.js'
import { until } from '../support/scripted-server.js'

/** `e…` is an event, anything else a result. */
type Job = string

let queue: JobQueue<Job> | undefined
const hold = new EventHold()
afterEach(() => { queue?.stop() })

/** Logs each job, and after it the promise callback that the job queued. */
function recorder(onJob: (job: Job) => void = () => undefined): { log: string[], queue: JobQueue<Job> } {
  const log: string[] = []
  queue = new JobQueue<Job>((job) => {
    log.push(job)
    queueMicrotask(() => log.push(`${job}'`))
    onJob(job)
  }, (job) => job.startsWith('e'), hold)
  return { log, queue }
}

describe('a job queue', () => {
  test('the first event is dispatched in the task that brought it, the others in one task each', async () => {
    const { log, queue } = recorder()
    queue.push(['e1', 'e2', 'e3'])
    assert.deepEqual(log, ['e1'])
    await until(() => log.length === 6)
    assert.deepEqual(log, ['e1', "e1'", 'e2', "e2'", 'e3', "e3'"])
  })
  test('consecutive results share one task', async () => {
    const { log, queue } = recorder()
    queue.push(['r1', 'r2', 'r3'])
    assert.deepEqual(log, ['r1', 'r2', 'r3'])
    await until(() => log.length === 6)
  })
  test('a result never overtakes an event, and its promise callbacks run before the next event', async () => {
    const { log, queue } = recorder()
    queue.push(['e1', 'r1', 'r2', 'e2', 'r3'])
    await until(() => log.length === 10)
    assert.deepEqual(log, ['e1', "e1'", 'r1', 'r2', "r1'", "r2'", 'e2', "e2'", 'r3', "r3'"])
  })
  test('jobs pushed while others wait are dispatched after them', async () => {
    const { log, queue } = recorder()
    queue.push(['e1', 'e2'])
    queue.push(['r1'])
    assert.deepEqual(log, ['e1'])
    await until(() => log.includes('r1'))
    assert.deepEqual(log.filter((job) => !job.endsWith("'")), ['e1', 'e2', 'r1'])
  })
  test('a job pushed in the middle of a dispatch waits for its own task', async () => {
    const { log, queue } = recorder((job) => {
      if (job === 'e1') queue.push(['r1', 'e2'])
      log.push(`${job} done`)
    })
    queue.push(['e1'])
    await until(() => log.includes("e2'"))
    assert.deepEqual(log, ['e1', 'e1 done', "e1'", 'r1', 'r1 done', "r1'", 'e2', 'e2 done', "e2'"])
  })
  test('a dispatch that throws does not stop the queue', async () => {
    const { log, queue } = recorder((job) => { if (job === 'e1') throw new Error('e1') })
    assert.throws(() => { queue.push(['e1', 'e2']) }, /e1/)
    await until(() => log.includes('e2'))
  })
  test('cleared jobs are not dispatched', async () => {
    const { log, queue } = recorder((job) => { if (job === 'e2') queue.clear() })
    queue.push(['e1', 'e2', 'e3', 'r1'])
    await until(() => log.includes('e2'))
    queue.push(['e4'])
    await until(() => log.includes('e4'))
    assert.deepEqual(log.filter((job) => !job.endsWith("'")), ['e1', 'e2', 'e4'])
  })
  test('a thousand results cost one task, and fifty thousand events are dispatched in order', async () => {
    const { log, queue } = recorder()
    queue.push(Array.from({ length: 1000 }, (_, index) => `r${index}`))
    assert.equal(log.length, 1000)
    const events = Array.from({ length: 50_000 }, (_, index) => `e${index}`)
    queue.push(events)
    await until(() => log.length === 102_000)
    assert.deepEqual(log.filter((job) => job.startsWith('e') && !job.endsWith("'")), events)
  })
  test('a task that an engine runs in the middle of a blocking call waits for its end', () => {
    withManualTasks(() => {
      const { log, queue } = recorder()
      queue.push(['e1', 'e2'])
      hold.block(() => {
        runTask()
        log.push('blocked')
      })
      runTask()
      assert.deepEqual(log, ['e1', 'blocked', 'e2'])
    })
  })
})
