/** The ports of a link in the page: Node's own MessagePorts on this side, messages on the other. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { encode } from '../../src/core/clone/index.js'
import { decodeValue, parse, type Envelope, type Port } from '../../src/core/envelope.js'
import { BufferFullError, DestroyedError, LimitError, ProtocolError } from '../../src/core/errors.js'
import { decodeFrame, encodeFrame, type EncodedMessage } from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { LinkPorts } from '../../src/ports/link-ports.js'
import { quiet, until } from '../support/scripted-server.js'

const REFUSED = { name: 'TypeError', message: 'Invalid value for transfer' }

let ports: LinkPorts
/** The sent messages. */
let sent: Envelope[]
/** Channels that a test has opened: an open port keeps Node alive. */
let channels: MessageChannel[]
let refuse: Error | undefined

function post(message: EncodedMessage): void {
  if (refuse) throw refuse
  sent.push(...parse(decodeFrame(encodeFrame(1, 0, [message])).messages))
}

function channel(): MessageChannel {
  const made = new MessageChannel()
  channels.push(made)
  return made
}

function give(...transfer: MessagePort[]): void {
  ports.send(['post', 'channel'], encode(null), transfer)
}

/** The other side posts to a port. */
function say(port: number, message: unknown, ids: number[] = []): void {
  const { skeleton, fixups, segments } = encode(message)
  ports.receive({ kind: 'port', port, value: skeleton, fixups, segments, meta: null, ports: ids })
}

const kinds = (): string[] => sent.map(({ kind }) => kind)
const said = (port: number): Port[] =>
  sent.filter((message): message is Port => message.kind === 'port' && message.port === port)
const valuesOf = (port: number): unknown[] => said(port).map((message) => decodeValue(message))

beforeEach(() => {
  ports = new LinkPorts(DEFAULT_LIMITS, post, () => Infinity)
  sent = []
  channels = []
  refuse = undefined
})
afterEach(() => {
  ports.end()
  for (const { port1, port2 } of channels) for (const port of [port1, port2]) port.close()
})

describe('ports that the page sends', () => {
  test('have odd ids, in order, and are sent with the message', () => {
    const given = [channel(), channel()]
    give(...given.map(({ port2 }) => port2))
    give()
    assert.deepEqual(sent.map((message) => message.kind === 'post' && message.ports), [[1, 3], []])
    assert.equal(ports.size, 2)
  })

  test('what was posted to them before and after the message is sent after it, once, in order', async () => {
    const { port1, port2 } = channel()
    port1.postMessage('before')
    give(port2)
    port1.postMessage(new Map([[1, new Date(5)]]))
    port2.postMessage('into nothing')
    await until(() => sent.length === 3)
    await quiet()
    assert.deepEqual(kinds(), ['post', 'port', 'port'])
    assert.deepEqual(valuesOf(1), ['before', new Map([[1, new Date(5)]])])
  })

  test('messages of the other side arrive at the end that the page has kept', async () => {
    const { port1, port2 } = channel()
    const heard: unknown[] = []
    port1.onmessage = ({ data }) => heard.push(data)
    give(port2)
    say(1, 'one')
    say(1, { two: [2] })
    await until(() => heard.length === 2)
    assert.deepEqual(heard, ['one', { two: [2] }])
  })

  test('a port can be sent through a port, both ways', async () => {
    const outer = channel()
    const inner = channel()
    give(outer.port2)
    outer.port1.postMessage('see', [inner.port2])
    await until(() => sent.length === 2)
    assert.deepEqual(sent[1]?.kind === 'port' && sent[1].ports, [3])
    inner.port1.postMessage('matryoshka')
    await until(() => sent.length === 3)
    assert.deepEqual(valuesOf(3), ['matryoshka'])
    const got: MessagePort[] = []
    outer.port1.onmessage = (event) => got.push(...event.ports)
    say(1, 'take', [2])
    await until(() => got.length === 1)
    got[0]?.postMessage('back')
    await until(() => sent.length === 4)
    assert.deepEqual(valuesOf(2), ['back'])
  })

  test('anything but a list of usable ports is refused with the words of Electron', () => {
    const { port1, port2 } = channel()
    const used = channel().port1
    structuredClone(used, { transfer: [used] }).close()
    const wrong = [null, 'ports', {}, 5, [new ArrayBuffer(1)], [null], [port1, port1], [used]]
    for (const transfer of wrong) {
      assert.throws(() => { ports.send(['post', 'c'], encode(1), transfer) }, REFUSED)
    }
    ports.send(['post', 'c'], encode(1), undefined)
    give(port2)
    assert.deepEqual(sent.map((message) => message.kind === 'post' && message.ports), [[], [1]])
  })

  test('a bad port costs the good ones before it, and their other ends get a close', async () => {
    const { port1, port2 } = channel()
    const used = channel().port1
    structuredClone(used, { transfer: [used] }).close()
    let closes = 0
    port1.addEventListener('close', () => { closes += 1 })
    assert.throws(() => { give(port2, used) }, REFUSED)
    await until(() => closes > 0)
    assert.equal(ports.size, 0)
  })

  test('a message that cannot be sent closes its ports, and the next one is sent', () => {
    const first = channel()
    refuse = new LimitError('message_bytes', 2, 1)
    assert.throws(() => { give(first.port2) }, LimitError)
    assert.equal(ports.size, 0)
    refuse = undefined
    give(channel().port2)
    // Ids are never reused.
    assert.deepEqual(sent.map((message) => message.kind === 'post' && message.ports), [[3]])
  })

  test('too many are refused, and the page keeps them', () => {
    ports = new LinkPorts({ ...DEFAULT_LIMITS, openPorts: 1 }, post, () => Infinity)
    const two = [channel(), channel()]
    assert.throws(() => { give(...two.map(({ port2 }) => port2)) }, { code: 'limit', limit: 'open_ports' })
    give(...two.slice(0, 1).map(({ port2 }) => port2))
    assert.equal(ports.size, 1)
  })
})

