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
  test('a doubted socket is given up 5 s after its last bytes have left the browser', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    heartbeat.doubt(start)
    // It is looked at each 5 s, and sends for 30.
    for (let second = 0; second < 30; second += 5) {
      assert.equal(heartbeat.wait(start + second * 1_000, 1, 700_000 - second * 20_000), probeMs)
    }
    assert.equal(heartbeat.wait(start + 30_000, 1, 0), probeMs)
    assert.equal(heartbeat.wait(start + 34_000, 1, 0), probeMs - 4_000)
    assert.equal(heartbeat.wait(start + 35_000, 1, 0), 0)
  })
  test('a doubted socket whose bytes do not leave is given up after 40 s', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    heartbeat.doubt(start)
    assert.equal(heartbeat.wait(start, 1, 700_000), probeMs)
    assert.equal(heartbeat.wait(start + silenceMs - 1, 1, 700_100), 1)
    assert.equal(heartbeat.wait(start + silenceMs, 1, 700_000), probeMs, 'what was sent meanwhile is leaving')
    assert.equal(heartbeat.wait(start + 2 * silenceMs, 1, 700_000), 0)
  })
  test('while something large is under way, the answer to a probe may take three times as long', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    heartbeat.doubt(start)
    assert.equal(heartbeat.wait(start + 2 * probeMs + 1, 1, 0, true), probeMs - 1)
    assert.equal(heartbeat.wait(start + 2 * probeMs + 1, 1, 0, false), -probeMs - 1)
  })
  test('bytes that leave the browser are no sign of life before the socket is doubted: the kernel takes them', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.wait(start + 10_000, 1, 700_000), silenceMs - 10_000)
    assert.equal(heartbeat.wait(start + 20_000, 1, 0), silenceMs - 20_000)
  })
  test('with more patience the times are longer', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.wait(start, 2), 2 * silenceMs)
    heartbeat.doubt(start)
    assert.equal(heartbeat.wait(start + probeMs + 1, 2), probeMs - 1)
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
