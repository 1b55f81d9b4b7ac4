/** When a socket is probed, and when it is given up. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Heartbeat } from '../../src/link/heartbeat.js'

describe('heartbeat', () => {
  const start = 1_000_000
  const { silenceMs, probeMs, answerPageMs, answerServerMs } = DEFAULT_LIMITS

  test('a bare frame is answered only after 5 s without a frame of ours', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs - 1), false)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs), true)
    heartbeat.sent(start + answerPageMs)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs + 1), false)
  })
  test('a received frame postpones the probe, and ends the doubt', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.wait(start), silenceMs)
    heartbeat.heard(start + 10)
    assert.equal(heartbeat.wait(start + 20), silenceMs - 10)
    heartbeat.doubt(start + 50_000)
    assert.equal(heartbeat.doubted, true)
    assert.equal(heartbeat.wait(start + 50_001), probeMs - 1)
    heartbeat.heard(start + 50_002)
    assert.equal(heartbeat.doubted, false)
    assert.equal(heartbeat.wait(start + 50_002), silenceMs)
  })
  test('waking twice does not double the time of a dead socket', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    heartbeat.doubt(start + 2_000)
    assert.equal(heartbeat.shouldProbe(start + 3_000), false)
    heartbeat.doubt(start + 3_000)
    assert.equal(heartbeat.wait(start + 3_000), probeMs - 1_000)
  })
  test('a socket that received a frame within the last second is not probed: the server would not answer', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.shouldProbe(start + answerServerMs - 1), false)
    assert.equal(heartbeat.shouldProbe(start + answerServerMs), true)
  })
  test('a clock that is set back does not hide silence: bare frames are answered, and the socket is probed', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    const now = start - 3_600_000
    assert.deepEqual([heartbeat.shouldAnswer(now), heartbeat.shouldProbe(now)], [true, true])
    assert.ok(heartbeat.wait(now) <= 0)
    heartbeat.sent(now)
    heartbeat.doubt(now)
    assert.deepEqual([heartbeat.shouldAnswer(now), heartbeat.wait(now + 1)], [false, probeMs - 1])
    heartbeat.heard(now + 2)
    assert.equal(heartbeat.wait(now + 2), silenceMs)
  })
})
