/** What a socket says while the page is blocked: held back, in order, and let out once. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Gate } from '../../src/concurrency/event-hold.js'
import { runTask, withManualTasks } from '../support/manual-tasks.js'
import { quiet } from '../support/scripted-server.js'

let gate: Gate
let log: unknown[]

const say = (what: unknown): void => { gate.pass(() => { log.push(what) }) }

beforeEach(() => {
  gate = new Gate()
  log = []
})

describe('a gate', () => {
  test('lets everything pass at once while nothing blocks', () => {
    say(1)
    say(2)
    assert.deepEqual(log, [1, 2])
  })

  test('keeps what comes while the page is blocked until its own task has ended', async () => {
    const answer = gate.around(() => {
      say(1)
      say(2)
      return 'answer'
    })
    // Still the page's task: what comes now stays behind what is kept.
    say(3)
    log.push(answer)
    await quiet()
    say(4)
    assert.deepEqual(log, ['answer', 1, 2, 3, 4])
  })

  test('opens when what blocks throws', async () => {
    assert.throws(() => gate.around(() => { say(1); throw new Error('nothing answers') }), /nothing answers/)
    await quiet()
    assert.deepEqual(log, [1])
  })

  test('keeps what is held through the next block of the same task', async () => {
    gate.around(() => { say(1) })
    gate.around(() => { say(2) })
    assert.deepEqual(log, [])
    await quiet()
    assert.deepEqual(log, [1, 2])
  })

  test('an action that blocks again holds up those behind it, in their order', async () => {
    gate.around(() => {
      gate.pass(() => { gate.around(() => { say('inner') }); log.push('blocked again') })
      say('behind')
    })
    await quiet()
    assert.deepEqual(log, ['blocked again', 'behind', 'inner'])
  })

  test('stays closed while a call blocks in the middle of which another has blocked', () => {
    withManualTasks(() => {
      gate.around(() => {
        gate.around(() => { say('inner') })
        runTask()
        say('outer')
        log.push('blocked')
      })
      for (let task = 0; task < 4; task++) runTask()
      assert.deepEqual(log, ['blocked', 'inner', 'outer'])
    })
  })

  test('lets out each thing in a task of its own', () => {
    withManualTasks(() => {
      gate.around(() => {
        say(1)
        say(2)
      })
      runTask()
      assert.deepEqual(log, [1])
      runTask()
      assert.deepEqual(log, [1, 2])
    })
  })

  test('what throws is reported, and holds up nobody behind it', async () => {
    const reported: unknown[] = []
    Object.assign(globalThis, { reportError: (error: unknown) => { reported.push(String(error)) } })
    try {
      gate.around(() => {
        gate.pass(() => { throw new Error('mine') })
        say('behind')
      })
      await quiet()
    } finally {
      Reflect.deleteProperty(globalThis, 'reportError')
    }
    say('later')
    assert.deepEqual([log, reported], [['behind', 'later'], ['Error: mine']])
  })
})
