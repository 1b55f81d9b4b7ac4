/** Actions while the page is blocked: held back, and released once and in order. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { EventHold } from '../../src/concurrency/event-hold.js'
import { runTask, withManualTasks } from '../support/manual-tasks.js'
import { quiet } from '../support/scripted-server.js'

let hold: EventHold
let log: unknown[]

const say = (what: unknown): void => { hold.run(() => { log.push(what) }) }

beforeEach(() => {
  hold = new EventHold()
  log = []
})

describe('an event hold', () => {
  test('runs every action at once while nothing blocks', () => {
    say(1)
    say(2)
    assert.deepEqual(log, [1, 2])
  })

  test('holds actions while the page is blocked, until its task has ended', async () => {
    const answer = hold.block(() => {
      say(1)
      say(2)
      return 'answer'
    })
    // Still the page's task: this action waits behind those that are held.
    say(3)
    log.push(answer)
    await quiet()
    say(4)
    assert.deepEqual(log, ['answer', 1, 2, 3, 4])
  })

  test('releases them when the blocking call throws', async () => {
    assert.throws(() => hold.block(() => { say(1); throw new Error('nothing answers') }), /nothing answers/)
    await quiet()
    assert.deepEqual(log, [1])
  })

  test('holds them through the next blocking call of the same task', async () => {
    hold.block(() => { say(1) })
    hold.block(() => { say(2) })
    assert.deepEqual(log, [])
    await quiet()
    assert.deepEqual(log, [1, 2])
  })

  test('an action that blocks again delays the ones after it, in order', async () => {
    hold.block(() => {
      hold.run(() => { hold.block(() => { say('inner') }); log.push('blocked again') })
      say('behind')
    })
    await quiet()
    assert.deepEqual(log, ['blocked again', 'behind', 'inner'])
  })

  test('keeps holding while an outer call blocks, after an inner one has ended', () => {
    withManualTasks(() => {
      hold.block(() => {
        hold.block(() => { say('inner') })
        runTask()
        say('outer')
        log.push('blocked')
      })
      for (let task = 0; task < 4; task++) runTask()
      assert.deepEqual(log, ['blocked', 'inner', 'outer'])
    })
  })

  test('releases each action in a task of its own', () => {
    withManualTasks(() => {
      hold.block(() => {
        say(1)
        say(2)
      })
      runTask()
      assert.deepEqual(log, [1])
      runTask()
      assert.deepEqual(log, [1, 2])
    })
  })

  test('an action that throws is reported, and later ones still run', async () => {
    const reported: unknown[] = []
    Object.assign(globalThis, { reportError: (error: unknown) => { reported.push(String(error)) } })
    try {
      hold.block(() => {
        hold.run(() => { throw new Error('mine') })
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
