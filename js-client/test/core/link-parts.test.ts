/**
 * The link: messages that travel in parts (PROTOCOL.md 4.3), and what bodies of requests carry (2.4, 6.6).
 * Twin: tests/core/test_link.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeBody, decodeFrame, encodeBody, encodeMessage } from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Link, Side } from '../../src/core/link/index.js'
import { attached, bodyOf, firsts, frames, incoming, part, posted, refusal, send } from './links.js'

describe('parts', () => {
  const limits = { partBytes: 100, messageBytes: 1000 }

  test('a large message travels in parts, each in a frame of its own, and arrives whole', () => {
    const bytes = Uint8Array.from({ length: 250 }, (_, index) => index)
    const [out, to] = [posted(1, limits), attached(limits, Side.MAIN)]
    const last = out.post(send('large', bytes, bytes.subarray(0, 9)))
    out.post(send('after'))
    const taken = frames(out)
    assert.deepEqual(taken.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6])
    assert.equal(last, 5)
    assert.ok(taken.every(({ messages }) => messages.length === 1 && (messages[0]?.segments[0]?.length ?? 0) <= 100))
    const arrived = taken.flatMap((frame) => to.receive(frame, 1))
    assert.deepEqual(firsts(arrived), [1, 'large', 'after'])
    assert.deepEqual(arrived[1]?.kind === 'send' && arrived[1].segments, [bytes, bytes.subarray(0, 9)])
    assert.equal(to.received, 6)
  })

  test('a message of just the size of a part travels whole', () => {
    const link = attached({ partBytes: send(1).size })
    link.post(send(1))
    assert.equal(frames(link)[0]?.messages[0]?.fields[0], 'send')
  })

  test('a message with very many segments travels in parts when its frame would be too large', () => {
    const segments = Array.from({ length: 10_000 }, () => new Uint8Array(94))
    const link = attached()
    const to = attached({}, Side.MAIN)
    const message = send(null, ...segments)
    assert.ok(message.size + 8 * 10_000 > DEFAULT_LIMITS.partBytes)
    link.post(message)
    const arrived = []
    while (link.next <= link.last) {
      arrived.push(...frames(link).flatMap((frame) => to.receive(frame, 1)))
      link.receive(decodeFrame(to.bareFrame()), 1)
    }
    assert.equal(arrived.length, 1)
  })

  test('a parcel that is too large is refused at its first part', () => {
    assert.deepEqual(attached(limits).receive(part(1, 1924, 100), 1), [])
    assert.throws(() => attached(limits).receive(part(1, 1925, 100), 1), refusal(4413))
  })

  test('counts that do not agree are refused', () => {
    for (const [remaining, size] of [[799, 100], [801, 100], [900, 100], [800, 99], [900, 0]] as const) {
      const link = attached(limits)
      link.receive(part(1, 900, 100), 1)
      assert.throws(() => link.receive(part(2, remaining, size), 1), refusal(4400), `${remaining} ${size}`)
    }
  })

  test('an empty piece, another kind in between, and parts that are no parcel are refused', () => {
    assert.throws(() => attached(limits).receive(part(1, 50, 0), 1), refusal(4400))
    const link = attached(limits)
    link.receive(part(1, 50, 50), 1)
    assert.throws(() => link.receive(incoming(2, 0, 'a'), 1), refusal(4400))
    assert.throws(() => attached(limits).receive(part(1, 0, 50), 1), refusal(4400))
  })

  test('a part within a parcel is refused', () => {
    const link = attached({ partBytes: 1 })
    link.post(encodeMessage(['part'], { skeleton: 5, fixups: [], segments: [Uint8Array.of(1)] }))
    const to = attached()
    assert.throws(() => frames(link).map((frame) => to.receive(frame, 1)), refusal(4400))
  })
})

describe('bodies', () => {
  test('the backlog is everything kept, oldest first, and the socket still sends it', () => {
    const link = posted(3, { frameMessages: 2 })
    link.receive(incoming(1, 0, 'a'), 1)
    const [head, tail] = bodyOf(link).map((frame) => decodeFrame(frame))
    assert.deepEqual([head?.seq, head?.ack, head?.messages.length, tail?.seq, tail?.messages.length], [1, 1, 2, 3, 1])
    assert.deepEqual([link.fresh, link.wasHanded(3)], [false, true])
    assert.deepEqual(frames(link).map(({ seq }) => seq), [1, 3])
  })

  test('a bounded backlog is the oldest messages that fit, heads and lengths included', () => {
    const link = new Link(Side.RENDERER)
    for (let index = 0; index < 1000; index++) link.post(send(null, new Uint8Array(index % 3)))
    const body = encodeBody(bodyOf(link, 20_000))
    assert.ok(body.length <= 20_000)
    assert.ok(body.length > 10_000)
    const count = decodeBody(body).reduce((sum, { messages }) => sum + messages.length, 0)
    assert.deepEqual([link.wasHanded(count), link.wasHanded(count + 1)], [true, false])
    assert.deepEqual(bodyOf(link, 10), [])
  })

  test('messages of a body that the peer acknowledged are not sent again', () => {
    const link = posted(3)
    bodyOf(link)
    link.receive(incoming(1, 2), 1)
    assert.deepEqual(frames(link).map(({ seq }) => seq), [3])
  })
})
