/**
 * The link: each rule of PROTOCOL.md 6.2-6.5 by itself. Parts and bodies: link-parts.test.ts; two links at once:
 * link-machine.test.ts. Twin: tests/core/test_link.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BufferFullError, LimitError, LinkEndedError, LocalError, ResetError } from '../../src/core/errors.js'
import { decodeFrame, encodeMessage } from '../../src/core/frame.js'
import { claim, Link, replace, Side } from '../../src/core/link/index.js'
import { attached, bodyOf, firsts, frames, incoming, posted, refusal, send } from './links.js'

describe('posting', () => {
  test('messages are numbered from 1 and kept until they are acknowledged', () => {
    const link = new Link(Side.RENDERER)
    assert.deepEqual([link.first, link.last, link.fresh], [1, 0, true])
    assert.deepEqual([link.post(send(1)), link.post(send(2))], [1, 2])
    assert.deepEqual([link.first, link.last, link.kept.size, link.keptBytes], [1, 2, 2, 2 * send(1).size])
    link.attach(1, 0)
    link.takeFrame()
    link.receive(incoming(1, 1), 1)
    assert.deepEqual([link.first, link.last, link.kept.size, link.keptBytes], [2, 2, 1, send(1).size])
  })

  test('a message that is too large is refused, and nothing is numbered', () => {
    const link = posted(1, { messageBytes: send(1).size })
    assert.throws(() => link.post(send(10)), (error) => error instanceof LimitError && error.limit === 'message_bytes')
    assert.equal(link.last, 1)
  })

  test('a parcel that its receiver would refuse is refused by the sender', () => {
    const link = attached({ partBytes: 10, messageBytes: send(1).size })
    assert.throws(() => link.post(send(1)), LimitError)
    assert.equal(link.last, 0)
  })

  test('more messages than may be kept are refused until some are acknowledged', () => {
    const link = posted(2, { keptMessages: 2 })
    const full = (error: unknown): boolean => error instanceof BufferFullError && error.limit === 'kept_messages'
    assert.throws(() => link.post(send(3)), full)
    link.takeFrame()
    link.receive(incoming(1, 1), 1)
    assert.equal(link.post(send(3)), 3)
  })

  test('more bytes than may be kept are refused', () => {
    const link = posted(1, { keptBytes: 2 * send(1).size - 1 })
    const full = (error: unknown): boolean => error instanceof BufferFullError && error.limit === 'kept_bytes'
    assert.throws(() => link.post(send(2)), full)
    assert.equal(link.last, 1)
  })

  test('a part is not replaced, because others of its parcel may have arrived', () => {
    const link = attached({ partBytes: 100 })
    link.post(send('x'.repeat(150)))
    replace(link, 1, encodeMessage(['void']))
    assert.deepEqual(frames(link).map(({ messages }) => messages[0]?.fields[0]), ['part', 'part'])
  })

  test('a replaced message keeps its number', () => {
    const link = posted(2)
    replace(link, 1, encodeMessage(['void']))
    replace(link, 9, encodeMessage(['void']))
    assert.equal(link.keptBytes, 8 + send(2).size)
    assert.deepEqual(frames(link)[0]?.messages.map(({ fields }) => fields[0]), ['void', 'send'])
  })
})

describe('frames to send', () => {
  test('a frame holds as many messages as are allowed, in order, and nothing is sent twice', () => {
    const taken = frames(posted(5, { frameMessages: 2 }))
    assert.deepEqual(taken.map(({ seq, messages }) => [seq, messages.length]), [[1, 2], [3, 2], [5, 1]])
  })

  test('a frame of several messages stays within its bytes, and a larger message travels alone', () => {
    const link = attached({ frameBytes: 300 })
    for (const size of [80, 80, 80, 400, 80]) link.post(send('x'.repeat(size)))
    const taken = frames(link)
    assert.deepEqual(taken.map(({ seq, messages }) => [seq, messages.length]), [[1, 2], [3, 1], [4, 1], [5, 1]])
    assert.ok(taken.every(({ size, messages }) => size <= 300 || messages.length === 1))
  })

  test('segments and their padding count', () => {
    const link = attached({ frameBytes: 300 })
    for (let index = 0; index < 50; index++) link.post(send(null, new Uint8Array(1), new Uint8Array(1)))
    assert.ok(frames(link).every(({ size }) => size <= 300))
  })

  test('without a socket, or with nothing new, there is no frame', () => {
    const link = new Link(Side.RENDERER)
    link.post(send(1))
    assert.equal(link.takeFrame(), null)
    link.attach(1, 0)
    assert.equal(typeof link.takeFrame(), 'string')
    assert.equal(link.takeFrame(), null)
  })

  test('a bare frame has the next number and the last received one', () => {
    const link = posted(3)
    link.receive(incoming(1, 0, 'a', 'b'), 1)
    assert.equal(link.bareFrame(), '[4,2]')
  })

  test('once a message was in a frame, the link is not fresh and its outcome is unknown', () => {
    const link = posted(3, { frameMessages: 2 })
    assert.deepEqual([link.fresh, link.wasHanded(1)], [true, false])
    link.takeFrame()
    assert.deepEqual([link.fresh, link.wasHanded(2), link.wasHanded(3)], [false, true, false])
  })
})

describe('received frames', () => {
  test('a message is received once and in order', () => {
    const link = attached()
    assert.deepEqual(firsts(link.receive(incoming(1, 0, 'a', 'b'), 1)), ['a', 'b'])
    assert.deepEqual(firsts(link.receive(incoming(1, 0, 'a', 'b'), 1)), [])
    assert.deepEqual(firsts(link.receive(incoming(2, 0, 'b', 'c'), 1)), ['c'])
    assert.equal(link.received, 3)
  })

  test('a number that leaves one out is refused, and a bare frame has no message to leave out', () => {
    const link = attached()
    assert.throws(() => link.receive(incoming(2, 0, 'b'), 1), refusal(4400))
    assert.deepEqual(link.receive(incoming(7, 0), 1), [])
    assert.equal(link.received, 0)
  })

  test('a frame with a wrong message counts as nothing received', () => {
    const link = attached()
    const frame = decodeFrame('[1,0,["void"],["void",1]]')
    assert.throws(() => link.receive(frame, 1), refusal(4400))
    assert.equal(link.received, 0)
  })

  test('an acknowledgement of what was never sent is refused, one below an earlier one ignored', () => {
    const link = posted(2)
    assert.throws(() => link.receive(incoming(1, 1), 1), refusal(4400))
    link.takeFrame()
    link.receive(incoming(1, 2), 1)
    link.receive(incoming(1, 1), 1)
    assert.equal(link.first, 3)
    assert.throws(() => link.receive(incoming(1, 3), 1), refusal(4400))
  })

  test('frames of a socket that does not own the link are ignored, acknowledgements too', () => {
    const link = posted(1)
    link.takeFrame()
    link.attach(2, 0)
    assert.deepEqual(link.receive(incoming(1, 1, 'a'), 1), [])
    assert.deepEqual([link.first, link.received], [1, 0])
    link.detach(1)
    assert.equal(link.attempt, 2)
    link.detach(2)
    assert.deepEqual([link.attempt, link.attached], [null, false])
    assert.deepEqual(link.receive(incoming(1, 1, 'a'), 2), [])
  })

  test('a body may arrive without a socket', () => {
    const link = new Link(Side.MAIN)
    assert.deepEqual(firsts(link.receive(incoming(1, 0, 'a'), null)), ['a'])
  })
})

describe('acknowledging', () => {
  test('is due after so many messages', () => {
    const link = attached({ ackMessages: 2 })
    link.receive(incoming(1, 0, 'a'), 1)
    assert.deepEqual([link.ackOwed, link.ackDue], [true, false])
    link.receive(incoming(2, 0, 'b'), 1)
    assert.equal(link.ackDue, true)
  })

  test('is due after so many bytes', () => {
    const link = attached({ ackBytes: 50 })
    link.receive(incoming(1, 0, 'x'.repeat(50)), 1)
    assert.equal(link.ackDue, true)
  })

  test('is done by every frame that is sent on the socket', () => {
    const link = posted(1)
    const leaves = [() => link.takeFrame(), () => link.bareFrame(), () => { link.attach(2, 0) }]
    leaves.forEach((leave, index) => {
      link.receive(incoming(index + 1, 0, 'a'), 1)
      assert.equal(link.ackOwed, true)
      leave()
      assert.equal(link.ackOwed, false)
    })
  })

  test('is not owed for earlier messages', () => {
    const link = attached()
    link.receive(incoming(1, 0, 'a'), 1)
    link.bareFrame()
    link.receive(incoming(1, 0, 'a'), 1)
    assert.equal(link.ackOwed, false)
  })
})

describe('sockets', () => {
  test('the next socket gets again what the peer lacks, under the same numbers', () => {
    const link = posted(3)
    link.takeFrame()
    link.post(send(4))
    link.detach(1)
    link.attach(2, 1)
    assert.deepEqual(frames(link).map(({ seq, messages }) => [seq, messages.length]), [[2, 3]])
  })

  test('a peer that lacks what is no longer kept, or acknowledges what was never sent, cannot resume', () => {
    const link = posted(3)
    link.takeFrame()
    link.receive(incoming(1, 2), 1)
    const cases: [number, boolean][] = [[1, false], [2, true], [3, true], [4, false]]
    for (const [received, possible] of cases) {
      assert.equal(link.canResume(1, received), possible)
      if (!possible) assert.throws(() => { link.attach(2, received) }, ResetError)
    }
    assert.deepEqual([link.canResume(1, 2), link.canResume(2, 2)], [true, false])
    assert.equal(link.attempt, 1)
  })

  test('an attempt claims the link only if it is higher than every one before', () => {
    const link = new Link(Side.MAIN)
    assert.deepEqual([claim(link, 2), claim(link, 2), claim(link, 1), claim(link, 3)], [true, false, false, true])
  })

  test('an attempt that a newer one has superseded cannot attach', () => {
    const link = new Link(Side.MAIN)
    claim(link, 2)
    assert.throws(() => { link.attach(1, 0) }, LocalError)
    assert.equal(link.attached, false)
  })

  test('a claim takes the link from the socket that had it', () => {
    const link = attached({}, Side.MAIN)
    assert.equal(claim(link, 2), true)
    assert.deepEqual(link.receive(incoming(1, 0, 'a'), 1), [])
    assert.equal(link.takeFrame(), null)
  })
})

describe('the end', () => {
  test('an ended link keeps, sends and receives nothing, and returns what was given up', () => {
    const link = posted(3)
    link.takeFrame()
    link.receive(incoming(1, 1), 1)
    assert.equal(link.end(), 2)
    assert.throws(() => link.post(send(4)), LinkEndedError)
    assert.equal(link.takeFrame(), null)
    assert.deepEqual(bodyOf(link), [])
    assert.deepEqual(link.receive(incoming(1, 0, 'a'), null), [])
    assert.deepEqual([link.kept.size, link.keptBytes, link.attached], [0, 0, false])
    assert.equal(link.end(), 0)
  })

  test('a message that was never handed out counts as not sent after the end too', () => {
    const link = posted(2, { frameMessages: 1 })
    link.takeFrame()
    link.end()
    bodyOf(link)
    assert.deepEqual([link.wasHanded(1), link.wasHanded(2), link.fresh], [true, false, false])
  })
})