describe('values that cannot be read', () => {
  test('a sent one arrives as null, with a warning, and the port stays open', async () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      const { port1, port2 } = channel()
      give(port2)
      port1.postMessage(new SharedArrayBuffer(1))
      port1.postMessage('next')
      await until(() => sent.length === 3)
      assert.deepEqual(valuesOf(1), [null, 'next'])
      assert.match(String(warn.mock.calls[0]?.arguments[0]), /An object could not be cloned\. message/)
    } finally {
      warn.mock.restore()
    }
  })

  test('a received one arrives as null, and ends no link', async () => {
    const { port1, port2 } = channel()
    const heard: unknown[] = []
    port1.onmessage = ({ data }) => heard.push(data)
    give(port2)
    ports.receive({ kind: 'port', port: 1, value: [1], fixups: [['d', [7]]], segments: [], meta: null, ports: [] })
    say(1, 'next')
    await until(() => heard.length === 2)
    assert.deepEqual(heard, [null, 'next'])
  })
})

describe('invalid ports', () => {
  test('a port that was never sent is a protocol error', () => {
    give(channel().port2)
    for (const id of [3, 5, 2, 4]) {
      assert.throws(() => { say(id, 1) }, ProtocolError, String(id))
      assert.throws(() => { ports.receiveClose(id) }, ProtocolError, String(id))
    }
  })

  test('ids that do not grow, or are the page\'s own, are one too', () => {
    ports.handOut([2])
    for (const id of [2, 1, 3, 0]) assert.throws(() => ports.handOut([id]), ProtocolError, String(id))
  })

  test('more than the limit are refused with 4413', () => {
    ports = new LinkPorts({ ...DEFAULT_LIMITS, openPorts: 1 }, post, () => Infinity)
    assert.throws(() => ports.handOut([2, 4]), { closeCode: 4413 })
  })
})

describe('the end of a port', () => {
  test('the page closes its end: the other side gets the close after all messages', async () => {
    const [port] = ports.handOut([2])
    port?.postMessage(1)
    port?.postMessage(2)
    port?.close()
    await until(() => sent.length === 3)
    assert.deepEqual([kinds(), valuesOf(2), ports.size], [['port', 'port', 'port-close'], [1, 2], 0])
  })

  test('the other side closes: earlier messages arrive, then a close, and nothing is answered', async () => {
    const [port] = ports.handOut([2])
    assert.ok(port)
    const heard: unknown[] = []
    port.onmessage = ({ data }) => heard.push(data)
    port.addEventListener('close', () => heard.push('close'))
    say(2, 1)
    say(2, 2)
    ports.receiveClose(2)
    await until(() => heard.includes('close'))
    assert.deepEqual([heard.slice(0, 3), sent, ports.size], [[1, 2, 'close'], [], 0])
  })

  test('a message for a port that is closed here is ignored, and its ports are closed', async () => {
    const [port] = ports.handOut([2])
    port?.close()
    await until(() => sent.length === 1)
    say(2, 'late', [4])
    ports.receiveClose(2)
    await until(() => sent.length === 2)
    assert.deepEqual(sent.map((message) => message.kind === 'port-close' && message.port), [2, 4])
  })

  test('the end of the link closes all, and nothing more is sent', async () => {
    const { port1, port2 } = channel()
    let closes = 0
    port1.addEventListener('close', () => { closes += 1 })
    give(port2)
    const [handed] = ports.handOut([2])
    ports.end()
    handed?.postMessage('into nothing')
    port1.postMessage('into nothing')
    await until(() => closes > 0)
    await quiet()
    assert.deepEqual([kinds(), ports.size], [['post'], 0])
  })

  test('a port received after its link has ended is closed, and sends nothing on the next one', async () => {
    ports.end()
    const [port] = ports.handOut([2])
    assert.ok(port)
    port.start()
    port.postMessage('too late')
    port.close()
    await quiet()
    assert.deepEqual([sent, ports.size], [[], 0])
  })
})

for (const [what, refusal] of [
  ['a full buffer', new BufferFullError('kept_bytes', 2, 1)],
  ['a link that refuses even null', new LimitError('message_bytes', 2, 1)],
  ['a closed connection', new DestroyedError('closed')],
] as const) test(`${what} closes the port of a message, and the ports sent with it`, async () => {
  const globals = globalThis as { reportError?: unknown }
  const reported: unknown[] = []
  // Node 20 has no such function, and would end.
  globals.reportError = (error: unknown) => reported.push(error)
  try {
    const outer = channel()
    const inner = channel()
    let closes = 0
    for (const { port1 } of [outer, inner]) port1.addEventListener('close', () => { closes += 1 })
    give(outer.port2)
    refuse = refusal
    outer.port1.postMessage('too much', [inner.port2])
    await until(() => closes >= 2)
    assert.deepEqual([ports.size, reported[0]], [0, refusal])
  } finally {
    delete globals.reportError
  }
})
